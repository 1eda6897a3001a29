"""From what plugin, configuration and user say to checked values, each with its source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal, NamedTuple

from cvn_harness_core.contracts.config import ParamConfig
from cvn_harness_core.contracts.hpo import HPOParams
from cvn_harness_core.contracts.params import (
    EffectiveParam,
    Overridden,
    Param,
    ParamValue,
    ResolvedParam,
)
from cvn_harness_core.contracts.space import Choice, Dimension, space_text
from cvn_harness_core.errors import ParameterError
from cvn_harness_core.harness.layers import Spec, check_layer, dimension_of, located, param_of

__all__ = [
    "Resolution",
    "Spec",
    "active",
    "replaced_ranges",
    "resolve_parameters",
    "with_dropped",
    "with_places",
]


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

    What a search tries are the plugin's dimensions, narrowed or added to by configuration and
    user. What is fixed is not searched, unless it is the configuration that fixes it and the user's
    ``space`` that asks for it.

    ``n_features`` is what a parameter with one value a feature must match, if known.

    Raises
    ------
    ParameterError
        As ``check_layer``, for configuration and user, also if nothing is searched; and
        ``parameter_invalid`` for what is fixed and has no effect beside the others, or is asked
        for by the user's ``space`` and cannot have any. One of the configuration says where it
        stands.
    """
    layers: dict[Literal["config", "user"], ParamConfig] = {
        "config": check_layer(spec, hpo_params.config or ParamConfig(), n_features),
        "user": check_layer(spec, ParamConfig(hpo_params.params, hpo_params.space), n_features),
    }
    values = _defaults(spec, hpo_params.timeframe)
    origins: dict[str, str | None] = {}
    for source, layer in layers.items():
        for name, value in layer.values.items():
            for said in _said(layer, name, value, source):
                values[name] = _over(values.get(name), said)
            origins[name] = layer.origins.get(name)
    space = _space(spec, layers["config"], layers["user"], values) if hpo_params.n_trials else {}
    for name in space:
        if name not in layers["config"].values:  # what a range of the configuration replaced
            for said in layers["config"].history.get(name, ()):
                values[name] = _over(values.get(name), said)
    for name, origin in origins.items():
        if name not in space:
            _require_effect(spec, name, values, space, origin)
    return Resolution(values, space)


def replaced_ranges(spec: Spec, hpo_params: HPOParams) -> dict[str, tuple[str, ...]]:
    """Return the ranges of the configuration that a search does not try, each with its place.

    Another place of the configuration replaced them, or the user's value or range did. Raises as
    ``check_layer``.
    """
    config = check_layer(spec, hpo_params.config or ParamConfig())
    user = check_layer(spec, ParamConfig(hpo_params.params, hpo_params.space))
    found = dict(config.replaced_ranges)
    for name in config.space.keys() & (user.values.keys() | user.space.keys()):
        said = f"{space_text(config.space[name])} ({config.origins.get(name, 'configuration')})"
        found[name] = (*found.get(name, ()), said)
    return dict(sorted(found.items()))


def _said(
    layer: ParamConfig, name: str, value: ParamValue, source: Literal["config", "user"]
) -> tuple[Overridden, ...]:
    """Return what a layer says of a parameter's value, the one that holds last."""
    known = layer.history.get(name, ())
    holds = bool(known) and known[-1].value == value  # not where somebody changed the layer since
    return known if holds else (Overridden(value, source, layer.origins.get(name)),)


def _over(known: ResolvedParam | None, said: Overridden) -> ResolvedParam:
    if known is None:
        return ResolvedParam(said.value, said.source, origin=said.origin)
    return known.replaced(said.value, said.source, said.origin)


def active(param: Param, values: Mapping[str, ParamValue]) -> bool:
    """Return whether a parameter has an effect beside these values of the others."""
    return all(_suits(values.get(other), wanted) for other, wanted in param.needs.items())


def with_dropped(
    winner: Mapping[str, ResolvedParam],
    fixed: Mapping[str, ResolvedParam],
    space: Mapping[str, Dimension],
) -> dict[str, ResolvedParam]:
    """Return a winning trial's parameters, and None for what it leaves to the library instead.

    That is a value of an earlier layer whose dimension was searched: a dead setting, too.
    """
    dropped = {n: p.replaced(None, "search") for n, p in fixed.items() if n in space}
    return {**dropped, **winner}


def with_places(
    effective: Mapping[str, EffectiveParam], asked: Mapping[str, ResolvedParam]
) -> dict[str, EffectiveParam]:
    """Return an earlier training's parameters with the places of this call's configuration.

    Values and sources are the same; a file may be another one by now.
    """
    return {
        name: _placed(param, asked[name]) if name in asked else param
        for name, param in effective.items()
    }


def _placed(param: EffectiveParam, asked: ResolvedParam) -> EffectiveParam:
    places = [old.origin for old in asked.overridden if old.source == "config"]
    places += [asked.origin] if asked.source == "config" else []
    sources = [*(old.source for old in param.overridden), param.source]
    if len(places) != sources.count("config"):
        return param
    left = iter(places)
    overridden = tuple(
        replace(old, origin=next(left)) if old.source == "config" else old
        for old in param.overridden
    )
    origin = next(left) if param.source == "config" else param.origin
    return replace(param, overridden=overridden, origin=origin)


def _defaults(spec: Spec, timeframe: str | None) -> dict[str, ResolvedParam]:
    chosen = {p.name: p.by_timeframe.get(timeframe or "", p.default) for p in spec.params}
    return {n: ResolvedParam(value, "default") for n, value in chosen.items() if value is not None}


def _space(
    spec: Spec, config: ParamConfig, user: ParamConfig, values: Mapping[str, ResolvedParam]
) -> dict[str, Dimension]:
    """Return the dimensions that can have an effect, parents first.

    What plugin or configuration declare is left out where it has none beside what is fixed; what
    the user asked for is refused.
    """
    of_plugin = {p.name: _declared(spec, p) for p in spec.params if p.search is not None}
    fixed = {*user.values, *config.values} - set(user.space)
    waiting = {
        name: dimension
        for name, dimension in {**of_plugin, **config.space, **user.space}.items()
        if name not in fixed
    }
    ordered: dict[str, Dimension] = {}
    while waiting:
        ready = [n for n in waiting if not set(param_of(spec, n).needs) & set(waiting)]
        for name in ready:
            dimension = waiting.pop(name)
            lacking = _lacking(param_of(spec, name), values, ordered, for_certain=False)
            if lacking is None:
                ordered[name] = dimension
            elif name in user.space:
                message = f"the search space of {name}: {lacking}"
                raise located(ParameterError("parameter_invalid", message), spec, None)
        if not ready:
            message = f"{spec.name}: {', '.join(waiting)} need one another."
            raise ParameterError("space_invalid", message)
    return ordered


def _declared(spec: Spec, param: Param) -> Dimension:
    assert param.search is not None
    try:
        return dimension_of(spec, param.name, param.search)
    except ParameterError as error:
        raise located(error, spec, None) from None


def _require_effect(
    spec: Spec,
    name: str,
    values: Mapping[str, ResolvedParam],
    space: Mapping[str, Dimension],
    origin: str | None,
) -> None:
    """Refuse a parameter that the library would ignore beside the others, in any trial."""
    lacking = _lacking(param_of(spec, name), values, space, for_certain=True)
    if lacking is not None:
        raise located(ParameterError("parameter_invalid", lacking), spec, origin)


def _lacking(
    param: Param,
    values: Mapping[str, ResolvedParam],
    space: Mapping[str, Dimension],
    *,
    for_certain: bool,
) -> str | None:
    """Return why a parameter has no effect; None if it has in some trial, or, for certain, in all.

    Without a search there is one trial.
    """
    enough = all if for_certain else any
    for other, wanted in param.needs.items():
        tried = _tried(other, values, space)
        if enough(_suits(value, wanted) for value in tried):
            continue
        words = " or ".join(repr(v) for v in wanted if v is not None) or "set"
        found = f"it is {tried[0]!r}."
        if other in space:
            found = f"it is searched over {space_text(space[other])}; fix or narrow that, too."
        return f"{param.name} has no effect unless {other} is {words}; {found}"
    return None


_SOME_NUMBER = object()
"""Stands for what a range holds: it is set, and no number of it is certain."""


def _tried(
    name: str, values: Mapping[str, ResolvedParam], space: Mapping[str, Dimension]
) -> tuple[Any, ...]:
    dimension = space.get(name)
    if dimension is None:
        return (values[name].value if name in values else None,)
    return dimension.values if isinstance(dimension, Choice) else (_SOME_NUMBER,)


def _suits(value: Any, wanted: tuple[ParamValue, ...]) -> bool:
    return value in wanted if wanted else value is not None
