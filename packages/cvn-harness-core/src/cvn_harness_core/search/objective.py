"""What a trial is worth, on rows that it was not fitted on."""

from __future__ import annotations

from typing import Literal

from cvn_harness_core.contracts.hpo import Objective
from cvn_harness_core.contracts.theta import ThetaDecision, ThetaEvidence

Direction = Literal["maximize", "minimize"]


def direction_of(objective: Objective) -> Direction:
    """Return which way is better."""
    return "minimize" if objective == "log_loss" else "maximize"


def value_of(objective: Objective, evidence: ThetaEvidence, decision: ThetaDecision) -> float:
    """Return the objective's value.

    ``pr_auc`` is scikit-learn's ``average_precision_score`` and ``log_loss`` its ``log_loss``;
    ``f1_buy`` and ``expectancy`` (net, for each row) are those of the policy's theta, 0 for
    NO_TRADE.
    """
    from sklearn.metrics import average_precision_score, log_loss

    if objective == "pr_auc":
        return float(average_precision_score(evidence.y, evidence.scores))
    if objective == "log_loss":
        return float(log_loss(evidence.y, evidence.scores))
    if decision.theta is None:
        return 0.0
    if objective == "f1_buy":
        return float(decision.f1)
    assert decision.expectancy is not None, "a search by expectancy needs money"
    return float(decision.expectancy * decision.buy_rate)
