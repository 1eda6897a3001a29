"""From a model to checked scores, and to the artifact's: in training as in prediction."""

from __future__ import annotations

from typing import Any

import numpy as np

from cvn_harness_core.calibration.apply import calibrate
from cvn_harness_core.contracts.calibration import ScoreMap
from cvn_harness_core.contracts.model import ModelAdapter
from cvn_harness_core.contracts.probability import undo_weight
from cvn_harness_core.contracts.split import Array
from cvn_harness_core.errors import InputError


def positive_scores(adapter: ModelAdapter, native: Any, X: Array, n_threads: int) -> Array:
    """Return the probability of the positive class, (n,) float64, checked to be one."""
    return as_probabilities(adapter.predict_proba(native, X, n_threads=n_threads), X.shape[0])


def as_probabilities(scores: Any, n: int) -> Array:
    """Return scores, (n,) or (n, 2), as probabilities of the positive class, (n,) float64.

    Raises InputError ``shape_invalid`` or ``scores_not_finite``.
    """
    out = np.asarray(scores)
    if out.ndim == 2 and out.shape[1] == 2:
        out = out[:, 1]
    if out.shape != (n,):
        message = f"the model returned scores of shape {out.shape} for {n} rows."
        raise InputError("shape_invalid", message)
    out = np.ascontiguousarray(out, dtype=np.float64)
    if not (out.min() >= 0.0 and out.max() <= 1.0):
        message = "the model returned scores that are NaN or outside [0, 1]."
        raise InputError("scores_not_finite", message)
    return out


def map_scores(score_map: ScoreMap, scores: Array) -> Array:
    """Return the artifact's scores of the library's, (n,): the weight undone, then calibrated."""
    if not scores.size:
        return scores
    if score_map.undo_weight != 1.0:
        scores = undo_weight(scores, score_map.undo_weight)
    return scores if score_map.calibrator is None else calibrate(score_map.calibrator, scores)
