"""Whether the fit deserves trust, judged from its curve, its scores, its figures and its data."""

from __future__ import annotations

import numpy as np

from cvn_harness_core.contracts.curve import CurveSummary
from cvn_harness_core.contracts.datasets import Datasets
from cvn_harness_core.contracts.health import TrainingHealth, Verdict
from cvn_harness_core.contracts.metrics import SplitMetrics
from cvn_harness_core.contracts.probability import Probability
from cvn_harness_core.metrics.shift import (
    population_stability_index,
    prevalence_shift,
    psi_noise,
)
from cvn_harness_core.nodes.fit import Scores
from cvn_harness_core.policy import TrainingPolicy

_UNHEALTHY = frozenset({"constant_scores", "shallow"})
_WORST = 5
_Z_999 = 3.29
"""What a standard normal is beyond, on either side, once in a thousand times."""


def training_health(
    learning_curve: CurveSummary,
    native_scores: Scores,
    eval_metrics: dict[str, SplitMetrics],
    datasets: Datasets,
    probability: Probability,
    policy: TrainingPolicy,
) -> TrainingHealth:
    """Return the verdict, with a code for each reason and the figures behind them."""
    limits = policy.health
    best, ceiling = learning_curve.best_iteration, learning_curve.ceiling
    spread = float(np.std(native_scores.val))
    distinct = np.unique(native_scores.val).size
    share = distinct / native_scores.val.size
    train_auc, val_auc = eval_metrics["train"].roc_auc, eval_metrics["val"].roc_auc
    gap = train_auc - val_auc if train_auc is not None and val_auc is not None else None
    shallow = (
        best is not None and ceiling is not None and best < limits.min_best_iteration <= ceiling
    )
    train, val = datasets.train, datasets.val
    psi = population_stability_index(train.X, val.X)
    worst = np.argsort(-psi, kind="stable")[:_WORST]
    odds_ratio, z = prevalence_shift(train.y, val.y)
    judged = {
        "constant_scores": distinct == 1,
        "shallow": shallow,
        "narrow_scores": distinct > 1 and spread < limits.min_score_std,
        "few_distinct_scores": distinct > 1 and share < limits.min_distinct_scores,
        "at_ceiling": best == ceiling
        and best is not None
        and not shallow
        and learning_curve.stopping_rounds is not None,
        "overfit": gap is not None and gap > limits.max_auc_gap,
        "too_good": val_auc is not None and val_auc > limits.max_auc,
        "undefined_curve": learning_curve.metric is not None and learning_curve.val_best is None,
        "covariate_shift": psi.max() > limits.max_psi + psi_noise(len(train), len(val)),
        "prevalence_shift": abs(z) > _Z_999
        and max(odds_ratio, 1.0 / odds_ratio) > limits.max_prevalence_shift,
        "weight_inflated": probability.inflated,
    }
    reasons = tuple(reason for reason, holds in judged.items() if holds)
    verdict: Verdict = "suspect" if reasons else "healthy"
    if _UNHEALTHY & set(reasons):
        verdict = "unhealthy"
    figures = {
        "best_iteration_share": best / ceiling if best is not None and ceiling else None,
        "score_std_val": spread,
        "distinct_scores_val": share,
        "roc_auc_gap": gap,
        "psi_max": float(psi.max()),
        "prevalence_ratio": odds_ratio,
        "positive_weight": probability.positive_weight,
    }
    worst_psi = {datasets.feature_names[i]: float(psi[i]) for i in worst}
    return TrainingHealth(verdict, reasons, figures, worst_psi)
