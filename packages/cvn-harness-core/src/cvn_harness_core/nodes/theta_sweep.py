"""Where theta is picked: the policy's rule, on validation."""

from __future__ import annotations

from cvn_harness_core.contracts.datasets import Datasets
from cvn_harness_core.contracts.model import ModelSpec
from cvn_harness_core.contracts.theta import ThetaDecision, ThetaEvidence
from cvn_harness_core.metrics.trading import net_returns
from cvn_harness_core.nodes.fit import Scores
from cvn_harness_core.policy import TrainingPolicy


def theta_sweep(
    scores: Scores, datasets: Datasets, spec: ModelSpec, policy: TrainingPolicy
) -> ThetaDecision:
    """Return the decision of the policy's rule; test rows are not looked at."""
    evidence = ThetaEvidence(
        scores=scores.val,
        y=datasets.val.y,
        returns=net_returns(datasets.val, datasets.payoff),
        payoff=datasets.payoff,
    )
    return policy.rule_for(spec.theta).decide(evidence)
