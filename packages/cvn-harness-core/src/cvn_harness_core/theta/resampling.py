"""Moving blocks over time: how much cuts, and theta, would vary in another sample."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cvn_harness_core.contracts.cuts import Cuts
from cvn_harness_core.contracts.split import Array
from cvn_harness_core.contracts.theta import MAX_CURVE_POINTS, ThetaEvidence

HELD_AT_ONCE = 1 << 19
"""How many rows times draws are held at once."""


@dataclass(frozen=True)
class Blocks:
    """Rows in order of time, cut into overlapping blocks of ``length`` stamps.

    ``stamp`` (n,) numbers each row's moment; rows of one moment (a panel's symbols) stay together.
    """

    stamp: Array
    n_stamps: int
    length: int

    @property
    def enough(self) -> bool:
        """Whether there are at least two blocks to draw from."""
        return self.n_stamps >= 2 * self.length


def blocks_of(evidence: ThetaEvidence, length: int | None = None) -> Blocks:
    """Return the blocks of some evidence.

    By default a block is as long as labels overlap, and at least the cube root of the number of
    stamps, the rate of Hall, Horowitz and Jing (1995).
    """
    if evidence.time is None:
        n = evidence.scores.size
        return Blocks(np.arange(n), n, length or _cube_root(n))
    moments, stamp = np.unique(evidence.time, return_inverse=True)
    n = moments.size
    return Blocks(stamp, n, length or max(_cube_root(n), round(label_overlap(evidence))))


def label_overlap(evidence: ThetaEvidence) -> float:
    """Return how many stamps a label spans on average, at least 1; 1 where that is unknown.

    So many rows, of consecutive stamps, hold about as much evidence as one row whose label
    overlaps no other (Lopez de Prado, 2018, "Advances in financial machine learning", chapter 4).
    """
    if evidence.time is None or evidence.label_end is None:
        return 1.0
    moments, stamp = np.unique(evidence.time, return_inverse=True)
    decided = np.searchsorted(moments, evidence.label_end, side="right")
    return max(1.0, float((decided - stamp).mean()))


def resample(evidence: ThetaEvidence, cuts: Cuts, blocks: Blocks, *, draws: int, seed: int) -> Cuts:
    """Return what ``cuts`` (k,) buy in each of ``draws`` samples of blocks, (draws, k).

    The moving-block bootstrap of Kuensch (1989), "The jackknife and the bootstrap for general
    stationary observations".
    """
    from scipy.sparse import csr_array

    n_rows, k = evidence.scores.size, cuts.theta.size
    reached = np.searchsorted(cuts.theta, evidence.scores, side="right")  # cuts a row is within
    weights = [np.ones(n_rows), evidence.y.astype(np.float64), evidence.scores]
    if evidence.returns is not None:
        weights.append(evidence.returns)
    cell = (reached, np.arange(n_rows))
    by_cut = [csr_array((weight, cell), shape=(k + 1, n_rows)) for weight in weights]
    sums = np.empty((len(weights), draws, k + 1))
    generator = np.random.default_rng(seed)
    at_once = max(1, HELD_AT_ONCE // n_rows)
    for start in range(0, draws, at_once):
        stop = min(start + at_once, draws)
        times = times_drawn(blocks, generator, stop - start)[:, blocks.stamp].T
        for total, matrix in zip(sums, by_cut, strict=True):
            total[start:stop] = (matrix @ times)[::-1].cumsum(axis=0)[::-1].T
    return Cuts(
        cuts.theta,
        n_signals=sums[0, :, 1:],
        true_positives=sums[1, :, 1:],
        n=sums[0, :, :1],
        n_positive=sums[1, :, :1],
        score_sum=sums[2, :, 1:],
        return_sum=None if evidence.returns is None else sums[3, :, 1:],
    )


def times_drawn(blocks: Blocks, generator: np.random.Generator, draws: int) -> Array:
    """Return how often each stamp is in each sample, (draws, n_stamps) float64.

    Blocks are drawn with replacement until a sample has as many stamps as there are; the last one
    is cut. The draws are those of ``arch.bootstrap.MovingBlockBootstrap`` with the same generator.
    """
    n, length = blocks.n_stamps, blocks.length
    n_blocks = -(-n // length)
    starts = generator.integers(n - length + 1, size=(draws, n_blocks))
    offset = (n + 1) * np.arange(draws)[:, None]
    change = np.bincount((starts + offset).ravel(), minlength=draws * (n + 1)).astype(np.float64)
    kept = np.full(n_blocks, length)
    kept[-1] -= n_blocks * length - n
    change -= np.bincount((starts + kept + offset).ravel(), minlength=draws * (n + 1))
    return change.reshape(draws, n + 1).cumsum(axis=1)[:, :n]


def spread(indices: Array, *always: int, room_for: int = 0) -> Array:
    """Return at most 512 (less ``room_for``) of some rising indices, evenly spread.

    The ends and ``always`` are among them.
    """
    most = MAX_CURVE_POINTS - len(always) - room_for
    at = np.unique(np.linspace(0, indices.size - 1, min(indices.size, most)).astype(int))
    return np.union1d(indices[at], np.array(always, dtype=int)).astype(int)


def _cube_root(n: int) -> int:
    return int(np.ceil(n ** (1 / 3)))
