"""A threshold that the user chose."""

from __future__ import annotations

from dataclasses import dataclass

from cvn_harness_core.contracts.checks import real
from cvn_harness_core.contracts.theta import ThetaChoice, ThetaEvidence
from cvn_harness_core.errors import InputError


@dataclass(frozen=True)
class Fixed:
    """Always ``theta``; the decision's figures say what it does on the evidence."""

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

    def decide(self, evidence: ThetaEvidence) -> ThetaChoice:  # noqa: ARG002
        """Return ``theta``, whatever the evidence."""
        return ThetaChoice(self.theta)
