"""From what ``fit`` is given to the rows that are trained on and those that decide."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import narwhals as nw
import numpy as np

from cvn_harness_core.contracts.checks import real
from cvn_harness_core.contracts.frame import vector
from cvn_harness_core.contracts.split import Array, Split
from cvn_harness_core.errors import InputError
from cvn_harness_core.folds.holdout import in_time


def train_and_validation(
    X: Array, y: Array, known: Mapping[str, Any], *, fraction: float, embargo: timedelta
) -> tuple[Split, Split]:
    """Return the earlier rows and the latest ones, purged.

    Parameters
    ----------
    X, y
        (n, f) features and (n,) labels in {0, 1}, in any order if ``known`` has ``time``.
    known
        (n,) each, in any container or None: ``time``, ``label_end``, ``returns``, ``weight`` and
        ``symbol``, as of ``Split``. Rows of weight 0 are left out.
    fraction
        The share of the stamps (without time: of the rows, taken to stand in its order) that is
        validation: within (0, 0.5]. Where these lack a class it begins as much earlier as it takes
        to have both, at most in the middle.
    embargo
        A training row whose label ends within it of validation, or in it, is left out.

    Raises
    ------
    InputError
        ``labels_one_class`` where the later half, or what is left before validation, lacks a
        class; ``history_too_short`` where nothing is left; any fault of a ``Split``.
    """
    fraction = _checked(fraction)
    columns = {name: _column(name, value, len(y)) for name, value in known.items()}
    weight, time = columns.get("weight"), columns.get("time")
    rows = np.arange(len(y)) if weight is None else np.flatnonzero(weight != 0)
    if not rows.size:
        message = "all sample weights are zero; at least one must be positive."
        raise InputError("weights_invalid", message)
    if time is not None:
        rows = rows[np.argsort(time[rows], kind="stable")]
    at: Any = rows
    if rows.size == len(y) and (rows[1:] > rows[:-1]).all():
        at = slice(None)  # as they stand: no copy
    kept = {name: None if value is None else value[at] for name, value in columns.items()}
    split = Split(X[at], y[at], **kept)
    fitted, held = in_time(split, np.arange(len(split)), _shares(split, fraction), embargo)
    if not fitted.size:
        message = (
            f"no training row is left: every label ends in the {held.size} rows of validation, or "
            "within the embargo of them; bring a longer history, or lower validation_fraction."
        )
        raise InputError("history_too_short", message)
    if np.unique(split.y[fitted]).size < 2:
        where = f"the {fitted.size} rows before validation hold"
        raise _one_class(where)
    return split.take(fitted), split.take(held)


def _shares(split: Split, fraction: float) -> tuple[float, float]:
    time = np.arange(len(split)) if split.time is None else split.time
    moments = np.unique(time)
    counts = [np.count_nonzero(split.y == label) for label in (0, 1)]
    if not all(counts):
        message = f"y holds one class only in all {len(split)} rows; both classes must occur."
        raise InputError("labels_one_class", message)
    latest = min(time[split.y == label].max() for label in (0, 1))
    first = min(round((1.0 - fraction) * moments.size), int(np.searchsorted(moments, latest)))
    if first < moments.size // 2 or not first:
        raise _one_class("the later half of the rows holds")
    return first / moments.size, 1.0 - first / moments.size


def _one_class(where: str) -> InputError:
    message = (
        f"{where} one class only; training and validation need both. Rows stand in the order of "
        "time: give time=, or shuffle rows that have no order."
    )
    return InputError("labels_one_class", message)


def _column(role: str, value: Any, n: int) -> Array | None:
    if value is None:
        return None
    series = nw.from_native(value, series_only=True, pass_through=True)
    known = vector(series, role) if isinstance(series, nw.Series) else np.asarray(value)
    if known.shape != (n,):
        name = "sample_weight" if role == "weight" else role
        message = f"{name} has shape {known.shape} where X has {n} rows; give ({n},)."
        raise InputError("length_mismatch", message)
    return known


def _checked(fraction: float) -> float:
    share = real("validation_fraction", fraction, low=0, open_low=True)
    if share > 0.5:
        message = f"validation_fraction is {fraction!r}; it must be 0.5 or less."
        raise InputError("setting_invalid", message)
    return share
