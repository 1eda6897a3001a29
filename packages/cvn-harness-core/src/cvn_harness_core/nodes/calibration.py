"""From the library's scores to probabilities: the class weight undone, a calibrator applied."""

from __future__ import annotations

from dataclasses import replace

from cvn_harness_core.calibration.judge import calibrate_if_better
from cvn_harness_core.contracts.calibration import CalibrationReport, Calibrator, ScoreMap
from cvn_harness_core.contracts.datasets import Datasets
from cvn_harness_core.contracts.probability import Probability
from cvn_harness_core.contracts.split import Array
from cvn_harness_core.folds.holdout import Holdout
from cvn_harness_core.nodes.fit import Scores
from cvn_harness_core.policy import TrainingPolicy
from cvn_harness_core.scoring import map_scores

Calibrated = tuple[Calibrator | None, CalibrationReport]


def correction(uncalibrated: Probability) -> ScoreMap:
    """Return the map that undoes the class weight, where the policy has it undone."""
    if uncalibrated.kind == "prior_corrected":
        return ScoreMap(undo_weight=uncalibrated.positive_weight)
    return ScoreMap()


def calibration(
    unseen_scores: Array,
    correction: ScoreMap,
    holdout: Holdout,
    datasets: Datasets,
    policy: TrainingPolicy,
) -> Calibrated:
    """Fit the calibrator that the policy asks for, and keep it if it makes nothing worse."""
    settings, rows = policy.calibration, holdout.calibration
    if settings is None:
        return None, CalibrationReport()
    if rows is None:
        return None, CalibrationReport("refused", holdout.refused, settings.method, holdout.source)
    split = holdout.split_of(datasets)
    return calibrate_if_better(
        settings,
        map_scores(correction, unseen_scores[rows]),
        split.y[rows],
        None if split.time is None else split.time[rows],
        None if split.label_end is None else split.label_end[rows],
        holdout.source,
    )


def score_map(correction: ScoreMap, calibration: Calibrated) -> ScoreMap:
    """Return the map from the library's scores to the artifact's."""
    return replace(correction, calibrator=calibration[0])


def calibration_report(calibration: Calibrated) -> CalibrationReport:
    """Return what became of the calibration."""
    return calibration[1]


def probability(uncalibrated: Probability, score_map: ScoreMap) -> Probability:
    """Return the kind of the artifact's scores."""
    calibrator = score_map.calibrator
    if calibrator is None:
        return uncalibrated
    return replace(uncalibrated, kind="calibrated", method=calibrator.method, rows=calibrator.rows)


def scores(native_scores: Scores, score_map: ScoreMap) -> Scores:
    """Return the artifact's scores of all three splits."""
    return Scores(
        map_scores(score_map, native_scores.train),
        map_scores(score_map, native_scores.val),
        map_scores(score_map, native_scores.test),
    )
