"""Forward out-of-fold scores: what a policy asks for, and the proof that nothing leaked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from cvn_harness_core.contracts.checks import integer, real
from cvn_harness_core.contracts.split import Array, read_only_view
from cvn_harness_core.errors import InputError


@dataclass(frozen=True)
class OutOfFold:
    """Expanding folds over the training rows, in time: each fit scores the stretch after it.

    They cost ``n_folds`` fits more. Training rows are purged by label end and embargoed: a score
    comes from a fit that used neither its row nor anything later, to train on or to stop on. Rows
    that one fold scored train and stop the later ones. A class weight of ``"auto"`` is the one
    exception: it is a single figure, counted on all training labels.

    Parameters
    ----------
    n_folds
        How many stretches are scored. Training time is cut into one more, of about as many stamps
        each; the first is never scored.
    embargo
        Time before a scored stretch in which no training label may end, and before the rows that
        an ensemble learns from and those that decide theta in which no label of the part before
        may end.
    stopping_share
        The latest share of a fold's training rows, which stops its boosting.
    """

    n_folds: int = 4
    embargo: timedelta = timedelta(0)
    stopping_share: float = 0.2

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "n_folds", integer("OutOfFold.n_folds", self.n_folds, low=1))
        share = real("OutOfFold.stopping_share", self.stopping_share, low=0, open_low=True)
        put(self, "stopping_share", share)
        if share >= 0.5:
            message = f"OutOfFold.stopping_share is {share!r}; it must be below 0.5."
            raise InputError("setting_invalid", message)
        if not isinstance(self.embargo, timedelta) or self.embargo < timedelta(0):
            message = f"OutOfFold.embargo is {self.embargo!r}; give timedelta(...), not negative."
            raise InputError("setting_invalid", message)


@dataclass(frozen=True)
class FoldProof:
    """What one fold was fitted on and what it scored; stamps are ISO 8601, UTC.

    Sound where ``latest_label_end < stopping_from``, ``latest_stopping_end < scored_from``, each by
    more than the embargo.
    """

    n_train: int
    n_stopping: int
    n_purged: int
    n_scored: int
    latest_label_end: str
    stopping_from: str
    latest_stopping_end: str
    scored_from: str
    scored_until: str


@dataclass(frozen=True, eq=False)
class ForwardFold:
    """Row numbers of one fold, within the training split, and its proof."""

    train: Array
    stopping: Array
    scored: Array
    proof: FoldProof


@dataclass(frozen=True, eq=False)
class OutOfFoldScores:
    """Scores of training rows by models that had not seen them.

    Parameters
    ----------
    rows
        (m,) row numbers within the training split, rising by fold.
    scores
        (m,) float64, by the library; an ensemble's are of the rows that it did not learn from.
    folds
        The proof, fold by fold.
    n_unscored
        How many training rows have no score.
    """

    rows: Array
    scores: Array
    folds: tuple[FoldProof, ...]
    n_unscored: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "rows", read_only_view(self.rows))
        object.__setattr__(self, "scores", read_only_view(self.scores))


def stamp_text(stamp: np.datetime64) -> str:
    """Return a stamp as ISO 8601."""
    return str(np.datetime_as_string(stamp, unit="auto"))
