"""Calibration is kept only if it helped on rows later than those it was fitted on."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from cvn_harness_core.calibration.apply import calibrate
from cvn_harness_core.calibration.fit import fit_calibrator
from cvn_harness_core.contracts.calibration import (
    Calibration,
    CalibrationReason,
    CalibrationReport,
    Calibrator,
    EvidenceSource,
)
from cvn_harness_core.contracts.split import Array
from cvn_harness_core.errors import InputError
from cvn_harness_core.metrics.classification import expected_calibration_error

EARLIER_SHARE = 0.6
PART_OF_FLOOR = 1 / 3
"""Of ``min_rows`` and ``min_per_class``, what each of the two parts must hold by itself."""

Outcome = tuple[Calibrator | None, CalibrationReport]


def calibrate_if_better(
    settings: Calibration,
    scores: Array,
    y: Array,
    time: Array | None,
    label_end: Array | None,
    source: EvidenceSource,
) -> Outcome:
    """Return the calibrator fitted on all rows, or None, and a report that says why.

    The earlier 60 % of the rows fit a first calibrator and the later 40 % judge it: it is refused
    if Brier's score or the expected calibration error rises there. Rows of one stamp stay in one
    part, and earlier rows whose label reaches into the later part are left out of the first fit.

    Parameters
    ----------
    settings
        The method and the floors.
    scores, y
        (n,) scores in [0, 1] and labels in {0, 1}: rows that neither fitted the model nor stopped
        it, and that will not pick theta.
    time, label_end
        (n,) datetime64. Without ``time`` the rows count as given in order of time; without
        ``label_end`` a label ends with its row.
    source
        Where the scores come from, for the report.

    Raises
    ------
    InputError
        ``length_mismatch`` if the lengths differ, ``time_missing`` for ``label_end`` alone,
        ``scores_not_finite`` if a score is NaN or outside [0, 1].
    PluginDependencyError
        ``plugin_dependency_missing`` if the method lacks its library.
    """
    _check_lengths(y, scores=scores, time=time, label_end=label_end)
    asked = CalibrationReport(
        status="refused",
        method=settings.method,
        source=source,
        rows=int(y.size),
        positives=int(np.count_nonzero(y)),
    )
    if reason := _below_floors(settings, y, part=1.0):
        return None, replace(asked, reason=reason)
    scores, y, early, late = _in_time(np.asarray(scores, dtype=np.float64), y, time, label_end)
    for part in (early, late):
        if reason := _below_floors(settings, y[part], part=PART_OF_FLOOR):
            return None, replace(asked, reason=reason)

    from sklearn.metrics import brier_score_loss  # heavy: imported when needed

    first = fit_calibrator(settings.method, scores[early], y[early])
    before, after = scores[late], calibrate(first, scores[late])
    report = replace(
        asked,
        brier_before=float(brier_score_loss(y[late], before, pos_label=1)),
        brier_after=float(brier_score_loss(y[late], after, pos_label=1)),
        ece_before=expected_calibration_error(before, y[late]),
        ece_after=expected_calibration_error(after, y[late]),
    )
    if reason := _worse(report):
        return None, replace(report, reason=reason)
    kept = fit_calibrator(settings.method, scores, y)
    if not (_rises(first, scores[early]) and _rises(kept, scores)):
        return None, replace(report, reason="ranking_lost")
    return kept, replace(report, status="applied")


def _check_lengths(y: Array, **columns: Array | None) -> None:
    for name, values in columns.items():
        if values is not None and values.shape != y.shape:
            message = f"{name} has shape {values.shape} where y has {y.shape}; give one per label."
            raise InputError("length_mismatch", message)
    if columns["time"] is None and columns["label_end"] is not None:
        message = "label_end is given without time; give both, or neither."
        raise InputError("time_missing", message)


def _below_floors(settings: Calibration, y: Array, *, part: float) -> CalibrationReason | None:
    assert settings.min_rows is not None
    if y.size < part * settings.min_rows:
        return "too_few_rows"
    positives = int(np.count_nonzero(y))
    fewest = min(positives, y.size - positives)
    return "too_few_of_a_class" if fewest < part * settings.min_per_class else None


def _in_time(
    scores: Array, y: Array, time: Array | None, label_end: Array | None
) -> tuple[Array, Array, Any, Any]:
    """Return scores and y (n,) in order of time, and what picks the earlier and later rows.

    The order is the same however rows of one stamp are given.
    """
    cut = int(EARLIER_SHARE * y.size)
    if time is None:
        return scores, y, slice(0, cut), slice(cut, None)
    order = np.lexsort((y, scores, time))
    starts = time[order]
    ends = starts if label_end is None else label_end[order]
    late = starts >= starts[cut]
    early = ~late & (ends < starts[cut])
    return scores[order], y[order], early, late


def _worse(report: CalibrationReport) -> CalibrationReason | None:
    assert report.brier_before is not None
    assert report.brier_after is not None
    assert report.ece_before is not None
    assert report.ece_after is not None
    if report.brier_after > report.brier_before:
        return "brier_not_better"
    return "ece_not_better" if report.ece_after > report.ece_before else None


def _rises(calibrator: Calibrator, scores: Array) -> bool:
    """Whether the highest of the scores gets a higher probability than the lowest."""
    lowest, highest = calibrate(calibrator, np.array([scores.min(), scores.max()]))
    return bool(highest > lowest)
