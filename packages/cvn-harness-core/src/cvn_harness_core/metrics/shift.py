"""How far validation lies from train: feature by feature, and in the share of positives."""

from __future__ import annotations

import math

import numpy as np

from cvn_harness_core.contracts.split import Array

BINS = 10
MAX_ROWS = 2_000
CHI2_999 = 29.588298445074422
"""The 99.9 % point of chi-squared with 10 degrees of freedom: ten bins, one of NaN, less one."""

_EMPTY_BIN = 0.5
_GOLDEN = (math.sqrt(5.0) - 1.0) / 2.0


def population_stability_index(expected: Array, actual: Array) -> Array:
    """Return the PSI of each feature, (f,) float64: 0 where the samples agree, without bound.

    The sum over bins of ``(a - e) * ln(a / e)``, where ``e`` and ``a`` are the bin's shares of
    ``expected`` (n, f) and of ``actual`` (m, f) (Siddiqi, 2006, "Credit risk scorecards"). A bin
    reaches from one decile of ``expected`` to the next, the upper one included. Equal deciles are
    merged, and the value that they share is a bin of its own: a constant that ceases to be one is
    seen. NaN is a bin, too: a change in what is missing is a shift. A bin that only one sample
    leaves empty counts as half a row of it; one that both leave empty does not count.

    At most ``MAX_ROWS`` rows of each sample are looked at, one from each of that many equal
    stretches. Infinities must not occur; ``Split`` refuses them.
    """
    seen = np.sort(_columns(expected), axis=1)
    edges = _edges(seen)
    before, after = _bin_counts(seen, edges), _bin_counts(_columns(actual), edges)
    e = np.maximum(before, _EMPTY_BIN) / _looked_at(expected)
    a = np.maximum(after, _EMPTY_BIN) / _looked_at(actual)
    terms = np.where(before + after > 0, (a - e) * np.log(a / e), 0.0)
    psi: Array = terms.sum(axis=1)
    return psi


def psi_noise(n: int, m: int) -> float:
    """Return what the PSI of n and m rows of one population exceeds once in a thousand times.

    ``(1/n + 1/m)`` times chi-squared with one degree of freedom less than there are bins (Yurdakul,
    2018, "Statistical properties of population stability index"), for the rows looked at. Eleven
    bins are assumed of every feature; with fewer the noise is less.
    """
    return CHI2_999 * (1.0 / min(n, MAX_ROWS) + 1.0 / min(m, MAX_ROWS))


def prevalence_shift(train: Array, val: Array) -> tuple[float, float]:
    """Return the odds ratio of labels (m,) to labels (n,), and the z of the difference in rates.

    A shift of the prior multiplies the odds of every score by the odds ratio (Elkan, 2001, "The
    foundations of cost-sensitive learning", theorem 2). z is that of two proportions, with the
    pooled rate. Both samples must hold both classes; ``Datasets`` requires it.
    """
    n, m = train.size, val.size
    p, q = float(train.mean()), float(val.mean())
    pooled = (n * p + m * q) / (n + m)
    error = math.sqrt(pooled * (1.0 - pooled) * (1.0 / n + 1.0 / m))
    return q * (1.0 - p) / (p * (1.0 - q)), (q - p) / error


def _looked_at(X: Array) -> int:
    return min(len(X), MAX_ROWS)


def _columns(X: Array) -> Array:
    """Return the rows looked at, transposed: (f, rows), C-contiguous.

    Where in its stretch a row is taken follows the golden ratio: with an even step, bars of which
    the step is a multiple of a day would all be of one hour.
    """
    n, k = X.shape[0], _looked_at(X)
    if n == k:
        return np.ascontiguousarray(X.T)
    starts = np.arange(k + 1) * n // k
    within = np.arange(k) * _GOLDEN % 1.0
    return np.ascontiguousarray(X[starts[:-1] + (within * np.diff(starts)).astype(np.intp)].T)


def _edges(seen: Array) -> Array:
    """Return the upper ends of all bins but the last, (f, 9), of sorted columns (NaN last)."""
    present = np.count_nonzero(~np.isnan(seen), axis=1)[:, None]
    deciles = -(-np.arange(1, BINS) * present // BINS) - 1
    edges = np.take_along_axis(seen, np.maximum(deciles, 0), axis=1)
    again = edges[:, :-1] == edges[:, 1:]
    with np.errstate(all="ignore"):  # below zero it underflows, as it should
        edges[:, :-1][again] = np.nextafter(edges[:, :-1][again], -np.inf)
    return edges


def _bin_counts(columns: Array, edges: Array) -> Array:
    """Return how many values of each column are in each bin, (f, 11); the last bin is NaN."""
    f, n = columns.shape
    missing = np.count_nonzero(np.isnan(columns), axis=1)
    up_to = np.zeros((f, BINS + 2), dtype=np.intp)
    for bin_, edge in enumerate(edges.T, start=1):
        up_to[:, bin_] = np.count_nonzero(columns <= edge[:, None], axis=1)
    up_to[:, BINS] = n - missing
    up_to[:, BINS + 1] = n
    return np.diff(up_to, axis=1)
