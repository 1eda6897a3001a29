"""A threshold that the user chose."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cvn_harness_core.contracts.checks import real
from cvn_harness_core.contracts.theta import ThetaDecision, ThetaEvidence
from cvn_harness_core.errors import InputError
from cvn_harness_core.theta.cuts import cuts_at


@dataclass(frozen=True)
class Fixed:
    """Always ``theta``; the figures say what it does on validation."""

    theta: float = 0.5

    def __post_init__(self) -> None:
        object.__setattr__(self, "theta", real("Fixed.theta", self.theta, low=0, open_low=True))
        if self.theta >= 1.0:
            message = f"Fixed.theta is {self.theta!r}; it must lie within (0, 1)."
            raise InputError("setting_invalid", message)

    @property
    def name(self) -> str:
        """``fixed``."""
        return "fixed"

    def decide(self, evidence: ThetaEvidence) -> ThetaDecision:
        """Return ``theta`` and its figures."""
        cuts = cuts_at(np.array([self.theta]), evidence.scores, evidence.y)
        return ThetaDecision(
            rule=self.name,
            theta=self.theta,
            reason=None,
            n=cuts.n,
            n_signals=int(cuts.n_signals[0]),
            buy_rate=float(cuts.buy_rate[0]),
            f1=float(cuts.f1[0]),
            curve=cuts.curve(0),
        )
