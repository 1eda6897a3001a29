"""Who uses which of the rows that were not fitted on: early stopping, calibration, theta."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise

import numpy as np

from cvn_harness_core.contracts.calibration import (
    Calibration,
    CalibrationReason,
    EvidenceSource,
)
from cvn_harness_core.contracts.datasets import Datasets
from cvn_harness_core.contracts.out_of_fold import ForwardFold
from cvn_harness_core.contracts.split import Array, Split


@dataclass(frozen=True, eq=False)
class Holdout:
    """Row numbers, within the training split for ``out_of_fold`` and else within validation.

    Parameters
    ----------
    source
        Which split they number.
    theta
        Rows that theta is picked on.
    calibration
        Rows that a calibrator is fitted on; None where there is no calibration.
    stopping
        Rows of validation that stop the boosting; None for all of them.
    refused
        Why the calibration that was asked for cannot be, if it cannot.
    """

    source: EvidenceSource
    theta: Array
    calibration: Array | None = None
    stopping: Array | None = None
    refused: CalibrationReason | None = None

    def split_of(self, datasets: Datasets) -> Split:
        """Return the split whose rows are numbered."""
        return datasets.val if self.source == "validation" else datasets.train

    def money_known(self, datasets: Datasets) -> bool:
        """Return whether returns or a payoff are known of the rows that decide."""
        return datasets.payoff is not None or self.split_of(datasets).returns is not None


NO_EMBARGO = timedelta(0)


def divide_holdout(
    datasets: Datasets,
    calibration: Calibration | None,
    folds: tuple[ForwardFold, ...],
    embargo: timedelta = NO_EMBARGO,
) -> Holdout:
    """Return who uses which rows; no row has two uses where a calibrator is fitted.

    With out-of-fold scores, their earlier half calibrates and the later half decides theta, and
    validation stops the boosting. Without them validation is divided in time: early stopping, then
    calibration, then theta. Rows whose label ends in the next part, or within ``embargo`` of it,
    belong to none. Where the calibration's part is below its floor nothing is divided and
    calibration is refused.
    """
    split = datasets.train if folds else datasets.val
    source: EvidenceSource = "out_of_fold" if folds else "validation"
    rows = np.concatenate([f.scored for f in folds]) if folds else np.arange(len(split))
    if calibration is None:
        return Holdout(source, rows)
    share = calibration.share
    shares = (0.5, 0.5) if folds else (1.0 - 2.0 * share, share, share)
    *first, calibrating, deciding = in_time(split, rows, shares, embargo)
    refused: CalibrationReason | None = None
    if calibrating.size < (calibration.min_rows or 0):
        refused = "too_few_rows"
    elif _of_rarer_class(split.y[calibrating]) < calibration.min_per_class or not all(
        _of_rarer_class(split.y[part]) for part in (*first, deciding)
    ):
        refused = "too_few_of_a_class"
    if refused is not None:
        return Holdout(source, rows, refused=refused)
    return Holdout(source, deciding, calibrating, first[0] if first else None)


def in_time(
    split: Split, rows: Array, shares: tuple[float, ...], embargo: timedelta = NO_EMBARGO
) -> list[Array]:
    """Return consecutive parts of some rows, of about these shares of their stamps, purged.

    A row belongs to none whose label ends within ``embargo`` of the next part, or in it. Rows
    without time are taken to stand in its order, and then nothing can be purged.
    """
    time = np.arange(len(split)) if split.time is None else split.time
    ends = time if split.label_end is None else split.label_end
    gap = 0 if split.time is None else np.timedelta64(embargo)
    moments = np.unique(time[rows])
    at = np.round(np.cumsum((0.0, *shares)) * moments.size).astype(int)
    parts = []
    for first, last in pairwise(at):
        inside = time[rows] >= moments[min(first, moments.size - 1)]
        if last < moments.size:
            inside &= (time[rows] < moments[last]) & (ends[rows] < moments[last] - gap)
        parts.append(rows[inside] if first < last else rows[:0])
    return parts


def _of_rarer_class(y: Array) -> int:
    positives = int(np.count_nonzero(y))
    return min(positives, y.size - positives)
