"""The original rule: nineteen thresholds, the first that maximises F1. Kept for comparison."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cvn_harness_core.contracts.theta import ThetaChoice, ThetaEvidence

GRID = np.linspace(0.05, 0.95, 19)
"""The thresholds 0.05, 0.10, ..., 0.95."""


@dataclass(frozen=True)
class F1Grid:
    """The first maximum of F1 over the 19 points from 0.05 to 0.95, on validation.

    It over-trades where the signal is weak, because F1 is then best at a cut below the base rate
    (Lipton, Elkan and Naryanaswamy, 2014: the best cut of calibrated scores is half the best F1).
    """

    @property
    def name(self) -> str:
        """``f1_grid``."""
        return "f1_grid"

    def decide(self, evidence: ThetaEvidence) -> ThetaChoice:
        """Return the best grid point; where every F1 is 0, that is the first (0.05)."""
        return ThetaChoice(float(GRID[int(np.argmax(evidence.cuts.at(GRID).f1))]))
