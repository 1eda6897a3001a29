"""Paired differences over cells, and what folds and dates make of their doubt."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ttest_1samp

from cvn_orchestrator.statistics.by_date import Daily, daily
from cvn_orchestrator.statistics.paired import (
    Paired,
    cell_figures,
    effect_size,
    mean_over_folds,
    paired,
)
from cvn_orchestrator.statistics.resampling import block_length, draw_dates, estimate
from cvn_orchestrator.statistics.results import read_results

EDGES = {"base": 0.0, "other": 0.2}
DAYS = tuple(date(2020, 1, 1) + timedelta(days=day) for day in range(400))


def cells_of(gains: list[float], folds: list[int]) -> Paired:
    return Paired(np.array(gains), np.array(folds))


def test_cells_without_a_figure_on_one_side_are_left_out(make_sweep: Callable[..., Any]) -> None:
    cells, trades, dates = make_sweep(EDGES).parts()
    hole = (pl.col("symbol") == "AAA") & (pl.col("variant") == "base")
    cells = cells.with_columns(pr_auc=pl.when(~hole).then("pr_auc"))
    figures = cell_figures(read_results(cells, trades, dates, baseline="base"), 0.0)
    assert paired(figures, "pr_auc", "other", "base").gains.size == 12
    assert paired(figures, "roc_auc", "other", "base").gains.size == 18


def test_a_gain_is_positive_where_less_is_better(make_sweep: Callable[..., Any]) -> None:
    sweep = make_sweep(EDGES, scores={"other": 0.1})
    figures = cell_figures(read_results(*sweep.parts(), baseline="base"), 0.0)
    for metric in ("pr_auc", "log_loss", "brier"):
        assert paired(figures, metric, "other", "base").gains.mean() == pytest.approx(0.1, abs=0.02)


def test_cost_is_taken_off_every_signal(make_sweep: Callable[..., Any]) -> None:
    results = read_results(*make_sweep(EDGES).parts(), baseline="base")
    where = ["symbol", "fold", "variant"]
    free, dear = (cell_figures(results, cost).sort(where) for cost in (0.0, 0.1))
    n = results.cells.sort(where)["n_signals"]
    assert (free["expectancy"] - dear["expectancy"]).to_list() == pytest.approx([0.1] * 36)
    assert (free["net_return"] - dear["net_return"]).to_list() == pytest.approx((0.1 * n).to_list())


@given(st.lists(st.floats(-10, 10), min_size=3, max_size=30), st.floats(0.1, 10))
def test_d_has_no_unit_and_changes_its_sign_with_the_sides(
    gains: list[float], scale: float
) -> None:
    folds = list(range(len(gains)))
    found = effect_size(cells_of(gains, folds))
    turned = effect_size(cells_of([-scale * gain for gain in gains], folds))
    if found.d is not None and turned.d is not None:
        assert turned.d == pytest.approx(-found.d, rel=1e-6, abs=1e-9)


def test_an_effect_that_cannot_be_told_has_a_reason() -> None:
    assert "2 cells" in str(effect_size(cells_of([1.0, 2.0], [1, 2])).reason)
    assert "same in every cell" in str(effect_size(cells_of([1.0, 1.0, 1.0], [1, 2, 3])).reason)


def test_symbols_of_a_fold_count_once() -> None:
    means = [0.1, -0.05, 0.2, 0.15]
    once = mean_over_folds(cells_of(means, [1, 2, 3, 4]))
    often = mean_over_folds(cells_of(means * 50, [1, 2, 3, 4] * 50))
    assert often.p == pytest.approx(once.p)
    assert once.p == pytest.approx(ttest_1samp(means, 0).pvalue)
    interval = ttest_1samp(means, 0).confidence_interval()
    assert once.interval == pytest.approx((interval.low, interval.high))


def test_two_folds_are_too_few_for_a_p_value() -> None:
    found = mean_over_folds(cells_of([0.1, 0.2, 0.3], [1, 1, 2]))
    assert (found.value, found.p) == (pytest.approx(0.225), None)
    assert found.reason == "fewer than 3 folds"


def test_folds_that_overlap_have_a_mean_and_no_doubt() -> None:
    found = mean_over_folds(cells_of([0.1, 0.2, 0.3], [1, 2, 3]), overlapping=True)
    assert (found.value, found.interval, found.p) == (pytest.approx(0.2), None, None)
    assert found.reason == "test windows of folds overlap"


def table(net: np.ndarray) -> Daily:
    return Daily(DAYS[: len(net)], ("base", "other"), np.ones_like(net), net)


def noise(seed: int, overlap: int) -> np.ndarray:
    """Return daily returns of two variants that share a market, labels overlapping."""
    rng = np.random.default_rng(seed)
    both = rng.normal(size=(400 + overlap, 2)) + rng.normal(size=(400 + overlap, 1))
    return np.lib.stride_tricks.sliding_window_view(both, overlap, axis=0).sum(axis=-1)[:400]


@pytest.mark.parametrize("overlap", [1, 8])
def test_noise_is_rejected_about_as_often_as_it_should_be(overlap: int) -> None:
    rejected, naive = [], []
    for seed in range(60):
        net = noise(seed, overlap)
        sums = table(net)
        draws = draw_dates(sums, block=block_length(sums, 0.0), draws=200, seed=seed)
        seen, drawn = draws.observed.net_return(0.0), draws.drawn.net_return(0.0)
        found = estimate(draws, float(seen[1] - seen[0]), drawn[:, 1] - drawn[:, 0])
        rejected.append(found.p is not None and found.p < 0.05)
        naive.append(ttest_1samp(net[:, 1] - net[:, 0], 0).pvalue < 0.05)
    assert np.mean(rejected) < 0.15
    if overlap > 1:
        assert np.mean(naive) > 2 * np.mean(rejected)  # what forgetting the overlap would do


def test_overlapping_returns_ask_for_longer_blocks() -> None:
    assert block_length(table(noise(0, 1)), 0.0) < block_length(table(noise(0, 12)), 0.0) <= 40


def test_symbols_of_a_date_are_drawn_together() -> None:
    # Ten symbols that all do what the market does are worth one.
    market = np.random.default_rng(3).normal(size=(300, 1))
    one, ten = (Daily(DAYS[:300], ("base",), np.full((300, 1), k), k * market) for k in (1, 10))
    found = [
        estimate(draws, draws.observed.expectancy(0.0)[0], draws.drawn.expectancy(0.0)[:, 0])
        for draws in (draw_dates(each, block=3, draws=300, seed=1) for each in (one, ten))
    ]
    assert found[0].interval == pytest.approx(found[1].interval)


def test_equal_seeds_draw_equal_samples(make_sweep: Callable[..., Any]) -> None:
    sums = daily(read_results(*make_sweep(EDGES).parts(), baseline="base"))
    once, again, other = (
        draw_dates(sums, block=4, draws=100, seed=seed).drawn.gross for seed in (1, 1, 2)
    )
    assert (once == again).all()
    assert not (once == other).all()


def test_few_dates_give_a_figure_without_an_interval() -> None:
    net = noise(0, 1)[:20]
    draws = draw_dates(table(net), block=1, draws=100, seed=0)
    found = estimate(draws, 0.3, draws.drawn.net_return(0.0)[:, 0])
    assert (found.value, found.interval, found.p) == (0.3, None, None)
    assert found.reason == "fewer than 30 test dates"
