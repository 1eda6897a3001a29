"""The events of a run, each emitted as soon as what it reports is known.

Hamilton visits the parameters of ``log_emit`` in order, so they stand in the order of events.
"""

from __future__ import annotations

from dataclasses import asdict

from cvn_harness_core.contracts.curve import CurveSummary
from cvn_harness_core.contracts.datasets import Datasets
from cvn_harness_core.contracts.health import TrainingHealth
from cvn_harness_core.contracts.probability import Probability
from cvn_harness_core.contracts.theta import ThetaDecision
from cvn_harness_core.events.log import RunLog
from cvn_harness_core.events.schema import (
    ClassBalanceApplied,
    Event,
    LearningCurveRecorded,
    ThetaPicked,
    TrainingHealthJudged,
)
from cvn_harness_core.nodes.class_balance import ClassBalance


def log_class_balance(
    run_log: RunLog, class_balance: ClassBalance, probability: Probability, datasets: Datasets
) -> Event:
    """Emit ``class_balance_applied``."""
    return run_log.emit(
        ClassBalanceApplied,
        positive_weight=class_balance.positive_weight,
        source=class_balance.source,
        probability=str(probability),
        prevalence_train=datasets.train.prevalence,
        prevalence_val=datasets.val.prevalence,
    )


def log_learning_curve(run_log: RunLog, learning_curve: CurveSummary) -> Event:
    """Emit ``learning_curve``."""
    return run_log.emit(LearningCurveRecorded, **asdict(learning_curve))


def log_theta(run_log: RunLog, theta_sweep: ThetaDecision) -> Event:
    """Emit ``theta_picked``."""
    return run_log.emit(
        ThetaPicked,
        rule=theta_sweep.rule,
        status=theta_sweep.status,
        theta=theta_sweep.theta,
        reason=theta_sweep.reason,
        n=theta_sweep.n,
        n_signals=theta_sweep.n_signals,
        buy_rate=theta_sweep.buy_rate,
        max_buy_rate=theta_sweep.max_buy_rate,
        f1_buy=theta_sweep.f1,
    )


def log_health(run_log: RunLog, training_health: TrainingHealth) -> Event:
    """Emit ``training_health``."""
    return run_log.emit(
        TrainingHealthJudged,
        verdict=training_health.verdict,
        reasons=list(training_health.reasons),
        **training_health.figures,
        worst_psi=training_health.worst_psi,
    )


def log_emit(
    log_class_balance: Event, log_learning_curve: Event, log_theta: Event, log_health: Event
) -> list[Event]:
    """Return the events of the path, in the order in which they were emitted."""
    return [log_class_balance, log_learning_curve, log_theta, log_health]
