"""Every cut that distinct scores allow, counted exactly: the base of the exact rules."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cvn_harness_core.contracts.split import Array
from cvn_harness_core.contracts.theta import MAX_CURVE_POINTS, ThetaCurve
from cvn_harness_core.errors import InputError


@dataclass(frozen=True)
class Cuts:
    """What each threshold buys, (k,) each, in order of rising theta.

    ``theta`` are thresholds for p >= theta, ``n_signals`` the rows bought and
    ``true_positives`` the positives among them; ``n`` and ``n_positive`` count all rows.
    """

    theta: Array
    n_signals: Array
    true_positives: Array
    n: int
    n_positive: int

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

    def curve(self, chosen: int | None) -> ThetaCurve:
        """Return at most 512 of the cuts, evenly spread, the ends and the chosen one included."""
        size = self.theta.size
        keep = np.unique(np.linspace(0, size - 1, min(size, MAX_CURVE_POINTS - 1)).astype(int))
        if chosen is not None:
            keep = np.union1d(keep, [chosen])
        bought, right = self.n_signals[keep], self.true_positives[keep]
        return ThetaCurve(
            theta=tuple(self.theta[keep].tolist()),
            n_signals=tuple(bought.tolist()),
            buy_rate=tuple(self.buy_rate[keep].tolist()),
            precision=tuple(
                r / b if b else None for r, b in zip(right.tolist(), bought.tolist(), strict=True)
            ),
            recall=tuple((right / max(self.n_positive, 1)).tolist()),
            f1=tuple(self.f1[keep].tolist()),
        )


def cuts_at(theta: Array, scores: Array, y: Array) -> Cuts:
    """Count what given thresholds (rising) buy."""
    _check(scores)
    order = np.argsort(scores)
    ranked = scores[order]
    below = np.searchsorted(ranked, theta, side="left")
    positives_below = np.concatenate([[0], np.cumsum(y[order], dtype=np.int64)])[below]
    n_positive = int(y.sum())
    return Cuts(theta, scores.size - below, n_positive - positives_below, scores.size, n_positive)


def all_cuts(scores: Array, y: Array) -> Cuts:
    """Count what every distinct score, taken as the threshold, buys. One sort, no loop."""
    _check(scores)
    order = np.argsort(scores)
    ranked = scores[order]
    first = np.flatnonzero(np.concatenate([[True], ranked[1:] != ranked[:-1]]))
    cumulative = np.cumsum(y[order], dtype=np.int64)
    n_positive = int(cumulative[-1])
    positives_below = np.concatenate([[0], cumulative])[first]
    return Cuts(
        ranked[first], scores.size - first, n_positive - positives_below, scores.size, n_positive
    )


def _check(scores: Array) -> None:
    if not np.isfinite(scores).all():
        message = f"{int((~np.isfinite(scores)).sum())} validation scores are NaN or infinite."
        raise InputError("scores_not_finite", message)
