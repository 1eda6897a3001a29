"""Checks of hyperparameters: which are accepted, which are refused, and what becomes of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from cvn_harness_core import HPOParams, Param, ParameterError, TrainingPolicy
from cvn_harness_core.harness.parameters import resolve_parameters
from cvn_harness_core.testing.check import check
from cvn_harness_core.testing.subject import Subject
from cvn_harness_core.testing.verdict import refusal, require, skip


@check("registration")
def parameter_values(subject: Subject) -> None:
    """Defaults, choices and closed bounds are accepted; what lies beyond them is not."""
    for param in subject.spec.params:
        within, beyond = _edges(param)
        for value, legal in [(v, True) for v in within] + [(v, False) for v in beyond]:
            with refusal(ParameterError) as refused:
                param.check(value)
            require(
                refused.raised != legal,
                f"{param.name}={value!r} to be {'accepted' if legal else 'refused'}",
                param,
                "correct low, high, open_low, open_high, choices or default",
            )


@check("parameter_values")
def parameter_names(subject: Subject) -> None:
    """Unknown and reserved names are refused; each alias stands for its parameter, alone.

    A slip of the finger never trains silently with the default.
    """
    spec = subject.spec
    spellings = [s for p in spec.params for s in (p.name, *p.aliases)] + list(spec.reserved)
    twice = sorted({s for s in spellings if spellings.count(s) > 1})
    require(
        not twice,
        "every name, alias and reserved name once",
        twice,
        "let each spelling belong to one Param, or to the specification's reserved",
    )
    for param in spec.params:
        slip = param.name + param.name[-1]
        _refused(subject, {slip: 1}, "parameter_unknown", repr(slip), f"mean {param.name!r}?")
        value = _edges(param)[0][0]
        for alias in param.aliases:
            given = {alias: value, **_needed(param)}
            resolved = resolve_parameters(spec, HPOParams(given)).values[param.name]
            require(
                (resolved.source, resolved.value) == ("user", param.check(value)),
                f"{alias}={value!r} to set {param.name}",
                resolved,
                "let each alias belong to one Param",
            )
            both = {alias: value, param.name: value}
            _refused(subject, both, "parameter_duplicate", repr(alias), repr(param.name))
    for name, where in spec.reserved.items():
        _refused(subject, {name: 1}, "parameter_reserved", repr(name), where)


@check()
def effective_parameters(subject: Subject) -> None:
    """What was asked for is what the fitted model itself says that it used."""
    artifact = subject.train(policy=TrainingPolicy(class_balance=2.5, early_stopping=None))
    said = artifact.adapter.effective_params(artifact.native)
    if not said:
        skip(f"{subject.name} has no effective_params; implement them to be checked")
    ceiling = getattr(subject.spec, "iterations_param", None)
    for name, effective in artifact.effective_params.items():
        if effective.requested is None:
            continue
        require(
            _close(effective.value, effective.requested),
            f"{name}={effective.requested!r}, as requested",
            f"{effective.value!r} in the fitted model",
            "pass it on in fit under the name that the library knows",
        )
        param = subject.spec.param(name)
        native = (param.native if param else None) or name
        require(
            native in said or name == ceiling,
            f"{native!r} among what the fitted model reports",
            ", ".join(sorted(said)),
            "return it from effective_params, or correct Param.native",
        )


def _refused(subject: Subject, params: Mapping[str, Any], code: str, *words: str) -> None:
    """Require that a training refuses ``params`` with ``code`` and says ``words``."""
    with refusal(ParameterError) as refused:
        subject.train(params=params)
    require(
        refused.said.startswith(f"{code}: ") and all(word in refused.said for word in words),
        f"{dict(params)} to be refused as {code} with the words {' and '.join(words)}",
        refused.said,
        "make aliases and reserved names distinct, the latter by cvn_harness_core.reserved",
    )


def _needed(param: Param) -> dict[str, Any]:
    """Return what else has to be set for a parameter to be accepted."""
    return {other: values[-1] for other, values in param.needs.items() if values}


def _close(value: Any, requested: Any) -> bool:
    if isinstance(value, int | float) and isinstance(requested, int | float):
        return math.isclose(value, requested, rel_tol=1e-5)
    return bool(value == requested)


def _edges(param: Param) -> tuple[list[Any], list[Any]]:
    """Return values that a parameter declares to be legal, and some beyond what it declares."""
    within: list[Any] = [] if param.default is None else [param.default]
    beyond: list[Any] = [None, object()]
    if param.type is bool:
        return [*within, True, False], [*beyond, "yes", 1]
    if param.type is tuple:
        return [*within, (1, 0, 1)], [*beyond, "1,0", 1]
    if param.type is str:
        return [*within, *(param.choices or ("any",))], [*beyond, 1, *("?" * bool(param.choices))]
    beyond += [float("nan"), float("inf"), "1", True]
    low, high = param.low, param.high
    for bound, is_open, step in ((low, param.open_low, -1), (high, param.open_high, 1)):
        if bound is not None:
            (beyond if is_open else within).append(param.type(bound))
            beyond.append(param.type(bound + step))
    if not within:
        low = (high - 2 if high is not None else 0) if low is None else low
        within = [param.type((low + (high if high is not None else low + 2)) / 2)]
    return within, beyond
