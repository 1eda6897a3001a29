"""Fitting a map from scores to probabilities, by the libraries that are known for it."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from cvn_harness_core.calibration.apply import log_odds
from cvn_harness_core.contracts.calibration import CalibrationMethod, Calibrator
from cvn_harness_core.contracts.split import Array
from cvn_harness_core.errors import InputError, PluginDependencyError


def require(method: CalibrationMethod) -> None:
    """Raise PluginDependencyError ``plugin_dependency_missing`` if ``method`` lacks its library.

    Called before a training, so that none is spent on a calibration that cannot be done.
    """
    if method == "venn_abers":
        _calc_p0p1()


def fit_calibrator(method: CalibrationMethod, scores: Array, y: Array) -> Calibrator:
    """Return the map from scores (n,) in [0, 1] to the frequency of y = 1 among labels (n,).

    A ``sigmoid`` is fitted as it comes: with a slope that is not positive, if higher scores go
    with fewer positives, and with slope 0, if all scores are the same. It would invert or lose
    the ranking; ``judge`` refuses it (``ranking_lost``).

    Raises
    ------
    InputError
        ``labels_one_class`` if y holds only one class.
    PluginDependencyError
        ``plugin_dependency_missing`` as ``require`` does.
    """
    if y.min() == y.max():
        message = f"all {y.size} labels to calibrate on are {y[0]}; give rows of both classes."
        raise InputError("labels_one_class", message)
    x, low, high = _FITS[method](np.asarray(scores, dtype=np.float64), y)
    return Calibrator(method, tuple(x), tuple(low), tuple(high), rows=int(y.size))


_Numbers = tuple[list[float], list[float], list[float]]


def _sigmoid(scores: Array, y: Array) -> _Numbers:
    """Maximise the likelihood of Platt's line; his prior on targets matters on few rows only."""
    from sklearn.linear_model import LogisticRegression

    odds = log_odds(scores)
    centre, spread = float(odds.mean()), float(odds.std())
    if odds.min() == odds.max():
        prior = float(y.mean())
        line = [0.0, float(np.log(prior / (1.0 - prior)))]
        return [], line, line
    # In units of their spread, so that the solver stops equally close for any scores. C=inf means
    # no penalty in every release; penalty=None is deprecated since scikit-learn 1.8.
    model = LogisticRegression(C=np.inf, tol=1e-8, max_iter=1000)
    model.fit(((odds - centre) / spread)[:, None], y)
    slope = float(model.coef_[0, 0]) / spread
    line = [slope, float(model.intercept_[0]) - slope * centre]
    return [], line, line


def _isotonic(scores: Array, y: Array) -> _Numbers:
    from sklearn.isotonic import IsotonicRegression

    steps = IsotonicRegression(out_of_bounds="clip").fit(scores, y.astype(np.float64))
    values = steps.y_thresholds_.tolist()
    return steps.X_thresholds_.tolist(), values, values


def _venn_abers(scores: Array, y: Array) -> _Numbers:
    """Keep the two step functions of inductive Venn-Abers prediction where either one steps."""
    calc_p0p1 = _calc_p0p1()
    # The library divides 0 by 0 where its diagram has no slope, and leaves those out.
    with np.errstate(divide="ignore", invalid="ignore"), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "All-NaN", RuntimeWarning)
        p0, p1, x = calc_p0p1(np.column_stack([1.0 - scores, scores]), y)
    low, high = p0[:, 1], p1[:, 1]
    steps = (np.diff(low) != 0.0) | (np.diff(high) != 0.0)
    kept = np.concatenate([[True], steps])
    return x[steps].tolist(), low[kept].tolist(), high[kept].tolist()


def _calc_p0p1() -> Callable[..., Any]:
    try:
        # The import calls np.seterr for the whole process; errstate takes it back.
        with np.errstate():
            from venn_abers.venn_abers import calc_p0p1
    except ImportError as error:
        message = (
            f"calibration by venn_abers needs a library that cannot be imported ({error}); "
            'run: pip install "cvn-harness-core[venn-abers]", or take sigmoid or isotonic.'
        )
        raise PluginDependencyError("plugin_dependency_missing", message) from error
    found: Callable[..., Any] = calc_p0p1
    return found


_FITS: dict[str, Callable[[Array, Array], _Numbers]] = {
    "sigmoid": _sigmoid,
    "isotonic": _isotonic,
    "venn_abers": _venn_abers,
}
