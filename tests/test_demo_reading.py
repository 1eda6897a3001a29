"""The demo's words follow its figures: policies and ensembles on the same rows, paired by day."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from cvn_harness_core import TrainingPolicy
from cvn_harness_core.harness.train_ensemble import base_policy
from cvn_orchestrator.demo.ensembles import Comparison, comparison_table, comparisons
from cvn_orchestrator.demo.plan import ENSEMBLES, MODELS, write_plan, write_table
from cvn_orchestrator.demo.pooled import LOG_LOSS, difference, pooled
from cvn_orchestrator.demo.reading import paragraphs, reading, table
from cvn_orchestrator.demo.run import read
from cvn_orchestrator.demo.totals import all_models, totals
from cvn_orchestrator.plan.reading import read_plan
from cvn_orchestrator.sweep.prepared import Cell, PreparedSweep, prepare

DAYS = np.datetime64("2020-01-01") + np.arange(400)
EVERY = np.ones(DAYS.size, bool)
FIXED = np.full(DAYS.size, 0.4)


def rows_tested(
    net: np.ndarray, bought: np.ndarray, score: np.ndarray = FIXED, model: str = "any"
) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "policy": "economic",
            "role": "ensemble" if model == "blend" else "base",
            "model": model,
            "date": DAYS,
            "label": (net > 0).astype(np.int8),
            "net_return": net,
            "score": score,
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
    view = pooled(rows_tested(net, every_other))
    assert view.earned == pytest.approx(1000 * net[every_other].sum() / DAYS.size)
    assert view.expectancy is not None
    assert view.expectancy.value == pytest.approx(net[every_other].mean())
    assert view.expectancy.low < view.expectancy.value < view.expectancy.high
    assert view.sentence(0.35).startswith(f"{verdict}: 200 signals")


def test_copies_of_one_decision_are_no_more_evidence() -> None:
    one = rows_tested(noise(0.1), EVERY)
    assert pooled(pl.concat([one] * 9)).expectancy == pytest.approx(pooled(one).expectancy)


def test_a_policy_that_never_buys_is_not_tradable() -> None:
    view = pooled(rows_tested(noise(0.5), ~EVERY))
    assert (view.signals, view.precision, view.expectancy, view.earned) == (0, None, None, 0.0)
    assert view.sentence(0.35) == "Not tradable: nothing was bought."


def test_a_difference_is_paired_by_day() -> None:
    net = noise(0.0)
    every, shuffled = (
        rows_tested(net, EVERY),
        rows_tested(net, EVERY).sample(fraction=1, shuffle=True),
    )
    assert difference(every, shuffled) == (0.0, 0.0, 0.0)
    more, low, high = difference(rows_tested(net, net > 0), every)
    assert more == pytest.approx(-1000 * net[net < 0].mean() * (net < 0).mean())
    assert 0 < low < more < high


def test_a_difference_is_refused_on_other_rows() -> None:
    every = rows_tested(noise(0.0), EVERY)
    with pytest.raises(AssertionError):
        difference(every, every.with_columns(pl.col("date") + pl.duration(days=1)))


def test_log_loss_is_that_of_scikit_learn() -> None:
    from sklearn.metrics import log_loss

    net, score = noise(0.0), np.random.default_rng(1).uniform(size=DAYS.size)
    score[:3], net[:3] = [0.0, 1.0, 0.0], [-1.0, 1.0, 1.0]  # certain: twice right, once wrong
    rows = rows_tested(net, EVERY, score)
    mean = rows.select(LOG_LOSS.mean()).item()
    assert mean == pytest.approx(log_loss(rows["label"].to_numpy(), score), rel=1e-12)


def against(blend: pl.DataFrame, **bases: pl.DataFrame) -> tuple[Comparison, Comparison]:
    """Compare fabricated rows of an ensemble with those of its bases: by net, by log loss."""
    named = [part.with_columns(pl.lit(name).alias("model")) for name, part in bases.items()]
    row = {"role": "ensemble", "model": "blend", "bases": [*bases]}
    by_net, by_loss = comparisons([row], pl.concat([blend, *named]))
    return by_net, by_loss


NET = noise(0.0)
LABEL = NET > 0
BETTER = np.where(LABEL, 0.6, 0.4)
VERDICTS = ("beats its best base", "falls behind its best base", "no difference beyond chance")
BEATS, BEHIND, CHANCE = VERDICTS


@pytest.mark.parametrize(
    ("bought", "score", "by_net", "by_loss"),
    [
        (LABEL, BETTER, BEATS, BEATS),
        (~LABEL, 1 - BETTER, BEHIND, BEHIND),
        (~LABEL, BETTER, BEHIND, BEATS),
        (EVERY, FIXED, CHANCE, CHANCE),
        (
            np.arange(DAYS.size) % 2 == 0,
            np.where(np.arange(DAYS.size) % 2, 0.5, 0.42),
            CHANCE,
            CHANCE,
        ),
    ],
    ids=["better", "worse", "worse by net alone", "equal", "chance"],
)
def test_an_ensembles_verdict_follows_the_interval(
    bought: np.ndarray, score: np.ndarray, by_net: str, by_loss: str
) -> None:
    base = rows_tested(NET, EVERY, np.full(DAYS.size, LABEL.mean()))
    blend = rows_tested(NET, bought, score, "blend")
    found = against(blend, base=base)
    assert [c.verdict for c in found] == [by_net, by_loss]
    for c in found:
        assert c.difference.value == pytest.approx(c.ensemble_mean - c.base_mean)
        assert c.difference.low <= c.difference.value <= c.difference.high


def test_a_small_steady_lead_counts_since_days_are_paired() -> None:
    """Each day's own noise is a hundred times the lead, and cancels."""
    base = rows_tested(NET, EVERY, model="base")
    ahead = rows_tested(NET + 0.01, EVERY, model="blend")
    by_net, _ = against(ahead, base=base)
    assert by_net.verdict == BEATS
    assert by_net.difference == pytest.approx((10.0, 10.0, 10.0))


def test_the_best_base_is_chosen_by_each_measure_on_the_test_rows() -> None:
    rich = rows_tested(NET, LABEL, 1 - BETTER)
    sharp = rows_tested(NET, EVERY, BETTER)
    by_net, by_loss = against(rows_tested(NET, EVERY, model="blend"), sharp=sharp, rich=rich)
    assert (by_net.base, by_loss.base) == ("rich", "sharp")
    assert by_net.base_mean == pytest.approx(1000 * NET[LABEL].sum() / DAYS.size)
    assert by_loss.base_mean == pytest.approx(-np.log(0.6))
    header, *lines = comparison_table([by_net, by_loss]).splitlines()
    assert header.split("  ")[0] == "measure"
    assert [line.split()[:3] for line in lines] == [["net", "/", "1,000"], ["log", "loss", "blend"]]
    low, high = by_net.difference[1:]
    assert lines[0].endswith(f"{low:+.1f} to {high:+.1f}")
    assert BEHIND in lines[0]


Ran = tuple[list[Cell], list[dict[str, Any]], pl.DataFrame]


def planned(home: Path, **settings: Any) -> PreparedSweep:
    write_table(home)
    plan = read_plan(write_plan(home, n_folds=1, n_threads=1, **settings))
    return prepare(plan, home / "work")


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    home: Path = tmp_path_factory.mktemp("demo")
    sweep = planned(home, models=("lightgbm",), ensembles=())
    return (list(sweep.cells), *read(sweep, home, sweep.cells))


def with_a_blend(rows: list[dict[str, Any]], tested: pl.DataFrame) -> Ran:
    """Add a base that does as the model does, and an ensemble that does as its only base."""
    economic = [row for row in rows if row["policy"]["name"] == "economic"]
    blend = {"role": "ensemble", "model": "blend", "bases": ["lightgbm"]}
    same = tested.filter(pl.col("policy") == "economic")
    base = same.with_columns(pl.lit("base").alias("role"))
    own = same.with_columns(pl.lit("ensemble").alias("role"), pl.lit("blend").alias("model"))
    more = [{**row, **change} for change in ({"role": "base"}, blend) for row in economic]
    return [], [*rows, *more], pl.concat([tested, base, own])


def test_bases_are_trained_as_their_ensembles_train_them(tmp_path: Path) -> None:
    sweep = planned(tmp_path)
    order = [cell.variant for cell in sweep.cells if cell.symbol == "SP500"]
    assert order == [
        *(f"{model}-{policy}" for model in MODELS for policy in ("economic", "adr0089")),
        *(f"{model}-base" for model in MODELS),
        *(f"{ensemble}-economic" for ensemble in ENSEMBLES),
    ]
    assert sweep.plan.variant("xgboost-economic").policy == TrainingPolicy.economic()
    for ensemble in ENSEMBLES:
        own = sweep.plan.variant(f"{ensemble}-economic").policy
        for model in MODELS:
            assert base_policy(own) == sweep.plan.variant(f"{model}-base").policy


def test_an_ensemble_stands_beside_the_models_and_not_among_them(small: Ran) -> None:
    _, rows, tested = small
    _, more, more_tested = with_a_blend(rows, tested)
    assert [t.model for t in totals(more, "economic")] == ["lightgbm", "all models", "blend"]
    assert [t.model for t in totals(more, "adr0089")] == ["lightgbm", "all models"]
    assert all_models(more, "economic") == all_models(rows, "economic")
    shown = [row for row in more if row["role"] != "base"]
    line = next(text for text in table(shown).splitlines() if "blend" in text)
    model = next(text for text in table(shown).splitlines() if "lightgbm" in text)
    assert line.split("|")[1] == model.split("|")[1]
    assert line.split("|")[2].split() == ["-"] * 4
    said, more_said = paragraphs(rows, tested), paragraphs(shown, more_tested)
    assert more_said[:4] == said[:4]
    assert more_said[4].startswith("An ensemble's best base")
    assert f"of the {len(shown)} trainings shown" in " ".join(more_said[5].split())
    text = reading(more, more_tested)
    assert text.count("blend  ") == 2 + 1 + 2  # cells, totals, comparisons
    assert text.count(CHANCE) == 2


def test_both_policies_see_the_same_rows(small: Ran) -> None:
    cells, rows, table_ = small
    assert [(c.symbol, c.variant.partition("-")[2]) for c in cells] == [
        (symbol, policy) for symbol in ("SP500", "NASDAQ") for policy in ("economic", "adr0089")
    ]
    for row in rows:
        assert row["tradability"]["sentence"]
    rows_of = {name: part.drop("bought", "score") for (name,), part in table_.group_by("policy")}
    assert rows_of["economic"].drop("policy").equals(rows_of["adr0089"].drop("policy"))
    for name in ("economic", "adr0089"):
        total, view = all_models(rows, name), pooled(table_.filter(pl.col("policy") == name))
        assert (total.signals, total.cells) == (view.signals, 2)
        assert total.earned == pytest.approx(view.earned)


def test_no_trade_stands_in_the_table_and_is_counted(small: Ran) -> None:
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


def test_an_edge_is_claimed_only_where_the_figures_bear_it(small: Ran) -> None:
    _, rows, table_ = small
    assert "This is no evidence of an edge." in " ".join(reading(rows, table_).split())
    rich = table_.with_columns(pl.col("net_return") + 5.0)
    said = " ".join(reading(rows, rich).split())
    assert "no evidence of an edge" not in said
    assert "weak evidence of an edge, on one history" in said
