"""Whether the fit deserves trust, judged from its curve, its scores and its figures."""

from __future__ import annotations

import numpy as np

from cvn_harness_core.contracts.curve import CurveSummary
from cvn_harness_core.contracts.health import TrainingHealth, Verdict
from cvn_harness_core.contracts.metrics import SplitMetrics
from cvn_harness_core.nodes.fit import Scores
from cvn_harness_core.policy import TrainingPolicy

_UNHEALTHY = frozenset({"constant_scores", "shallow"})


def training_health(
    learning_curve: CurveSummary,
    scores: Scores,
    eval_metrics: dict[str, SplitMetrics],
    policy: TrainingPolicy,
) -> TrainingHealth:
    """Return the verdict, with a code for each reason and the figures behind them."""
    limits = policy.health
    best, ceiling = learning_curve.best_iteration, learning_curve.ceiling
    spread = float(np.std(scores.val))
    distinct = np.unique(scores.val).size
    train_auc, val_auc = eval_metrics["train"].roc_auc, eval_metrics["val"].roc_auc
    gap = train_auc - val_auc if train_auc is not None and val_auc is not None else None
    share = best / ceiling if best is not None and ceiling else None
    reasons = []
    if distinct == 1:
        reasons.append("constant_scores")
    elif spread < limits.min_score_std:
        reasons.append("narrow_scores")
    if distinct > 1 and distinct / scores.val.size < limits.min_distinct_scores:
        reasons.append("few_distinct_scores")
    if best is not None and ceiling is not None:
        if best < limits.min_best_iteration <= ceiling:
            reasons.append("shallow")
        elif best == ceiling and learning_curve.stopping_rounds is not None:
            reasons.append("at_ceiling")
    if gap is not None and gap > limits.max_auc_gap:
        reasons.append("overfit")
    verdict: Verdict = "healthy"
    if reasons:
        verdict = "unhealthy" if _UNHEALTHY & set(reasons) else "suspect"
    figures = {
        "best_iteration_share": share,
        "score_std_val": spread,
        "distinct_scores_val": distinct / scores.val.size,
        "roc_auc_gap": gap,
    }
    return TrainingHealth(verdict, tuple(reasons), figures)
