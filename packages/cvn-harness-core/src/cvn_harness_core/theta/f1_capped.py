"""The best F1 among cuts that do not buy too often, exact over all distinct scores."""

from __future__ import annotations

from dataclasses import dataclass, field

from cvn_harness_core.contracts.checks import integer, real
from cvn_harness_core.contracts.cuts import Cuts
from cvn_harness_core.contracts.split import Array
from cvn_harness_core.contracts.theta import ThetaChoice, ThetaEvidence
from cvn_harness_core.theta.constraints import check_band, first_unmet
from cvn_harness_core.theta.stability import Bootstrap, check_bootstrap, pick, unusable


@dataclass(frozen=True)
class F1Capped:
    """The highest theta within one standard error of the best F1, the buy rate within a cap.

    Parameters
    ----------
    max_buy_rate
        The cap, in (0, 1]. None takes the prevalence of the labels: a rule that buys more often
        than there is something to buy is wrong about most of the excess.
    min_signals
        The least signals on the evidence.
    bootstrap
        How the rule judges its stability; None takes the best cut as it is.
    """

    max_buy_rate: float | None = None
    min_signals: int = 30
    bootstrap: Bootstrap | None = field(default_factory=Bootstrap)

    def __post_init__(self) -> None:
        put = object.__setattr__
        if self.max_buy_rate is not None:
            cap = real("F1Capped.max_buy_rate", self.max_buy_rate, low=0, open_low=True)
            put(self, "max_buy_rate", cap)
        check_band("F1Capped", None, self.max_buy_rate)
        put(self, "min_signals", integer("F1Capped.min_signals", self.min_signals, low=1))
        check_bootstrap("F1Capped", self.bootstrap)

    @property
    def name(self) -> str:
        """``f1_capped``."""
        return "f1_capped"

    def decide(self, evidence: ThetaEvidence) -> ThetaChoice:
        """Return the choice; NO_TRADE where nothing is feasible or nothing is right."""
        cuts = evidence.cuts
        cap = self.max_buy_rate
        band = (0.0, float(cuts.n_positive / cuts.n) if cap is None else cap)
        feasible, reason = first_unmet(
            cuts,
            ("no_cut_within_buy_rate_band", lambda some: some.buy_rate <= band[1]),
            ("too_few_signals", lambda some: some.n_signals >= self.min_signals),
            ("no_positive_found", lambda some: some.true_positives > 0),
        )
        reason = unusable(evidence, self.bootstrap) or reason
        if reason is not None:
            return ThetaChoice(None, reason, band=band, feasible=feasible)
        found = pick(evidence, feasible, _f1, self.bootstrap)
        return ThetaChoice(
            float(cuts.theta[found.chosen]),
            best_theta=float(cuts.theta[found.best]),
            band=band,
            feasible=feasible,
            interval=found.interval,
        )


def _f1(cuts: Cuts) -> Array:
    return cuts.f1
