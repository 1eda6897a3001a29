"""The best F1 among cuts that do not buy too often, exact over all distinct scores."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cvn_harness_core.contracts.checks import real
from cvn_harness_core.contracts.theta import NoTradeReason, ThetaDecision, ThetaEvidence
from cvn_harness_core.errors import InputError
from cvn_harness_core.theta.cuts import all_cuts


@dataclass(frozen=True)
class F1Capped:
    """The highest theta that maximises F1 among cuts whose buy rate is within the cap.

    Parameters
    ----------
    max_buy_rate
        The cap, in (0, 1]. None takes the prevalence of the validation labels: a rule that buys
        more often than there is something to buy is wrong about most of the excess.
    """

    max_buy_rate: float | None = None

    def __post_init__(self) -> None:
        if self.max_buy_rate is None:
            return
        cap = real("F1Capped.max_buy_rate", self.max_buy_rate, low=0, open_low=True)
        object.__setattr__(self, "max_buy_rate", cap)
        if cap > 1.0:
            message = f"F1Capped.max_buy_rate is {self.max_buy_rate!r}; it must lie within (0, 1]."
            raise InputError("setting_invalid", message)

    @property
    def name(self) -> str:
        """``f1_capped``."""
        return "f1_capped"

    def decide(self, evidence: ThetaEvidence) -> ThetaDecision:
        """Return the best feasible cut, or NO_TRADE where none is feasible or none is right."""
        cuts = all_cuts(evidence.scores, evidence.y)
        cap = self.max_buy_rate if self.max_buy_rate is not None else cuts.n_positive / cuts.n
        feasible = cuts.buy_rate <= cap
        value = np.where(feasible, cuts.f1, -1.0)
        best = int(value.size - 1 - np.argmax(value[::-1]))
        reason: NoTradeReason | None = None
        if not feasible.any():
            reason = "no_cut_within_buy_rate_cap"
        elif value[best] == 0.0:
            reason = "no_positive_found"
        trade = reason is None
        return ThetaDecision(
            rule=self.name,
            theta=float(cuts.theta[best]) if trade else None,
            reason=reason,
            n=cuts.n,
            n_signals=int(cuts.n_signals[best]) if trade else 0,
            buy_rate=float(cuts.buy_rate[best]) if trade else 0.0,
            f1=float(cuts.f1[best]) if trade else 0.0,
            max_buy_rate=cap,
            curve=cuts.curve(best if trade else None),
        )
