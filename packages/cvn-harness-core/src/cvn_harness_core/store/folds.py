"""Scores of forward folds, kept when they are made: a kill costs at most the fit in flight."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from cvn_harness_core.contracts.split import Array
from cvn_harness_core.events.log import RunLog
from cvn_harness_core.store.arrays import decode, encode
from cvn_harness_core.store.disk import Store
from cvn_harness_core.store.key import Key

_SCORES = "scores.npz"

KeepFold: TypeAlias = Callable[[int, Callable[[], Array]], Array]
"""Returns a fold's scores, (m,) float64, by its number: kept ones, else those that are made."""


def keep_nothing(number: int, score: Callable[[], Array]) -> Array:  # noqa: ARG001
    """Make the scores."""
    return score()


def keep_in(
    store: Store,
    key: Callable[[int], Key],
    log: RunLog,
    number: int,
    score: Callable[[], Array],
) -> Array:
    """Return the scores that the store has, else make them and keep them."""
    found = store.compute(
        key(number), lambda: ({}, {_SCORES: encode({"scores": score()})}), log=log
    )
    scores: Array = decode(found.entry.files[_SCORES])["scores"]
    return scores
