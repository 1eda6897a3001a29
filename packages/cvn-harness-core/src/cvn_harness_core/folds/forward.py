"""Expanding folds in time over the training rows."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from cvn_harness_core.contracts.out_of_fold import FoldProof, ForwardFold, OutOfFold, stamp_text
from cvn_harness_core.contracts.split import Array, Split
from cvn_harness_core.errors import InputError


def forward_folds(train: Split, settings: OutOfFold) -> tuple[ForwardFold, ...]:
    """Return the folds, the oldest first.

    Raises
    ------
    InputError
        ``time_missing`` without time; ``history_too_short`` where a fold would be left without
        rows to train on, to stop on or to score.
    """
    if train.time is None:
        message = (
            "forward out-of-fold scores need time (and label_end, to purge) with every split; give "
            "them, or leave policy.out_of_fold None."
        )
        raise InputError("time_missing", message)
    moments = np.unique(train.time)
    edges = np.linspace(0, moments.size, settings.n_folds + 2).astype(int)
    if moments.size < 3 * (settings.n_folds + 1):
        message = (
            f"{moments.size} stamps are too few for {settings.n_folds} forward folds; lower "
            "OutOfFold.n_folds, or bring a longer history."
        )
        raise InputError("history_too_short", message)
    ends = train.time if train.label_end is None else train.label_end
    return tuple(
        _fold(train.time, ends, moments[:first], moments[first:last], settings)
        for first, last in pairwise(edges[1:])
    )


def _fold(
    time: Array, ends: Array, before: Array, stretch: Array, settings: OutOfFold
) -> ForwardFold:
    gap = np.timedelta64(settings.embargo)
    scored = np.flatnonzero((time >= stretch[0]) & (time <= stretch[-1]))
    candidates = time < stretch[0]
    known = candidates & (ends < stretch[0] - gap)
    stopping_at = before[min(int(before.size * (1.0 - settings.stopping_share)), before.size - 1)]
    stopping = np.flatnonzero(known & (time >= stopping_at))
    fitted = np.flatnonzero(known & (time < stopping_at) & (ends < stopping_at - gap))
    if not (fitted.size and stopping.size):
        message = (
            f"the forward fold that scores from {stamp_text(stretch[0])} is left with "
            f"{fitted.size} rows to train on and {stopping.size} to stop on after purging; lower "
            "OutOfFold.n_folds or the embargo, or bring a longer history."
        )
        raise InputError("history_too_short", message)
    return ForwardFold(
        fitted,
        stopping,
        scored,
        FoldProof(
            n_train=int(fitted.size),
            n_stopping=int(stopping.size),
            n_purged=int(np.count_nonzero(candidates)) - int(fitted.size) - int(stopping.size),
            n_scored=int(scored.size),
            latest_label_end=stamp_text(ends[fitted].max()),
            stopping_from=stamp_text(time[stopping].min()),
            latest_stopping_end=stamp_text(ends[stopping].max()),
            scored_from=stamp_text(stretch[0]),
            scored_until=stamp_text(stretch[-1]),
        ),
    )
