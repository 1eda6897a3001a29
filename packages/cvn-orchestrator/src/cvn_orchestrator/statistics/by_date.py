"""What each variant did on each test date, all symbols together."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from cvn_harness_core import Array
from cvn_orchestrator.statistics.results import SweepResults


@dataclass(frozen=True, eq=False)
class Daily:
    """Daily sums over all symbols: aligned, zero on a date without a signal.

    Parameters
    ----------
    dates
        The n test dates, rising.
    variants
        The k variants, the baseline first.
    signals, gross
        (n, k): the number of signals, and the sum of their gross returns at one unit a signal.
    """

    dates: tuple[date, ...]
    variants: tuple[str, ...]
    signals: Array
    gross: Array

    def net(self, cost: float) -> Array:
        """Return the sums after ``cost`` for each signal, (n, k)."""
        net: Array = self.gross - cost * self.signals
        return net


def daily(results: SweepResults) -> Daily:
    """Return the daily sums of some results."""
    row = {day: index for index, day in enumerate(results.dates)}
    column = {variant: index for index, variant in enumerate(results.variants)}
    sums = results.trades.group_by("date", "variant").agg(
        pl.len().alias("signals"), pl.col("gross").sum()
    )
    shape = (len(row), len(column))
    signals, gross = np.zeros(shape), np.zeros(shape)
    for day, variant, n, total in sums.select("date", "variant", "signals", "gross").iter_rows():
        at = row[day], column[variant]
        signals[at], gross[at] = n, total
    return Daily(results.dates, results.variants, signals, gross)
