"""Settings that must be numbers: one check, one wording."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from cvn_harness_core.errors import InputError


def integer(setting: str, value: Any, *, low: int, high: int | None = None) -> int:
    """Return ``value`` as an int within [low, high]; raise InputError ``setting_invalid``.

    NumPy's integers are accepted; booleans and fractions are not.
    """
    bound = f"of {low} or more" if high is None else f"within [{low}, {high}]"
    try:
        number = operator.index(value)
    except TypeError:
        number = low - 1
    if isinstance(value, bool | np.bool_) or number < low or (high is not None and number > high):
        message = f"{setting} is {value!r}; it must be an integer {bound}."
        raise InputError("setting_invalid", message)
    return number


def real(setting: str, value: Any, *, low: float, open_low: bool = False) -> float:
    """Return ``value`` as a finite float of ``low`` or more (above it, if ``open_low``)."""
    usable = not isinstance(value, bool | np.bool_ | str | bytes) and hasattr(value, "__float__")
    try:
        number = float(value) if usable else math.nan
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number) or number < low or (open_low and number == low):
        bound = f"above {low:g}" if open_low else f"of {low:g} or more"
        message = f"{setting} is {value!r}; it must be a finite number {bound}."
        raise InputError("setting_invalid", message)
    return number
