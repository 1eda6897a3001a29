"""The stationary bootstrap of test dates, all symbols and variants of a date together.

Symbols of one date share its market, variants share symbols and labels, and returns of signals on
neighbouring dates overlap. Drawing whole dates keeps the first two, drawing them in blocks the
third: dates, and neither cells nor signals, are what may be exchanged.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from cvn_harness_core import Array
from cvn_orchestrator.statistics.by_date import Daily
from cvn_orchestrator.statistics.estimate import Estimate, by_t

FEWEST_DATES = 30
FEWEST_BLOCKS = 10


@dataclass(frozen=True, eq=False)
class Sums:
    """Sums over a sample of ``n_dates`` dates for k variants, (..., k), samples first."""

    signals: Array
    gross: Array
    n_dates: int

    def net_return(self, cost: float) -> Array:
        """Return the net return of a date, (..., k)."""
        mean: Array = (self.gross - cost * self.signals) / self.n_dates
        return mean

    def expectancy(self, cost: float) -> Array:
        """Return the net return of a signal, (..., k); NaN where there is no signal."""
        with np.errstate(invalid="ignore", divide="ignore"):
            mean: Array = self.gross / self.signals - cost
        return mean


@dataclass(frozen=True, eq=False)
class Draws:
    """The real dates, the samples drawn of them, and the mean length of a block in dates."""

    observed: Sums
    drawn: Sums
    block: int


def block_length(daily: Daily, cost: float) -> int:
    """Return the mean length of a block, in dates, for a sweep.

    The longest that Politis and White (2004; corrected by Patton, Politis and White, 2009),
    "Automatic block-length selection for the dependent bootstrap", find for a variant's daily net
    return or its difference from the baseline's; at most a tenth of the dates.
    """
    from arch.bootstrap import optimal_block_length

    net = daily.net(cost)
    series = np.hstack([net, net[:, 1:] - net[:, :1]])
    series = series[:, np.ptp(series, axis=0) > 0]
    most = max(1, len(daily.dates) // FEWEST_BLOCKS)
    if len(daily.dates) < FEWEST_DATES or not series.shape[1]:
        return 1
    longest = float(np.nanmax(optimal_block_length(series)["stationary"].to_numpy(), initial=1.0))
    return min(most, math.ceil(longest))


def draw_dates(daily: Daily, *, block: int, draws: int, seed: int) -> Draws:
    """Return sums over ``draws`` samples of the test dates.

    The stationary bootstrap of Politis and Romano (1994), by ``arch``. One draw serves every
    variant, so that differences are paired.
    """
    from arch.bootstrap import StationaryBootstrap

    n, k = daily.signals.shape
    both = np.hstack([daily.signals, daily.gross])
    drawn = StationaryBootstrap(block, both, seed=seed).apply(lambda x: x.sum(axis=0), draws)
    total = both.sum(axis=0)
    return Draws(Sums(total[:k], total[k:], n), Sums(drawn[:, :k], drawn[:, k:], n), block)


def standard_error(draws: Draws, drawn: Array) -> float:
    """Return the standard error of a figure by what it is in each sample, (draws,).

    Means over blocks of mean length b from n dates vary too little, by 1 - b / n in variance; the
    error is widened by that.
    """
    usable = drawn[np.isfinite(drawn)]
    kept = 1 - draws.block / draws.observed.n_dates
    return float(usable.std()) / math.sqrt(kept) if usable.size and kept > 0 else 0.0


def estimate(draws: Draws, value: float, drawn: Array) -> Estimate:
    """Return a figure with its interval and p value, by what it is in each sample, (draws,).

    The standard error is the bootstrap's; figure over error is read as Student's t with as many
    degrees of freedom as there are blocks less one, as for batch means (Schmeiser, 1982, "Batch
    size effects in the analysis of simulation output"). Quantiles of the samples themselves are
    too narrow where blocks are few, and no p value could be smaller than one over their number;
    ``benchmarks/null_study.py`` prints how often noise is rejected.
    """
    n_dates = draws.observed.n_dates
    if not math.isfinite(value):
        return Estimate(reason="no signals")
    if n_dates < FEWEST_DATES:
        return Estimate(value, reason=f"fewer than {FEWEST_DATES} test dates")
    if np.isfinite(drawn).mean() < 0.5:
        return Estimate(value, reason="most bootstrap samples have no signals")
    return by_t(value, standard_error(draws, drawn), n_dates / draws.block - 1)
