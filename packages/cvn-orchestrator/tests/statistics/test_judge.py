"""A sweep goes in, verdicts come out."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import polars as pl
import pytest

from cvn_harness_core import InputError
from cvn_orchestrator.statistics import Rules, judge

EDGES = {"base": 0.05, "good": 0.45, "bad": -0.4, "same": 0.05}
SCORES = {"good": 0.05, "bad": -0.05}


@pytest.fixture
def sweep(make_sweep: Callable[..., Any]) -> Any:
    return make_sweep(EDGES, scores=SCORES)


def test_a_real_edge_is_locked_and_a_loser_is_not_tradable(sweep: Any) -> None:
    found = judge(*sweep.parts(), baseline="base", n_trials=20, costs=(0.05, 0.4))
    assert [one.variant for one in found.variants] == ["base", "bad", "good", "same"]
    assert found.of("good").verdict == "LOCK"
    assert found.of("bad").verdict == "NOT_TRADABLE"
    assert found.of("same").verdict == found.of("base").verdict == "INCONCLUSIVE"
    assert found.sentence.startswith(
        "Lock good, after a cost of 0.05: 1 LOCK, 2 INCONCLUSIVE, 1 NOT_TRADABLE, of 4 variants; "
        "20 trials ever run, p "
    )
    assert found.of("good").sentence.startswith("good: LOCK, tradable, and better than the base")
    assert "after a cost of 0.05" in found.of("good").sentence
    dear = judge(*sweep.parts(), baseline="base", n_trials=20, costs=(0.9,))
    assert dear.sentence.startswith("Nothing to lock, after a cost of 0.9: 4 NOT_TRADABLE")
    assert found.family.confidence_set == ("good",)
    assert found.family.overfitting is not None
    assert found.family.overfitting.probability < 0.1


def test_every_figure_has_a_value_or_a_reason(sweep: Any) -> None:
    found = judge(*sweep.parts(), baseline="base", n_trials=20)
    good = found.of("good")
    metrics = ["net_return", "expectancy", "pr_auc", "roc_auc", "log_loss", "brier"]
    assert [one.metric for one in good.comparisons] == metrics
    for one in good.comparisons:
        assert one.gain is not None
        assert one.interval is not None
        assert one.p is not None
        assert one.adjusted_p is not None
        assert one.interval[0] < one.gain < one.interval[1]
        assert one.p <= one.adjusted_p
        assert one.n_cells == 18
    assert good.luck is not None
    assert 0 < good.luck.hurdle < good.luck.sharpe.value
    assert good.luck.sharpe.n <= 126
    assert found.of("base").comparisons == ()


def test_a_gain_in_expectancy_does_not_depend_on_cost_and_its_level_does(sweep: Any) -> None:
    free, dear = (
        judge(*sweep.parts(), baseline="base", n_trials=20, costs=(cost,)) for cost in (0.0, 0.2)
    )
    for one, other in zip(free.of("good").comparisons, dear.of("good").comparisons, strict=True):
        if one.metric != "net_return":
            assert one.gain == pytest.approx(other.gain)
    at = [judgement.of("good").at_costs[0].expectancy.value for judgement in (free, dear)]
    assert at[0] - at[1] == pytest.approx(0.2)


def test_several_costs_are_shown_and_the_first_decides(sweep: Any) -> None:
    found = judge(*sweep.parts(), baseline="base", n_trials=20, costs=(0.9, 0.0))
    good = found.of("good")
    assert [one.cost for one in good.at_costs] == [0.9, 0.0]
    assert good.at_costs[1].expectancy.value > 0
    assert good.verdict == "NOT_TRADABLE"


def test_one_hole_leaves_no_verdict_and_figures_of_the_rest(sweep: Any) -> None:
    hole = (pl.col("symbol") == "CCC") & (pl.col("fold") == 4) & (pl.col("variant") == "same")
    cells = sweep.cells.with_columns(state=pl.when(hole).then(pl.lit("failed")).otherwise("state"))
    trades = sweep.trades.filter(~hole)
    found = judge(cells, trades, sweep.dates, baseline="base", n_trials=20)
    assert {one.verdict for one in found.variants} == {"INCONCLUSIVE"}
    assert found.sentence == "No verdict: 71 of 72 cells are done (missing: ('CCC', 4, 'same'))."
    assert {one.n_cells for one in found.of("good").comparisons} == {17}


def test_more_trials_take_a_lock_back(make_sweep: Callable[..., Any]) -> None:
    sweep = make_sweep({"base": 0.0, "good": 0.2}, scores={"good": 0.05})
    few, many = (judge(*sweep.parts(), baseline="base", n_trials=n) for n in (2, 10**6))
    assert few.of("good").verdict == "LOCK"
    assert many.of("good").verdict == "KEEP_AVAILABLE"
    assert "but deflated Sharpe ratio" in many.of("good").reasons[0]


def test_better_scores_with_the_trades_of_the_baseline_are_no_lock(
    make_sweep: Callable[..., Any],
) -> None:
    sweep = make_sweep({"base": 0.45, "twin": 0.45}, scores={"twin": 0.05})
    mine = sweep.trades.filter(pl.col("variant") == "base")
    trades = pl.concat([mine, mine.with_columns(variant=pl.lit("twin"))])
    cells = sweep.cells.drop("n_signals")
    found = judge(cells, trades, sweep.dates, baseline="base", n_trials=2).of("twin")
    assert found.verdict == "KEEP_AVAILABLE"
    assert "pr_auc, roc_auc, log_loss and brier" in found.reasons[0]
    assert found.reasons[0].endswith("but no better money (net return the same)")


def test_scores_have_no_p_value_where_folds_test_the_same_days(
    make_sweep: Callable[..., Any],
) -> None:
    sweep = make_sweep(EDGES, scores=SCORES)
    # What fold 6 tested, fold 5 tests as well.
    again = sweep.trades.filter(pl.col("fold") == 6).with_columns(fold=pl.lit(5, pl.Int64))
    trades = pl.concat([sweep.trades, again])
    cells = sweep.cells.drop("n_signals")
    found = judge(cells, trades, sweep.dates, baseline="base", n_trials=20)
    for one in found.of("good").comparisons:
        assert one.gain is not None
        assert one.d is not None
        if one.metric in ("net_return", "expectancy"):
            assert one.p is not None
        else:
            assert (one.p, one.adjusted_p, one.interval) == (None, None, None)
            assert one.reasons == ("test windows of folds overlap",)


def test_dates_by_fold_tell_that_folds_overlap_where_nothing_signals(
    make_sweep: Callable[..., Any],
) -> None:
    sweep = make_sweep(EDGES, scores=SCORES, signals=dict.fromkeys(EDGES, 0.0))
    apart = {fold: sweep.dates[at * 21 : (at + 1) * 21] for at, fold in enumerate(range(1, 7))}
    shared = apart | {1: sweep.dates[:22]}
    p = {}
    for name, dates in (("flat", sweep.dates), ("apart", apart), ("shared", shared)):
        found = judge(sweep.cells, sweep.trades, dates, baseline="base", n_trials=20)
        assert found.n_dates == len(sweep.dates)
        p[name] = {one.metric: one.p for one in found.of("good").comparisons}
    assert p["flat"] == p["apart"]
    assert p["apart"]["brier"] is not None
    assert p["shared"]["brier"] is None


def test_few_signals_leave_no_verdict(make_sweep: Callable[..., Any]) -> None:
    sweep = make_sweep({"base": 0.0, "rare": 0.5}, signals={"rare": 0.1})
    found = judge(*sweep.parts(), baseline="base", n_trials=2)
    assert found.of("rare").verdict == "INCONCLUSIVE"
    assert "30 are needed" in found.of("rare").sentence
    assert judge(
        *sweep.parts(), baseline="base", n_trials=2, rules=Rules(fold_signals=1, signals=20)
    ).of("rare").verdict in {"KEEP_AVAILABLE", "LOCK"}


def test_a_variant_that_never_trades_and_a_sweep_of_one_variant_are_judged(
    make_sweep: Callable[..., Any],
) -> None:
    sweep = make_sweep({"base": 0.0, "never": 0.0}, signals={"never": 0.0})
    never = judge(*sweep.parts(), baseline="base", n_trials=2).of("never")
    assert (never.verdict, never.luck) == ("INCONCLUSIVE", None)
    assert never.at_costs[0].expectancy.reason == "no signals"
    money = {one.metric: one for one in never.comparisons}
    assert money["expectancy"].p is None
    assert money["expectancy"].reasons
    alone = judge(*make_sweep({"base": 0.5}).parts(), baseline="base", n_trials=1)
    assert alone.of("base").verdict == "KEEP_AVAILABLE"
    assert alone.family.undefined["superior_p"] == "there is one variant"


def test_equal_input_and_seed_give_equal_judgements_that_are_plain_json(sweep: Any) -> None:
    once, again = (judge(*sweep.parts(), baseline="base", n_trials=20, seed=3) for _ in range(2))
    assert once == again
    assert json.loads(json.dumps(asdict(once), allow_nan=False))["baseline"] == "base"


def test_rows_in_another_order_are_the_same_sweep(sweep: Any) -> None:
    once = judge(*sweep.parts(), baseline="base", n_trials=20)
    again = judge(
        sweep.cells.sample(fraction=1, shuffle=True, seed=1),
        sweep.trades.sample(fraction=1, shuffle=True, seed=1),
        sweep.dates[::-1],
        baseline="base",
        n_trials=20,
    )
    assert [one.verdict for one in once.variants] == [one.verdict for one in again.variants]
    for one, other in zip(once.of("good").comparisons, again.of("good").comparisons, strict=True):
        assert one.adjusted_p == pytest.approx(other.adjusted_p)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"costs": ()}, "one or more finite costs"),
        ({"costs": (float("nan"),)}, "one or more finite costs"),
        ({"n_trials": 3}, "4 variants are trials already"),
        ({"draws": 10}, "fewer than 100"),
        ({"block": 0}, "half of the 126 test dates"),
    ],
)
def test_settings_that_make_no_sense_are_refused(
    sweep: Any, wrong: dict[str, Any], said: str
) -> None:
    with pytest.raises(InputError, match=said) as caught:
        judge(*sweep.parts(), **({"baseline": "base", "n_trials": 20} | wrong))
    assert caught.value.code == "setting_invalid"


def test_statistics_know_nothing_of_the_rest_and_load_heavy_libraries_when_needed() -> None:
    said = (
        "import sys, cvn_orchestrator.statistics; "
        "print(*sorted(n for n in sys.modules if n.startswith('cvn_orchestrator.'))); "
        "print(*sorted({'arch', 'scipy', 'pandas', 'sqlalchemy'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", said], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    ours = done[0].split()
    assert all(name.startswith("cvn_orchestrator.statistics") for name in ours)
    assert done[1] == ""
