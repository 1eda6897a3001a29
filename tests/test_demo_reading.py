"""The demo's words follow its figures: each policy on its own rows, intervals over days."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from cvn_orchestrator.demo import run as demo
from cvn_orchestrator.demo.pooled import difference, pooled
from cvn_orchestrator.demo.reading import paragraphs, reading, table, totals

DAYS = np.datetime64("2020-01-01") + np.arange(400)


def rows_tested(policy: str, net: np.ndarray, bought: np.ndarray) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "policy": policy,
            "model": "any",
            "date": DAYS,
            "label": (net > 0).astype(np.int8),
            "net_return": net,
            "bought": bought,
        }
    )


def noise(mean: float) -> np.ndarray:
    return np.random.default_rng(0).normal(mean, 1.0, size=DAYS.size)


@pytest.mark.parametrize(
    ("mean", "verdict"),
    [(0.5, "Tradable on test"), (0.0, "Unproven"), (-0.5, "Not tradable")],
)
def test_the_pooled_verdict_follows_the_interval(mean: float, verdict: str) -> None:
    net, every_other = noise(mean), np.arange(DAYS.size) % 2 == 0
    view = pooled(rows_tested("p", net, every_other), "p")
    assert view.expectancy == pytest.approx(net[every_other].mean())
    assert view.earned == pytest.approx(1000 * net[every_other].sum() / DAYS.size)
    assert view.interval is not None
    assert view.interval[0] < view.expectancy < view.interval[1]
    assert view.sentence(0.35).startswith(f"{verdict}: 200 signals")


def test_copies_of_one_decision_are_no_more_evidence() -> None:
    one = rows_tested("p", noise(0.1), np.ones(DAYS.size, bool))
    assert pooled(pl.concat([one] * 9), "p").interval == pytest.approx(pooled(one, "p").interval)


def test_a_policy_that_never_buys_is_not_tradable() -> None:
    view = pooled(rows_tested("p", noise(0.5), np.zeros(DAYS.size, bool)), "p")
    assert (view.signals, view.expectancy, view.interval, view.earned) == (0, None, None, 0.0)
    assert view.sentence(0.35) == "Not tradable: p bought nothing."


def test_the_difference_of_two_policies_is_paired_by_day() -> None:
    net = noise(0.0)
    both = pl.concat(
        [
            rows_tested("a", net, np.ones(DAYS.size, bool)),
            rows_tested("b", net, np.ones(DAYS.size, bool)),
        ]
    )
    assert difference(both, "a", "b") == (0.0, (0.0, 0.0))
    better = pl.concat([rows_tested("a", net, net > 0), rows_tested("b", net, net > -9)])
    more, (low, high) = difference(better, "a", "b")
    assert more == pytest.approx(-1000 * net[net < 0].mean() * (net < 0).mean())
    assert 0 < low < more < high


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[demo.Cell], list, pl.DataFrame]:
    cells = list(demo.cells(1, models=("lightgbm",)))
    home: Path = tmp_path_factory.mktemp("demo")
    return (cells, *demo.run(cells, home, n_threads=1, done=lambda _: None))


def test_both_policies_see_the_same_rows(small: tuple) -> None:
    cells, rows, table_ = small
    assert [(c.symbol, c.policy.name) for c in cells] == [
        (symbol, policy) for symbol in ("SP500", "NASDAQ") for policy in ("economic", "adr0089")
    ]
    for row in rows:
        assert row["tradability"]["sentence"]
    rows_of = {name: part.drop("bought") for (name,), part in table_.group_by("policy")}
    assert rows_of["economic"].drop("policy").equals(rows_of["adr0089"].drop("policy"))
    for name in ("economic", "adr0089"):
        total, view = totals(rows, name)[-1], pooled(table_, name)
        assert (total.signals, total.cells) == (view.signals, 2)
        assert total.earned == pytest.approx(view.earned)


def test_no_trade_stands_in_the_table_and_is_counted(small: tuple) -> None:
    _, rows, table_ = small
    idle = {"n_signals": 0, "buy_rate": 0.0, "precision_buy": None, "expectancy": None}
    first = {**rows[0], "theta": None, "tradability": {"verdict": "not_tradable"}}
    first["metrics"] = {"test": {**rows[0]["metrics"]["test"], **idle}}
    changed = [first, *rows[1:]]
    line = next(text for text in table(changed).splitlines() if text.startswith("SP500"))
    assert line.split("|")[1].split() == ["NO_TRADE", "0.0%", "-", "-"]
    said = " ".join(" ".join(paragraphs(changed, table_)).split())
    assert "NO_TRADE in 1 of 2 cells" in said
    assert "1 not tradable" in said


def test_an_edge_is_claimed_only_where_the_figures_bear_it(small: tuple) -> None:
    _, rows, table_ = small
    assert "This is no evidence of an edge." in " ".join(reading(rows, table_).split())
    rich = table_.with_columns(pl.col("net_return") + 5.0)
    said = " ".join(reading(rows, rich).split())
    assert "no evidence of an edge" not in said
    assert "weak evidence of an edge, on one history" in said
