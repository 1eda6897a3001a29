"""What is refused at the door, and what counts as whole."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import polars as pl
import pytest

from cvn_harness_core import InputError
from cvn_orchestrator.statistics.by_date import daily
from cvn_orchestrator.statistics.coverage import coverage, signals
from cvn_orchestrator.statistics.results import read_results

BASE = {"base": 0.0, "other": 0.1}
NAN = pl.lit(float("nan"))
FIRST = pl.int_range(pl.len()) == 0


def test_a_hole_is_counted_whether_the_cell_failed_or_is_not_there(
    make_sweep: Callable[..., Any],
) -> None:
    cells, trades, dates = make_sweep(BASE).parts()
    hole = (pl.col("symbol") == "BBB") & (pl.col("fold") == 2) & (pl.col("variant") == "other")
    kept = trades.filter(~hole)
    failed = cells.with_columns(state=pl.when(hole).then(pl.lit("failed")).otherwise("state"))
    for frame in (failed, cells.filter(~hole)):
        found = coverage(read_results(frame, kept, dates, baseline="base"))
        assert (found.expected, found.done, found.full) == (36, 35, False)
        assert found.missing == (("BBB", 2, "other"),)
        assert found.sentence == "35 of 36 cells are done (missing: ('BBB', 2, 'other'))"
    whole = read_results(cells, trades, dates, baseline="base")
    assert coverage(whole).full
    assert not coverage(whole, required=["base", "third"]).full
    assert coverage(whole, required=["third"]).missing_variants == ("third",)


def test_a_fold_that_the_plan_leaves_out_of_a_symbol_is_no_hole(
    make_sweep: Callable[..., Any],
) -> None:
    cells, trades, dates = make_sweep(BASE).parts()
    skipped = (pl.col("symbol") == "BBB") & (pl.col("fold") == 2)
    found = coverage(
        read_results(cells.filter(~skipped), trades.filter(~skipped), dates, baseline="base")
    )
    assert (found.expected, found.done, found.full) == (34, 34, True)


def test_signals_are_counted_in_folds_without_any_too(make_sweep: Callable[..., Any]) -> None:
    cells, trades, dates = make_sweep(BASE).parts()
    trades = trades.filter((pl.col("fold") != 3) | (pl.col("variant") == "base"))
    results = read_results(cells.drop("n_signals"), trades, dates, baseline="base")
    found = signals(results, "other")
    assert found.fewest == (3, 0)
    assert found.total == sum(n for _, n in found.by_fold)
    assert len(found.by_fold) == 6


def test_daily_sums_are_those_of_all_symbols_and_zero_without_a_signal(
    make_sweep: Callable[..., Any],
) -> None:
    sweep = make_sweep(BASE)
    quiet = sweep.dates[5]
    trades = sweep.trades.filter(pl.col("time") != quiet)
    results = read_results(sweep.cells.drop("n_signals"), trades, sweep.dates, baseline="base")
    found = daily(results)
    assert found.variants == ("base", "other")
    assert found.dates == tuple(sweep.dates)
    for column, variant in enumerate(found.variants):
        for row, day in enumerate(found.dates):
            mine = trades.filter((pl.col("variant") == variant) & (pl.col("time") == day))
            assert found.signals[row, column] == mine.height
            assert found.gross[row, column] == pytest.approx(mine["gross"].sum())
            net = (mine["gross"] - 0.1).sum()
            assert found.net(0.1)[row, column] == pytest.approx(net)
    assert not found.signals[5].any()


def test_datetimes_count_for_their_day(make_sweep: Callable[..., Any]) -> None:
    sweep = make_sweep(BASE)
    noon = timedelta(hours=12)
    moments = [datetime.combine(day, datetime.min.time()) + noon for day in sweep.dates]
    trades = sweep.trades.with_columns(pl.col("time").cast(pl.Datetime) + noon)
    by_day = daily(read_results(*sweep.parts(), baseline="base"))
    by_noon = daily(read_results(sweep.cells, trades, moments, baseline="base"))
    assert by_day.dates == by_noon.dates
    assert (by_day.gross == by_noon.gross).all()


def doubled(cells: pl.DataFrame) -> pl.DataFrame:
    return pl.concat([cells, cells.head(1)])


@pytest.mark.parametrize(
    ("part", "change", "code", "said"),
    [
        (0, lambda f: f.drop("state"), "data_column_missing", "lacks the columns"),
        (1, lambda f: f.drop("gross"), "data_column_missing", "lacks the columns"),
        (0, doubled, "data_differ", "more than once"),
        (0, lambda f: f.head(0), "zero_rows", "needs cells"),
        (2, lambda _: [], "zero_rows", "needs cells"),
        (0, lambda f: f.filter(pl.col("variant") != "base"), "data_differ", "baseline"),
        (0, lambda f: f.with_columns(brier=NAN), "figure_invalid", "cells.brier"),
        (1, lambda f: f.with_columns(gross=NAN), "returns_not_finite", "finite"),
        (1, lambda f: f.with_columns(gross=None), "returns_not_finite", "finite"),
        (1, lambda f: f.with_columns(symbol=pl.lit("ZZZ")), "data_differ", "no finished cell"),
        (1, lambda f: f.with_columns(time=None), "data_differ", "not among the test dates"),
        (1, lambda f: f.with_columns(fold=pl.lit("one")), "data_differ", "does not name cells"),
        (2, lambda dates: dates[:-1], "data_differ", "not among the test dates"),
        (1, lambda f: f.filter(~FIRST), "data_differ", "cells says"),
    ],
)
def test_what_does_not_fit_together_is_refused(
    make_sweep: Callable[..., Any], part: int, change: Callable[[Any], Any], code: str, said: str
) -> None:
    parts = list(make_sweep(BASE, signals={"base": 1.0, "other": 1.0}).parts())
    parts[part] = change(parts[part])
    with pytest.raises(InputError, match=said) as caught:
        read_results(*parts, baseline="base")
    assert caught.value.code == code
