"""The figures of every split, by the same code for every model."""

from __future__ import annotations

from cvn_harness_core.contracts.datasets import Datasets
from cvn_harness_core.contracts.metrics import SplitMetrics
from cvn_harness_core.contracts.theta import ThetaDecision
from cvn_harness_core.metrics.split import split_metrics
from cvn_harness_core.nodes.fit import Scores


def eval_metrics(
    scores: Scores, theta_sweep: ThetaDecision, datasets: Datasets
) -> dict[str, SplitMetrics]:
    """Return SplitMetrics for train, val and test at the chosen theta."""
    return {
        name: split_metrics(
            getattr(scores, name), split, theta=theta_sweep.theta, payoff=datasets.payoff
        )
        for name, split in datasets.splits()
    }
