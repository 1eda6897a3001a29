"""From what plugin, configuration and user say to checked values, each with its source."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any, Literal, NamedTuple, TypeAlias

from cvn_harness_core.contracts.ensemble import EnsembleSpec
from cvn_harness_core.contracts.hpo import HPOParams
from cvn_harness_core.contracts.model import ModelSpec
from cvn_harness_core.contracts.params import Param, ParamValue, ResolvedParam
from cvn_harness_core.contracts.space import Choice, Dimension, check_dimension
from cvn_harness_core.errors import HarnessError, ParameterError

Spec: TypeAlias = ModelSpec | EnsembleSpec


class Resolution(NamedTuple):
    """Fixed values by canonical name, and what a search tries, parents before what needs them.

    A name that is searched may stand among ``values``, too: as what the search will override.
    """

    values: dict[str, ResolvedParam]
    space: dict[str, Dimension]


def resolve_parameters(
    spec: Spec, hpo_params: HPOParams, *, n_features: int | None = None
) -> Resolution:
    """Lay the plugin's defaults, the configuration and the user's values over one another.

    ``n_features`` is what a parameter with one value a feature must match, if known.

    Raises
    ------
    ParameterError
        ``parameter_unknown`` (with the nearest name), ``parameter_duplicate`` (two spellings of
        one parameter, or one fixed and searched), ``parameter_reserved`` (set elsewhere),
        ``parameter_invalid`` (out of range, or without effect beside the others),
        ``space_invalid``. One of the configuration says where it stands.
    """
    config = hpo_params.config
    values = {
        p.name: ResolvedParam(default, "default")
        for p in spec.params
        if (default := p.by_timeframe.get(hpo_params.timeframe or "", p.default)) is not None
    }
    layers: list[tuple[Literal["config", "user"], Mapping[str, Any], Mapping[str, str]]] = [
        ("config", config.values if config else {}, config.origins if config else {}),
        ("user", hpo_params.params, {}),
    ]
    fixed: dict[str, list[str]] = {}
    for source, given, origins in layers:
        spelt = _canonical(spec, given, origins)
        fixed[source] = list(spelt)
        for name, spelling in spelt.items():
            value = _checked(spec, name, given[spelling], n_features, origins.get(spelling))
            known = values.get(name)
            values[name] = (
                ResolvedParam(value, source) if known is None else known.replaced(value, source)
            )
    for name in dict.fromkeys([*fixed["config"], *fixed["user"]]):
        _require_effect(spec, name, values)
    space = _space(spec, hpo_params, values, fixed) if hpo_params.n_trials else {}
    return Resolution(values, space)


def active(param: Param, values: Mapping[str, ParamValue]) -> bool:
    """Return whether a parameter has an effect beside these values of the others."""
    return all(
        values.get(other) in wanted or (not wanted and values.get(other) is not None)
        for other, wanted in param.needs.items()
    )


def _canonical(spec: Spec, given: Iterable[str], origins: Mapping[str, str]) -> dict[str, str]:
    """Return the spelling by canonical name; raise for what is no parameter of this plugin."""
    spellings = {p.name: p.name for p in spec.params}
    spellings.update({alias: p.name for p in spec.params for alias in p.aliases})
    spelt: dict[str, str] = {}
    for name in given:
        where = f"{origins[name]}: " if name in origins else ""
        if name in spec.reserved:
            message = (
                f"{where}{spec.name}: {name!r} is set by the harness; use {spec.reserved[name]}."
            )
            raise ParameterError("parameter_reserved", message)
        canonical = spellings.get(name)
        if canonical is None:
            error = _unknown(spec, name, {**spellings, **dict.fromkeys(spec.reserved)})
            raise error if not where else error.at(where.removesuffix(": "))
        if canonical in spelt:
            message = (
                f"{where}{spec.name}: {spelt[canonical]!r} and {name!r} are two spellings of one "
                f"parameter; give {canonical!r} only."
            )
            raise ParameterError("parameter_duplicate", message)
        spelt[canonical] = name
    return spelt


def _checked(
    spec: Spec, name: str, value: Any, n_features: int | None, origin: str | None
) -> ParamValue:
    try:
        return _param(spec, name).check(value, n_features)
    except ParameterError as error:
        raise _at(error, spec, origin) from None


def _space(
    spec: Spec,
    hpo_params: HPOParams,
    values: Mapping[str, ResolvedParam],
    fixed: Mapping[str, list[str]],
) -> dict[str, Dimension]:
    """Return the plugin's dimensions, narrowed or added to by configuration and user."""
    config = hpo_params.config
    found = {p.name: p.search for p in spec.params if p.search is not None}
    asked: set[str] = set()
    for source, given, origins in (
        ("config", config.space if config else {}, config.origins if config else {}),
        ("user", hpo_params.space, {}),
    ):
        for name, spelling in _canonical(spec, given, origins).items():
            if name in fixed[source]:
                message = f"{name} is fixed and searched at once; give it in one place."
                raise _at(
                    ParameterError("parameter_duplicate", message), spec, origins.get(spelling)
                )
            try:
                found[name] = check_dimension(_param(spec, name), given[spelling])
            except ParameterError as error:
                raise _at(error, spec, origins.get(spelling)) from None
            asked.add(name)
    of_user = set(_canonical(spec, hpo_params.space, {}))
    for name in (*fixed["user"], *(n for n in fixed["config"] if n not in of_user)):
        found.pop(name, None)
        asked.discard(name)
    return _with_effect(spec, found, values, asked)


def _with_effect(
    spec: Spec,
    found: Mapping[str, Dimension],
    values: Mapping[str, ResolvedParam],
    asked: set[str],
) -> dict[str, Dimension]:
    """Return the dimensions that can have an effect, parents first; refuse others if asked for."""
    ordered: dict[str, Dimension] = {}
    waiting = dict(found)
    while waiting:
        ready = {
            name: dimension
            for name, dimension in waiting.items()
            if not set(_param(spec, name).needs) & set(waiting)
        }
        for name, dimension in ready.items():
            del waiting[name]
            if all(
                _may_be(other, wanted, ordered, values)
                for other, wanted in _param(spec, name).needs.items()
            ):
                ordered[name] = dimension
            elif name in asked:
                _require_effect(spec, name, values)
        if not ready:
            message = f"{spec.name}: {', '.join(waiting)} need one another."
            raise ParameterError("space_invalid", message)
    return ordered


def _may_be(
    other: str,
    wanted: tuple[ParamValue, ...],
    space: Mapping[str, Dimension],
    values: Mapping[str, ResolvedParam],
) -> bool:
    dimension = space.get(other)
    if isinstance(dimension, Choice):
        return any(v in wanted or (not wanted and v is not None) for v in dimension.values)
    if dimension is not None:
        return not wanted
    value = values[other].value if other in values else None
    return value in wanted or (not wanted and value is not None)


def _require_effect(spec: Spec, name: str, resolved: Mapping[str, ResolvedParam]) -> None:
    """Refuse a parameter that the library would ignore beside the others."""
    for other, values in _param(spec, name).needs.items():
        given = resolved[other].value if other in resolved else None
        if given in values or (not values and given is not None):
            continue
        wanted = " or ".join(repr(v) for v in values if v is not None) or "set"
        message = f"{spec.name}: {name} has no effect unless {other} is {wanted}; it is {given!r}."
        raise ParameterError("parameter_invalid", message)


def _param(spec: Spec, name: str) -> Param:
    return next(p for p in spec.params if p.name == name)


def _at(error: ParameterError, spec: Spec, origin: str | None) -> HarnessError:
    return error.at(spec.name if origin is None else f"{origin}: {spec.name}")


def _unknown(spec: Spec, name: str, known: dict[str, str | None]) -> ParameterError:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f" Did you mean {(known[near[0]] or near[0])!r}?" if near else ""
    names = ", ".join(p.name for p in spec.params)
    message = f"{spec.name} has no parameter {name!r}.{hint} It accepts: {names}."
    return ParameterError("parameter_unknown", message)
