"""How raw scores become calibrated ones: what a policy asks for, and what was done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from cvn_harness_core.contracts.checks import integer, real
from cvn_harness_core.errors import InputError

CalibrationMethod: TypeAlias = Literal["sigmoid", "isotonic", "venn_abers"]
CalibrationReason: TypeAlias = Literal[
    "too_few_rows", "too_few_of_a_class", "brier_not_better", "ece_not_better", "ranking_lost"
]
"""``ranking_lost``: the fitted map does not rise, so it would invert or flatten the ranking."""

EvidenceSource: TypeAlias = Literal["validation", "out_of_fold"]

MIN_ROWS = {"sigmoid": 300, "isotonic": 1000, "venn_abers": 1000}
"""The least rows by method; scikit-learn advises against isotonic below a thousand."""


@dataclass(frozen=True)
class Calibration:
    """What a policy asks for. The rows are never those of early stopping or of theta.

    Parameters
    ----------
    method
        ``sigmoid`` (Platt scaling of the log odds), ``isotonic``, or ``venn_abers`` (needs
        ``pip install "cvn-harness-core[venn-abers]"``).
    min_rows
        The least rows to calibrate on; below it, calibration is refused. None takes 300 for
        ``sigmoid`` and 1,000 for the others.
    min_per_class
        The least rows of each class.
    share
        Without out-of-fold scores, validation is divided in time: first early stopping, then
        calibration, then theta. This is the share of each of the last two.
    """

    method: CalibrationMethod = "sigmoid"
    min_rows: int | None = None
    min_per_class: int = 30
    share: float = 0.3

    def __post_init__(self) -> None:
        if self.method not in get_args(CalibrationMethod):
            message = (
                f"Calibration.method is {self.method!r}; it must be one of "
                f"{', '.join(get_args(CalibrationMethod))}."
            )
            raise InputError("setting_invalid", message)
        put = object.__setattr__
        rows = MIN_ROWS[self.method] if self.min_rows is None else self.min_rows
        put(self, "min_rows", integer("Calibration.min_rows", rows, low=10))
        put(self, "min_per_class", integer("Calibration.min_per_class", self.min_per_class, low=2))
        put(self, "share", real("Calibration.share", self.share, low=0, open_low=True))
        if self.share >= 0.5:
            message = f"Calibration.share is {self.share!r}; it must be below 0.5."
            raise InputError("setting_invalid", message)


@dataclass(frozen=True)
class Calibrator:
    """A fitted map from scores to probabilities, as plain numbers that a manifest can hold.

    Parameters
    ----------
    method
        Decides what the numbers mean; see ``cvn_harness_core.calibration.apply``.
    x
        (k,) rising scores at which the map bends or steps; empty for ``sigmoid``.
    low, high
        Its values there, both the same, for ``isotonic``: (k,), with straight lines between. Both
        (slope, intercept) on the log odds for ``sigmoid``. For ``venn_abers`` the probabilities
        p0 and p1 of Vovk's multiprobability predictor: (k + 1,), below, between and above the
        steps.
    rows
        How many rows it was fitted on.
    """

    method: CalibrationMethod
    x: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    rows: int


@dataclass(frozen=True)
class ScoreMap:
    """What turns the library's scores into the artifact's: see ``scoring.map_scores``.

    ``undo_weight`` is the class weight to undo, 1 for none; the calibrator comes after it.
    """

    undo_weight: float = 1.0
    calibrator: Calibrator | None = None


@dataclass(frozen=True)
class CalibrationReport:
    """What became of the calibration that the policy asked for.

    ``*_before`` and ``*_after`` are measured on the later part of the calibration rows by a
    calibrator fitted on their earlier part; the one that is kept is fitted on all of them.
    """

    status: Literal["off", "applied", "refused"] = "off"
    reason: CalibrationReason | None = None
    method: CalibrationMethod | None = None
    source: EvidenceSource | None = None
    rows: int = 0
    positives: int = 0
    brier_before: float | None = None
    brier_after: float | None = None
    ece_before: float | None = None
    ece_after: float | None = None
