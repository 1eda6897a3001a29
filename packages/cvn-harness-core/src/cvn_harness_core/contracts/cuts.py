"""Every cut that distinct scores allow, counted exactly: the base of the exact rules."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cvn_harness_core.contracts.split import Array
from cvn_harness_core.errors import InputError


@dataclass(frozen=True)
class Cuts:
    """What each threshold buys, in order of rising theta.

    Parameters
    ----------
    theta
        (k,) thresholds for p >= theta.
    n_signals, true_positives
        (k,) rows bought, and the positives among them.
    n, n_positive
        All rows, and all positives.
    score_sum
        (k,) sum of the scores bought: how many positives the model itself expects there.
    return_sum
        (k,) sum of the net returns bought; None where no return is known.

    Of resampled rows, the arrays have a leading axis of draws, and so have ``n`` and
    ``n_positive``.
    """

    theta: Array
    n_signals: Array
    true_positives: Array
    n: Array | int
    n_positive: Array | int
    score_sum: Array
    return_sum: Array | None = None

    @property
    def f1(self) -> Array:
        """F1 of each cut; 0 where nothing is bought and nothing is positive."""
        total = self.n_signals + self.n_positive
        f1 = np.zeros(total.shape)
        np.divide(2.0 * self.true_positives, total, out=f1, where=total > 0)
        return f1

    @property
    def buy_rate(self) -> Array:
        """The share of rows bought at each cut."""
        rate: Array = self.n_signals / self.n
        return rate

    def __getitem__(self, some: slice | Array) -> Cuts:
        """Return some of the cuts, by their indices."""
        return Cuts(
            self.theta[some],
            self.n_signals[some],
            self.true_positives[some],
            self.n,
            self.n_positive,
            self.score_sum[some],
            None if self.return_sum is None else self.return_sum[some],
        )

    def at(self, theta: Array) -> Cuts:
        """Return what given thresholds (rising, (j,)) buy; a cut itself gives itself."""
        first = np.searchsorted(self.theta, theta, side="left")

        def pick(sums: Array) -> Array:
            return np.append(sums, sums.dtype.type(0))[first]

        return Cuts(
            theta,
            pick(self.n_signals),
            pick(self.true_positives),
            self.n,
            self.n_positive,
            pick(self.score_sum),
            None if self.return_sum is None else pick(self.return_sum),
        )


def all_cuts(scores: Array, y: Array, returns: Array | None = None) -> Cuts:
    """Count what every distinct score, taken as the threshold, buys. One sort, no loop."""
    require_finite(scores)
    order = np.argsort(scores)
    ranked = scores[order]
    starts = np.empty(ranked.size, dtype=bool)
    starts[:1] = True
    np.not_equal(ranked[1:], ranked[:-1], out=starts[1:])
    first = np.flatnonzero(starts)
    return Cuts(
        theta=ranked[first],
        n_signals=scores.size - first,
        true_positives=_sums_from(first, y[order], np.int64),
        n=scores.size,
        n_positive=int(np.count_nonzero(y)),
        score_sum=_sums_from(first, ranked, np.float64),
        return_sum=None if returns is None else _sums_from(first, returns[order], np.float64),
    )


def require_finite(scores: Array) -> None:
    """Raise InputError ``scores_not_finite`` for NaN or infinite scores."""
    if not np.isfinite(scores).all():
        message = f"{int((~np.isfinite(scores)).sum())} validation scores are NaN or infinite."
        raise InputError("scores_not_finite", message)


def _sums_from(first: Array, ranked: Array, dtype: type) -> Array:
    """Return the sum of ``ranked`` from each index in ``first`` to the end."""
    sums: Array = np.cumsum(ranked[::-1], dtype=dtype)[::-1]
    return sums if first.size == sums.size else sums[first]
