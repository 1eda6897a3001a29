"""A plugin's hyperparameters as data, and what became of them in one training."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

import numpy as np

from cvn_harness_core.errors import ParameterError

if TYPE_CHECKING:
    from cvn_harness_core.contracts.space import Choice, Range

ParamValue: TypeAlias = bool | int | float | str | tuple[int | float, ...] | None
Source: TypeAlias = Literal["library", "default", "policy", "config", "user", "search"]
"""Who chose a value; each has precedence over those before it."""


@dataclass(frozen=True)
class Param:
    """One hyperparameter that a plugin accepts.

    Parameters
    ----------
    name
        As the library's own scikit-learn classifier spells it.
    type
        ``int``, ``float``, ``bool``, ``str``, or ``tuple``.
    default
        The plugin's own default; None leaves the library's.
    low, high
        Bounds, inclusive unless ``open_low`` or ``open_high``. Whole numbers without one are bound
        by those of 32 bits: libraries wrap what is beyond them round.
    choices
        The allowed values of a ``str``.
    aliases
        Other spellings that the library documents.
    native
        The library's name for it when a fitted model is read back; ``name`` if None.
    dataset_level
        Whether it shapes the library's prepared data, not only the fit.
    per_feature
        Whether a ``tuple`` holds one value for each feature (of an ensemble: for each base).
    of_floats
        Whether a ``tuple`` holds floats; by default it holds integers.
    needs
        What other parameters must be for this one to have an effect: by name, the values of which
        one must hold (None stands for the library's default; no values for any that is set).
        Where a search tries values of both, it tries this one only where it has an effect.
    search
        What a search tries; None leaves the parameter alone unless the user asks for it.
    by_timeframe
        Defaults for bars of one length, by its name (``1h``), where they differ from ``default``.
    """

    name: str
    type: type
    default: ParamValue = None
    low: float | None = None
    high: float | None = None
    open_low: bool = False
    open_high: bool = False
    choices: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    native: str | None = None
    dataset_level: bool = False
    per_feature: bool = False
    needs: Mapping[str, tuple[ParamValue, ...]] = field(default_factory=dict)
    of_floats: bool = False
    search: Range | Choice | None = None
    by_timeframe: Mapping[str, ParamValue] = field(default_factory=dict)

    def check(self, value: Any, n_features: int | None = None) -> ParamValue:
        """Return ``value`` in this parameter's type; raise ParameterError ``parameter_invalid``.

        ``n_features`` is how many values a ``per_feature`` tuple needs, if known.
        """
        typed = self._typed(value)
        numbers = typed if isinstance(typed, tuple) else (typed,)
        for number in numbers:
            if isinstance(number, int | float) and not self._within(number):
                raise self._invalid(value, f"within {self.range()}")
        if self.per_feature and n_features not in (None, len(numbers)):
            raise self._invalid(value, f"one value for each of the {n_features} features")
        if self.choices and typed not in self.choices:
            raise self._invalid(value, f"one of {', '.join(self.choices)}")
        return typed

    def range(self) -> str:
        """Return the bounds in interval notation, for instance ``(0, 1]``."""
        low, high = self._bounds
        left = "(" if self.open_low or low is None else "["
        right = ")" if self.open_high or high is None else "]"
        said = ("-inf" if low is None else _number(low), "inf" if high is None else _number(high))
        return f"{left}{', '.join(said)}{right}"

    @property
    def _bounds(self) -> tuple[float | None, float | None]:
        whole = self.type is int or (self.type is tuple and not self.of_floats)
        low = -(2**31) if whole and self.low is None else self.low
        return low, 2**31 - 1 if whole and self.high is None else self.high

    def _within(self, number: float) -> bool:
        low, high = self._bounds
        above = low is None or number > low or (number == low and not self.open_low)
        below = high is None or number < high or (number == high and not self.open_high)
        return above and below and math.isfinite(number)

    def _typed(self, value: Any) -> ParamValue:
        try:
            if self.type is tuple:
                return tuple(map(_real if self.of_floats else _whole, value))
            return _CONVERTERS[self.type](value)
        except (TypeError, ValueError, OverflowError):
            raise self._invalid(value, f"of type {self.type.__name__}") from None

    def _invalid(self, value: Any, expected: str) -> ParameterError:
        return ParameterError(
            "parameter_invalid", f"{self.name}={_short(value)} must be {expected}."
        )


def _number(bound: float) -> str:
    """Return a bound in short; a whole one with all its digits."""
    return str(bound) if isinstance(bound, int) else f"{bound:g}"


def _short(value: Any) -> str:
    """Return ``repr``, cut where it is very long; Python refuses to write out very long numbers."""
    try:
        text = repr(value)
    except ValueError:
        return "a value of very many digits"
    return text if len(text) <= 200 else f"{text[:100]}..."


def _integer(value: Any) -> int:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return operator.index(_no_flag(value))


def _real(value: Any) -> float:
    return float(value) if isinstance(value, float) else float(operator.index(_no_flag(value)))


def _whole(value: Any) -> int:
    return operator.index(_no_flag(value))


def _no_flag(value: Any) -> Any:
    if isinstance(value, bool | np.bool_):
        raise TypeError
    return value


def _exactly(kind: type) -> Callable[[Any], Any]:
    def convert(value: Any) -> Any:
        if not isinstance(value, kind):
            raise TypeError
        return kind(value)

    return convert


_CONVERTERS: dict[type, Callable[[Any], ParamValue]] = {
    int: _integer,
    float: _real,
    bool: _exactly(bool),
    str: _exactly(str),
}


@dataclass(frozen=True)
class Overridden:
    """A value that a later layer replaced: a dead setting.

    ``origin`` is where a configuration has it, such as ``hpo.toml [lightgbm]``; None of others.
    """

    value: ParamValue
    source: Source
    origin: str | None = None


@dataclass(frozen=True)
class ResolvedParam:
    """A value on its way into the library, where it came from, and what it replaced.

    None leaves it to the library, in place of what it replaced. ``origin`` is as of ``Overridden``.
    """

    value: ParamValue
    source: Source
    overridden: tuple[Overridden, ...] = ()
    origin: str | None = None

    def replaced(
        self, value: ParamValue, source: Source, origin: str | None = None
    ) -> ResolvedParam:
        """Return the value of a later layer in place of this one."""
        this = Overridden(self.value, self.source, self.origin)
        return ResolvedParam(value, source, (*self.overridden, this), origin)

    def over(self, value: ParamValue, source: Source) -> ResolvedParam:
        """Return this one with the value of an earlier layer among what it replaced."""
        known = (*self.overridden, Overridden(value, source))
        ordered = sorted(known, key=lambda old: get_args(Source).index(old.source))
        return ResolvedParam(self.value, self.source, tuple(ordered), self.origin)


@dataclass(frozen=True)
class EffectiveParam:
    """A value read back from the fitted model; None where the model does not report it.

    ``source`` says who chose it; ``requested`` is what was passed in, where something was (it
    differs from ``value`` where the library rounds to single precision); ``overridden`` are the
    values of earlier layers, which had no effect; ``origin`` is as of ``Overridden``.
    """

    value: ParamValue
    source: Source
    requested: ParamValue = None
    overridden: tuple[Overridden, ...] = ()
    origin: str | None = None


def reserved(
    *,
    seed: Sequence[str] = (),
    threads: Sequence[str] = (),
    stopping: Sequence[str] = (),
    class_balance: Sequence[str] = (),
    fixed: Sequence[str] = (),
) -> dict[str, str]:
    """Return ``ModelSpec.reserved`` for a library's names of what the harness sets itself.

    ``fixed`` are names that cannot be set at all, such as the objective.
    """
    places = {
        "HPOParams(seed=...)": seed,
        "HPOParams(n_threads=...)": threads,
        "TrainingPolicy(early_stopping=EarlyStopping(rounds=..., metric=...))": stopping,
        "TrainingPolicy(class_balance=...)": class_balance,
        "no value of your own: the contract fixes it": fixed,
    }
    return {name: place for place, names in places.items() for name in names}
