"""What a sweep hands to the statistics, checked at the door.

``cells`` has one row for each planned cell, also for one that failed:

=============================================  ==============================================
``symbol``, ``fold``, ``variant``              which cell; no two rows alike
``state``                                      ``"done"``, or anything else for a hole
``pr_auc``, ``roc_auc``, ``log_loss``,         figures of the test rows, whichever columns
``brier``                                      exist; null where undefined, never NaN
``n_signals`` (optional)                       must agree with ``trades``
=============================================  ==============================================

``trades`` has one row for each signal on test rows of a finished cell:

=============================================  ==============================================
``symbol``, ``fold``, ``variant``              its cell
``time``                                       date or datetime of the signal
``gross``                                      its return before the costs that are given
                                               beside it, in the unit of those costs; finite
=============================================  ==============================================

``dates`` are all days on which a test row exists, with or without a signal, or those of each fold
by its name: it then shows, also where nothing signals, that folds share days. A datetime counts for
the day that it shows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypeAlias

import numpy as np
import polars as pl

from cvn_harness_core import InputError
from cvn_orchestrator.statistics.metrics import SCORES

CELL = ("symbol", "fold", "variant")
Dates: TypeAlias = Iterable[date] | Mapping[Any, Iterable[date]]


@dataclass(frozen=True, eq=False)
class SweepResults:
    """Checked results of a sweep.

    Parameters
    ----------
    cells, trades
        As this module describes; ``trades`` with a column ``date`` besides.
    dates
        Distinct test dates, rising.
    variants
        All of them, the baseline first, the others by name.
    fold_dates
        The test dates that are known of each fold: those given for it, and those with a signal.
    """

    cells: pl.DataFrame
    trades: pl.DataFrame
    dates: tuple[date, ...]
    variants: tuple[str, ...]
    fold_dates: Mapping[object, frozenset[date]]

    @property
    def baseline(self) -> str:
        """The variant that all others are compared with."""
        return self.variants[0]

    @property
    def scores(self) -> tuple[str, ...]:
        """The score metrics that ``cells`` has, in the order of the house's list."""
        return tuple(name for name in SCORES if name in self.cells.columns)

    @property
    def overlapping(self) -> bool:
        """Whether a day is a test date of two folds of ``cells``."""
        folds = [self.fold_dates.get(fold, frozenset()) for fold in self.cells["fold"].unique()]
        return sum(map(len, folds)) > len(frozenset().union(*folds))


def read_results(
    cells: pl.DataFrame, trades: pl.DataFrame, dates: Dates, *, baseline: str
) -> SweepResults:
    """Return the results, or raise InputError.

    ``data_column_missing``; ``zero_rows`` for no cell or no date; ``data_differ`` for a cell that
    is there twice, an unknown baseline, or a signal of an unfinished cell, off the test dates or
    not counted by ``n_signals``; ``figure_invalid`` for a figure that is not finite;
    ``returns_not_finite``.
    """
    _have("cells", cells, (*CELL, "state"))
    _have("trades", trades, (*CELL, "time", "gross"))
    by_fold: dict[object, set[date]] = {}
    if isinstance(dates, Mapping):
        by_fold = {fold: set(map(_day, moments)) for fold, moments in dates.items()}
        days = sorted(set().union(*by_fold.values()))
    else:
        days = sorted(set(map(_day, dates)))
    if cells.is_empty() or not days:
        message = f"a sweep needs cells and test dates; it has {cells.height} and {len(days)}."
        raise InputError("zero_rows", message)
    twice = cells.filter(pl.struct(CELL).is_duplicated())
    if not twice.is_empty():
        message = f"cells has cell {twice.select(CELL).row(0)} more than once."
        raise InputError("data_differ", message)
    names = sorted(cells["variant"].unique())
    if baseline not in names:
        message = f"the baseline {baseline!r} is not among the variants {names}."
        raise InputError("data_differ", message)
    trades = _like_cells(trades, cells)
    results = SweepResults(
        cells,
        trades,
        tuple(days),
        (baseline, *(name for name in names if name != baseline)),
        _fold_dates(by_fold, trades),
    )
    _check_figures(results)
    _check_trades(results)
    return results


def _have(name: str, frame: pl.DataFrame, wanted: Iterable[str]) -> None:
    missing = [column for column in wanted if column not in frame.columns]
    if missing:
        message = f"{name} lacks the columns {missing}; it has {frame.columns}."
        raise InputError("data_column_missing", message)


def _like_cells(trades: pl.DataFrame, cells: pl.DataFrame) -> pl.DataFrame:
    """Return the trades with the cells' types and a column ``date``."""
    dated = isinstance(trades.schema["time"], pl.Datetime)
    day = pl.col("time").dt.date() if dated else pl.col("time").cast(pl.Date)
    try:
        return trades.cast({name: cells.schema[name] for name in CELL}).with_columns(date=day)
    except pl.exceptions.PolarsError as error:
        message = f"trades does not name cells, or days, as cells and dates do: {error}"
        raise InputError("data_differ", message) from error


def _day(moment: date) -> date:
    return moment.date() if isinstance(moment, datetime) else moment


def _fold_dates(
    given: Mapping[object, set[date]], trades: pl.DataFrame
) -> dict[object, frozenset[date]]:
    found = {fold: set(days) for fold, days in given.items()}
    for fold, day in trades.select("fold", "date").unique().drop_nulls().iter_rows():
        found.setdefault(fold, set()).add(day)
    return {fold: frozenset(days) for fold, days in found.items()}


def _check_figures(results: SweepResults) -> None:
    for name in results.scores:
        figures = results.cells[name].cast(pl.Float64).drop_nulls().to_numpy()
        if not np.isfinite(figures).all():
            message = f"cells.{name} is not finite somewhere; an undefined figure is null."
            raise InputError("figure_invalid", message)


def _check_trades(results: SweepResults) -> None:
    gross = results.trades["gross"].cast(pl.Float64)
    if gross.null_count() or not np.isfinite(gross.to_numpy()).all():
        message = "trades.gross must be a finite number for each signal."
        raise InputError("returns_not_finite", message)
    done = results.cells.filter(pl.col("state") == "done")
    stray = results.trades.join(done, on=CELL, how="anti")
    if not stray.is_empty():
        message = f"trades has signals of {stray.select(CELL).row(0)}, which is no finished cell."
        raise InputError("data_differ", message)
    off = results.trades.filter(~pl.col("date").is_in(list(results.dates)).fill_null(value=False))
    if not off.is_empty():
        message = f"trades has a signal on {off['date'][0]}, which is not among the test dates."
        raise InputError("data_differ", message)
    if "n_signals" not in done.columns:
        return
    counted = results.trades.group_by(CELL).len("counted")
    differ = (
        done.filter(pl.col("n_signals").is_not_null())
        .join(counted, on=CELL, how="left")
        .filter(pl.col("n_signals") != pl.col("counted").fill_null(0))
    )
    if not differ.is_empty():
        symbol, fold, variant, said, found = differ.select(*CELL, "n_signals", "counted").row(0)
        message = (
            f"cells says {said} signals for {(symbol, fold, variant)}, trades has {found or 0}."
        )
        raise InputError("data_differ", message)
