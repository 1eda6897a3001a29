"""A calibrator's map, with NumPy alone: what a saved artifact needs to predict."""

from __future__ import annotations

import numpy as np

from cvn_harness_core.contracts.calibration import Calibrator
from cvn_harness_core.contracts.split import Array
from cvn_harness_core.errors import InputError

SMALLEST = 1e-12
"""Scores are held this far from 0 and 1 before their log odds are taken."""


def calibrate(calibrator: Calibrator, scores: Array) -> Array:
    """Return the calibrated probabilities of scores (n,) in [0, 1]: (n,) float64 in [0, 1].

    Equal to what the library that fitted the map would predict: scikit-learn's
    ``LogisticRegression`` to rounding, ``IsotonicRegression`` and ``venn_abers`` bit for bit.
    Higher scores never get lower probabilities (but for rounding), if the map rises.

    Raises
    ------
    InputError
        ``scores_not_finite`` if a score is NaN or outside [0, 1].
    """
    scores = np.asarray(scores, dtype=np.float64)
    if not ((scores >= 0.0) & (scores <= 1.0)).all():
        message = "scores to calibrate are NaN or outside [0, 1]; give a model's probabilities."
        raise InputError("scores_not_finite", message)
    calibrated: Array = np.clip(_MAPS[calibrator.method](calibrator, scores), 0.0, 1.0)
    return calibrated


def log_odds(scores: Array) -> Array:
    """Return ``log(p / (1 - p))`` of scores (n,), finite for 0 and 1 too."""
    inside = np.clip(scores, SMALLEST, 1.0 - SMALLEST)
    odds: Array = np.log(inside) - np.log1p(-inside)
    return odds


def _sigmoid(calibrator: Calibrator, scores: Array) -> Array:
    """``1 / (1 + exp(-(slope * log odds + intercept)))`` (Platt, 1999), without overflow."""
    slope, intercept = calibrator.low
    z = slope * log_odds(scores) + intercept
    small = np.exp(-np.abs(z))
    return np.where(z >= 0.0, 1.0, small) / (1.0 + small)


def _isotonic(calibrator: Calibrator, scores: Array) -> Array:
    """Straight lines between the steps, and the outermost values beyond them."""
    return np.interp(scores, calibrator.x, calibrator.low)


def _venn_abers(calibrator: Calibrator, scores: Array) -> Array:
    """``p1 / (1 - p0 + p1)``, which minimises regret under log loss.

    The lookup is algorithms 5 and 6, the formula section 4, of Vovk, Petej and Fedorova (2015),
    "Large-scale probabilistic predictors with and without guarantees of validity".
    """
    x = np.array(calibrator.x)
    p0 = np.array(calibrator.low)[np.searchsorted(x, scores, side="right")]
    p1 = np.array(calibrator.high)[np.searchsorted(x, scores, side="left")]
    merged: Array = p1 / (1.0 - p0 + p1)
    return merged


_MAPS = {"sigmoid": _sigmoid, "isotonic": _isotonic, "venn_abers": _venn_abers}
