"""What a score means: a probability, or one that a class weight has inflated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from cvn_harness_core.contracts.split import Array
from cvn_harness_core.errors import InputError

ProbabilityKind: TypeAlias = Literal["raw", "weight_inflated", "prior_corrected", "calibrated"]


@dataclass(frozen=True)
class Probability:
    """Where a model's scores come from, from the class weight of its fit to the artifact.

    Parameters
    ----------
    kind
        ``raw`` scores are the library's own. ``weight_inflated`` scores come from a fit whose
        positives weighed ``positive_weight`` times as much as its negatives: their odds are that
        many times too high. ``prior_corrected`` scores had that undone, exactly. ``calibrated``
        scores went through a calibrator after that.
    positive_weight
        What positives weighed in the fit.
    method, rows
        Of the calibration, and how many rows it was fitted on.
    """

    kind: ProbabilityKind
    positive_weight: float = 1.0
    method: str | None = None
    rows: int | None = None

    @property
    def inflated(self) -> bool:
        """Whether the scores are no probabilities: cost-based cuts and blends refuse them."""
        return self.kind == "weight_inflated"

    def require_probabilities(self, who: str) -> None:
        """Raise InputError ``scores_inflated`` if the scores are inflated."""
        if self.inflated:
            message = (
                f"{who} needs probabilities and got {self} scores; leave "
                "TrainingPolicy.prior_correction on, or calibrate."
            )
            raise InputError("scores_inflated", message)

    def __str__(self) -> str:
        if self.kind == "calibrated":
            return f"calibrated({self.method}, {self.rows})"
        return self.kind if self.kind == "raw" else f"{self.kind}({self.positive_weight:.4g})"


def undo_weight(scores: Array, positive_weight: float) -> Array:
    """Return the probabilities behind scores whose positives weighed ``positive_weight``, (n,).

    ``p' / (p' + w * (1 - p'))``: the exact inverse of what weighting does to the posterior of a
    model that fits the weighted distribution (Elkan, 2001, "The foundations of cost-sensitive
    learning", theorem 2). Never falls where ``scores`` rise, not even by rounding: it is computed
    as ``1 / (1 + w * (1 - p') / p')``, each step of which rounds in order. A weight of 1 returns
    the scores themselves.
    """
    if positive_weight == 1.0:
        return scores
    with np.errstate(divide="ignore", over="ignore"):
        against = positive_weight * ((1.0 - scores) / scores)
    corrected: Array = 1.0 / (1.0 + against)
    return corrected


def apply_weight(probabilities: Array, positive_weight: float) -> Array:
    """Return what ``undo_weight`` undoes: the inflated scores of these probabilities, (n,)."""
    return undo_weight(probabilities, 1.0 / positive_weight)
