"""A variant's parameters and search, checked against the plugins before any data are read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cvn_harness_core import (
    Choice,
    EnsembleSpec,
    HarnessError,
    HPOParams,
    ModelSpec,
    ParameterError,
    Range,
    resolve_parameters,
)
from cvn_orchestrator.plan.faults import Faults, nearest, section
from cvn_orchestrator.plan.positions import Key
from cvn_orchestrator.plan.sections import ChoiceSection, RangeSection, SearchSection

Spec = ModelSpec | EnsembleSpec


_PLACES = {
    "HPOParams(seed": "sweep.seed",
    "HPOParams(n_threads": "sweep.threads",
    "TrainingPolicy(early_stopping": "policy.early_stopping",
    "TrainingPolicy(class_balance": "policy.class_balance",
    "no value": "nothing: the contract fixes it",
}
"""Where a plan sets what a plugin reserves for the harness, by where Python does."""


@dataclass(frozen=True)
class Common:
    """What all trainings of a plan have in common."""

    seed: int
    threads: int
    timeframe: str | None


def hpo_params_of(
    spec: Spec,
    params: Mapping[str, Any],
    at: Key,
    search: SearchSection | None,
    space: Mapping[str, Any],
    space_at: Key,
    common: Common,
    width: int | None,
    faults: Faults,
) -> HPOParams | None:
    """Return one plugin's settings; None, and what is wrong noted, if they cannot be.

    ``width`` is how many values a parameter with one value a feature (a base) needs, if known.
    """
    before = len(faults)
    for name, value in params.items():
        fault = _parameter_fault(spec, name, value, width)
        if fault is not None:
            faults.add((*at, name), fault)
    dimensions = dict(_dimensions(spec, space, space_at, faults))
    if len(faults) > before:
        return None
    settings: dict[str, Any] = {}
    if search is not None and search.n_trials:
        names = (
            "n_trials", "timeout_s", "objective", "evaluate_on", "sampler", "pruner",
            "max_concurrent", "n_workers", "storage",
        )  # fmt: skip
        settings = {name: getattr(search, name) for name in names} | {"space": dimensions}
    try:
        found = HPOParams(
            params,
            seed=common.seed,
            n_threads=common.threads,
            timeframe=common.timeframe,
            **settings,
        )
        resolved = resolve_parameters(spec, found, n_features=width)
        if isinstance(spec, EnsembleSpec) and width is not None:
            values = {name: p.value for name, p in resolved.values.items()}
            spec.combiner().check(values, width)
    except HarnessError as error:
        faults.add(_guilty(str(error), params, at, space, space_at), str(error))
        return None
    if found.n_trials and not resolved.space:
        faults.add(space_at[:-1], f"{spec.name} has nothing to search: all is fixed; give space")
        return None
    return found


def _parameter_fault(spec: Spec, name: str, value: Any, width: int | None) -> str | None:
    param = _param(spec, name)
    if name in spec.reserved:
        place = spec.reserved[name]
        where = next((key for said, key in _PLACES.items() if place.startswith(said)), place)
        return f"{name!r} is no parameter of a plan's {spec.name}; set {where}"
    if param is None:
        known = (p.name for p in spec.params)
        return f"unknown parameter {name!r} of {spec.name}{nearest(name, known)}"
    try:
        param.check(value, width)
    except ParameterError as error:
        return str(error).removesuffix(".")
    return None


def _param(spec: Spec, name: str) -> Any:
    return next((p for p in spec.params if name in (p.name, *p.aliases)), None)


def _dimensions(
    spec: Spec, space: Mapping[str, Any], at: Key, faults: Faults
) -> Iterator[tuple[str, Range | Choice]]:
    for name, entry in space.items():
        key = (*at, name)
        if name in spec.reserved or _param(spec, name) is None:
            faults.add(key, str(_parameter_fault(spec, name, None, None)))
            continue
        kind = ChoiceSection if isinstance(entry, Mapping) and "choices" in entry else RangeSection
        before = len(faults)
        found = section(kind, entry, key, faults)
        if len(faults) > before:
            continue
        if isinstance(found, ChoiceSection):
            dimension: Range | Choice = Choice(*([None] if found.unset else []), *found.choices)
        else:
            assert isinstance(found, RangeSection)
            low, high = entry["low"], entry["high"]  # whole numbers stay whole
            dimension = Range(low, high, found.log, found.step)
        try:
            resolve_parameters(spec, HPOParams(n_trials=1, space={name: dimension}))
        except ParameterError as error:
            if error.code == "space_invalid":
                faults.add(key, str(error))
                continue
        yield name, dimension


def _guilty(
    said: str, params: Mapping[str, Any], at: Key, space: Mapping[str, Any], space_at: Key
) -> Key:
    """Return the key that an error of several settings names first, or their table."""
    keys = {**{n: (*space_at, n) for n in space}, **{n: (*at, n) for n in params}}
    words = said.replace("'", " ").replace(":", " ").replace("=", " ").split()
    return next((keys[word] for word in words if word in keys), at)
