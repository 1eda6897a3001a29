"""Whether the artifact's signals would have paid."""

from __future__ import annotations

from cvn_harness_core.contracts.datasets import Datasets
from cvn_harness_core.contracts.metrics import SplitMetrics
from cvn_harness_core.contracts.theta import ThetaDecision, ThetaEvidence
from cvn_harness_core.contracts.tradability import Tradability
from cvn_harness_core.nodes.fit import Scores
from cvn_harness_core.theta.tradability import tradability as judge


def tradability(
    theta_sweep: ThetaDecision,
    theta_evidence: ThetaEvidence,
    scores: Scores,
    datasets: Datasets,
    eval_metrics: dict[str, SplitMetrics],
) -> Tradability:
    """Return the verdict, by the test rows; unknown if there are none."""
    if "test" not in eval_metrics:
        return Tradability("unknown", "Tradability is unknown: there are no test rows.")
    return judge(theta_sweep, theta_evidence, scores.test, datasets.test, eval_metrics["test"])
