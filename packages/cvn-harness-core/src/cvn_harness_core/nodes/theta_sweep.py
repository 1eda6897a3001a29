"""Where theta is picked: the policy's rule, on rows that the model was not fitted on."""

from __future__ import annotations

from cvn_harness_core.contracts.calibration import ScoreMap
from cvn_harness_core.contracts.datasets import Datasets
from cvn_harness_core.contracts.metrics import SplitMetrics
from cvn_harness_core.contracts.model import ModelSpec
from cvn_harness_core.contracts.out_of_fold import OutOfFoldScores
from cvn_harness_core.contracts.probability import Probability
from cvn_harness_core.contracts.split import Array
from cvn_harness_core.contracts.theta import ThetaDecision, ThetaEvidence, ThetaOutcome, ThetaRule
from cvn_harness_core.folds.holdout import Holdout
from cvn_harness_core.policy import TrainingPolicy
from cvn_harness_core.scoring import map_scores
from cvn_harness_core.theta.decision import decide
from cvn_harness_core.theta.outcome import outcome


def rows_behind(
    probability: Probability, out_of_fold: OutOfFoldScores | None, training_data: Datasets
) -> int:
    """Return how many rows the probabilities rest on: a calibrator's, the folds' or the fit's."""
    if probability.rows is not None:
        return probability.rows
    if out_of_fold is not None:
        folds = out_of_fold.folds
        return sum(fold.n_train for fold in folds) // len(folds)
    return len(training_data.train)


def theta_evidence(
    unseen_scores: Array,
    score_map: ScoreMap,
    probability: Probability,
    holdout: Holdout,
    rows_behind: int,
    datasets: Datasets,
) -> ThetaEvidence:
    """Return the rows that decide; test rows are not looked at."""
    split = holdout.split_of(datasets)
    if holdout.theta.size < len(split):
        split, scores = split.take(holdout.theta), unseen_scores[holdout.theta]
    else:
        scores = unseen_scores
    return ThetaEvidence(
        scores=map_scores(score_map, scores),
        y=split.y,
        returns=split.returns,
        payoff=datasets.payoff,
        time=split.time,
        label_end=split.label_end,
        probability=probability,
        n_train=rows_behind,
        source=holdout.source,
    )


def theta_rule(
    datasets: Datasets, holdout: Holdout, spec: ModelSpec, policy: TrainingPolicy
) -> ThetaRule:
    """Return the policy's rule, by whether money is known of the rows that decide."""
    return policy.rule_for(spec.theta, money_known=holdout.money_known(datasets))


def theta_sweep(
    theta_rule: ThetaRule, theta_evidence: ThetaEvidence, policy: TrainingPolicy
) -> ThetaDecision:
    """Return the decision of the rule."""
    return decide(theta_rule, theta_evidence, policy.costs)


def theta_outcome(
    theta_sweep: ThetaDecision, eval_metrics: dict[str, SplitMetrics]
) -> ThetaOutcome:
    """Return what became of the decision on test."""
    return outcome(theta_sweep, eval_metrics.get("test"))
