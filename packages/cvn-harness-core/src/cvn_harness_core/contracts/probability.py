"""What a score means: a probability, or one that a class weight has inflated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Probability:
    """The kind of a model's scores.

    ``weight_inflated`` scores come from a fit whose positives weighed ``positive_weight`` times as
    much as its negatives: their odds are that many times too high (Elkan, 2001).
    """

    kind: Literal["raw", "weight_inflated"]
    positive_weight: float = 1.0

    def __str__(self) -> str:
        return self.kind if self.kind == "raw" else f"{self.kind}({self.positive_weight:.4g})"
