"""The events of a run, each emitted as soon as what it reports is known.

Hamilton visits the parameters of ``log_emit`` in order, so they stand in the order of events.
"""

from __future__ import annotations

from dataclasses import asdict

from cvn_harness_core.contracts.calibration import CalibrationReport
from cvn_harness_core.contracts.curve import CurveSummary
from cvn_harness_core.contracts.datasets import Datasets
from cvn_harness_core.contracts.health import TrainingHealth
from cvn_harness_core.contracts.probability import Probability
from cvn_harness_core.contracts.theta import ThetaDecision, ThetaOutcome
from cvn_harness_core.events.log import RunLog
from cvn_harness_core.events.schema import (
    CalibrationApplied,
    ClassBalanceApplied,
    Event,
    LearningCurveRecorded,
    ThetaAlarm,
    ThetaPicked,
    TrainingHealthJudged,
)
from cvn_harness_core.nodes.class_balance import ClassBalance


def log_class_balance(
    run_log: RunLog, class_balance: ClassBalance, uncalibrated: Probability, datasets: Datasets
) -> Event:
    """Emit ``class_balance_applied``."""
    return run_log.emit(
        ClassBalanceApplied,
        positive_weight=class_balance.positive_weight,
        source=class_balance.source,
        probability=str(uncalibrated),
        prevalence_train=datasets.train.prevalence,
        prevalence_val=datasets.val.prevalence,
    )


def log_learning_curve(run_log: RunLog, learning_curve: CurveSummary) -> Event:
    """Emit ``learning_curve``."""
    return run_log.emit(LearningCurveRecorded, **asdict(learning_curve))


def log_calibration(
    run_log: RunLog, calibration_report: CalibrationReport, probability: Probability
) -> Event:
    """Emit ``calibration_applied``."""
    return run_log.emit(
        CalibrationApplied, **asdict(calibration_report), probability=str(probability)
    )


def log_theta(run_log: RunLog, theta_sweep: ThetaDecision) -> Event:
    """Emit ``theta_picked``."""
    low, high = theta_sweep.interval or (None, None)
    return run_log.emit(
        ThetaPicked,
        rule=theta_sweep.rule,
        status=theta_sweep.status,
        theta=theta_sweep.theta,
        reason=theta_sweep.reason,
        source=theta_sweep.source,
        n=theta_sweep.n,
        n_signals=theta_sweep.n_signals,
        buy_rate=theta_sweep.buy_rate,
        min_buy_rate=theta_sweep.min_buy_rate,
        max_buy_rate=theta_sweep.max_buy_rate,
        f1_buy=theta_sweep.f1,
        precision_buy=theta_sweep.precision,
        expectancy=theta_sweep.expectancy,
        predicted_expectancy=theta_sweep.predicted_expectancy,
        theta_low=low,
        theta_high=high,
    )


def log_alarm(
    run_log: RunLog, theta_sweep: ThetaDecision, theta_outcome: ThetaOutcome
) -> Event | None:
    """Emit ``theta_alarm`` where the realised buy rate is not the predicted one."""
    if theta_outcome.alarm is None:
        return None
    return run_log.emit(
        ThetaAlarm,
        rule=theta_sweep.rule,
        theta=theta_sweep.theta,
        min_buy_rate=theta_sweep.min_buy_rate,
        max_buy_rate=theta_sweep.max_buy_rate,
        **asdict(theta_outcome),
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


def log_dominance() -> Event | None:
    """Return nothing: no base dominates a model; an ensemble's own node takes this place."""
    return None


def log_emit(
    log_class_balance: Event,
    log_learning_curve: Event,
    log_calibration: Event,
    log_theta: Event,
    log_alarm: Event | None,
    log_health: Event,
    log_dominance: Event | None,
) -> list[Event]:
    """Return the events of the path, in the order in which they were emitted."""
    told = (
        log_class_balance,
        log_learning_curve,
        log_calibration,
        log_theta,
        log_alarm,
        log_health,
        log_dominance,
    )
    return [event for event in told if event is not None]
