"""Values as they are kept: plain Python, ready for JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import timedelta
from typing import Any

import numpy as np

from cvn_harness_core.errors import InputError


def plain(value: Any) -> Any:
    """Return ``value`` made of dicts, lists, strings, booleans, None and finite numbers.

    Dataclasses become dicts, sequences lists, NumPy's scalars Python's, a length of time its
    seconds; a number that JSON has not (NaN, infinity) becomes its name. Raises InputError
    ``setting_invalid`` for anything else.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, timedelta):
        value = value.total_seconds()
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [plain(v) for v in value]
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, str):
        return str(value)
    message = f"{value!r} ({type(value).__name__}) cannot be kept in an artifact."
    raise InputError("setting_invalid", message)
