"""The probability that picking the best variant of a backtest picks one that is not."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from cvn_harness_core import Array, InputError

N_BLOCKS = 16


@dataclass(frozen=True)
class Overfitting:
    """What became of the best of one half of the dates in the other half, over all halvings.

    Parameters
    ----------
    probability
        How often it was no better there than the median (the PBO).
    probability_of_loss
        How often it lost there.
    slope
        Of its Sharpe ratio there on that here, by least squares; None where either is infinite or
        does not vary.
    n_splits
        How many halvings.
    """

    probability: float
    probability_of_loss: float
    slope: float | None
    n_splits: int


def probability_of_overfitting(returns: Array, n_blocks: int = N_BLOCKS) -> Overfitting:
    """Return the PBO by combinatorially symmetric cross-validation.

    Parameters
    ----------
    returns
        (n, k): a return for each date, rising, and variant.
    n_blocks
        Even; dates are cut into so many runs (of equal length, give or take one date), and each
        half of the runs is the sample once.

    Raises
    ------
    InputError
        ``setting_invalid`` for fewer than two variants, an odd or too small number of blocks, or
        fewer than two dates a block.

    Notes
    -----
    Bailey, Borwein, Lopez de Prado and Zhu (2017), "The probability of backtest overfitting",
    section 3. The measure is the Sharpe ratio; it is 0 for a variant without any return. Of equal
    variants the first is picked, and equal ones share their mean rank.
    """
    from scipy.stats import rankdata

    n, k = returns.shape
    if k < 2 or n_blocks < 2 or n_blocks % 2 or n < 2 * n_blocks:
        message = (
            f"{k} variants over {n} dates in {n_blocks} blocks: there must be 2 variants, an even "
            "number of blocks and 2 dates a block."
        )
        raise InputError("setting_invalid", message)
    chosen = np.array(list(combinations(range(n_blocks), n_blocks // 2)))
    inside = np.zeros((len(chosen), n_blocks))
    np.put_along_axis(inside, chosen, 1.0, axis=1)

    here, there = (_sharpe(returns, n_blocks, half) for half in (inside, 1 - inside))
    best = here.argmax(axis=1)[:, None]
    rank = np.take_along_axis(rankdata(there, axis=1), best, axis=1).ravel() / (k + 1)
    before = np.take_along_axis(here, best, axis=1).ravel()
    after = np.take_along_axis(there, best, axis=1).ravel()
    return Overfitting(
        probability=float((rank <= 0.5).mean()),  # the logit of the rank is 0 or less
        probability_of_loss=float((after < 0).mean()),
        slope=_slope(before, after),
        n_splits=len(chosen),
    )


def _sharpe(returns: Array, n_blocks: int, inside: Array) -> Array:
    """Return the Sharpe ratio of each variant within the blocks of each half, (halves, k)."""
    runs = np.array_split(returns - returns.mean(axis=0), n_blocks)
    length = inside @ np.array([len(run) for run in runs])
    first = inside @ np.array([run.sum(axis=0) for run in runs]) / length[:, None]
    second = inside @ np.array([(run**2).sum(axis=0) for run in runs]) / length[:, None]
    mean = first + returns.mean(axis=0)
    variance = second - first**2
    tiny = 1e-14 * np.maximum(1e-300, (returns**2).mean(axis=0))
    deviation = np.sqrt(np.where(variance > tiny, variance, 0.0))
    mean = np.where(np.abs(mean) > np.sqrt(tiny), mean, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio: Array = np.where((deviation == 0) & (mean == 0), 0.0, mean / deviation)
    return ratio


def _slope(before: Array, after: Array) -> float | None:
    if not (np.isfinite(before).all() and np.isfinite(after).all()) or np.ptp(before) == 0:
        return None
    return float(np.polyfit(before, after, 1)[0])
