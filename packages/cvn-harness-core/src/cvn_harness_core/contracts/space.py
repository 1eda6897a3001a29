"""What a search may try for one hyperparameter, as data."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeAlias

from cvn_harness_core.contracts.params import Param, ParamValue
from cvn_harness_core.errors import ParameterError


@dataclass(frozen=True)
class Range:
    """An interval, both ends included, of an ``int`` or a ``float`` parameter.

    Parameters
    ----------
    low, high
        Its ends; ``low`` is below ``high``.
    log
        Whether orders of magnitude are equally likely; ``low`` must then be above 0.
    step
        Only ``low``, ``low + step``, and so on, up to ``high``; not with ``log``.
    """

    low: float
    high: float
    log: bool = False
    step: float | None = None


@dataclass(frozen=True)
class Choice:
    """Some values, in no order, none of them a tuple.

    None among them leaves the parameter to the library.
    """

    values: tuple[ParamValue, ...]

    def __init__(self, *values: ParamValue) -> None:
        object.__setattr__(self, "values", values)


Dimension: TypeAlias = Range | Choice


def check_dimension(param: Param, dimension: Dimension) -> Dimension:
    """Return the dimension with values of the parameter's type; a range ends with its last step.

    Raises ParameterError ``space_invalid`` for an empty, inverted or infinite range, one that
    leaves what the parameter accepts, a ``log`` that is no bool or a ``step`` that is no number, or
    a choice of fewer than two values, or of tuples.
    """
    if isinstance(dimension, Choice):
        return _choice(param, dimension)
    if not isinstance(dimension, Range):
        raise _invalid(param, f"{dimension!r} is no Range and no Choice")
    if param.type not in (int, float):
        raise _invalid(param, f"a {param.type.__name__} has no range; give a Choice")
    low, high = (_end(param, dimension, end) for end in ("low", "high"))
    if low >= high:
        raise _invalid(param, f"from {low:g} to {high:g} there is nothing; low must be below high")
    if not isinstance(dimension.log, bool):
        raise _invalid(param, f"log {dimension.log!r} must be True or False")
    if dimension.log and (low <= 0 or dimension.step is not None):
        raise _invalid(param, "a log range begins above 0 and has no step")
    if dimension.step is None:
        return Range(low, high, dimension.log)
    return _stepped(param, low, high, dimension.step)


def space_text(dimension: Dimension) -> str:
    """Return a dimension in short, for instance ``[8, 256] log`` or ``Bayesian | MVS``."""
    if isinstance(dimension, Choice):
        return " | ".join("library's" if v is None else str(v) for v in dimension.values)
    how = " log" if dimension.log else ""
    step = "" if dimension.step is None else f" step {dimension.step:g}"
    return f"[{dimension.low:g}, {dimension.high:g}]{how}{step}"


def _choice(param: Param, choice: Choice) -> Choice:
    try:
        values = [None if value is None else param.check(value) for value in choice.values]
    except ParameterError as error:
        raise _invalid(param, error.message.rstrip(".")) from None
    if any(isinstance(value, tuple) for value in values):
        raise _invalid(
            param,
            "a choice is of numbers, strings, booleans and None: what is tried is kept as JSON",
        )
    if len({repr(value) for value in values}) < max(2, len(values)):
        raise _invalid(param, f"{choice.values} must be two or more values, each once")
    return Choice(*values)


def _end(param: Param, dimension: Range, end: str) -> float:
    try:
        value = param.check(getattr(dimension, end))
    except ParameterError as error:
        raise _invalid(param, f"{end}: {error.message.rstrip('.')}") from None
    assert isinstance(value, int | float)
    return value


def _stepped(param: Param, low: float, high: float, step: Any) -> Range:
    """Return the range up to its last step, in decimals, as Optuna counts: 0.2 + 0.1 is 0.3."""
    if isinstance(step, bool) or not isinstance(step, int | float):
        raise _invalid(param, f"step {step!r} must be a number")
    length = Decimal(str(high)) - Decimal(str(low))
    if not math.isfinite(step) or step <= 0 or Decimal(str(step)) > length:
        raise _invalid(param, f"step {step!r} must be above 0 and no longer than the range")
    if param.type is int and not float(step).is_integer():
        raise _invalid(param, f"step {step!r} must be a whole number")
    typed = param.type(step)
    last = Decimal(str(low)) + length // Decimal(str(typed)) * Decimal(str(typed))
    return Range(low, high if last == Decimal(str(high)) else param.type(last), step=typed)


def _invalid(param: Param, fault: str) -> ParameterError:
    return ParameterError("space_invalid", f"the search space of {param.name}: {fault}.")
