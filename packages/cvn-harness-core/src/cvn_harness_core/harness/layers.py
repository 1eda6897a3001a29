"""One layer of parameters, of a configuration or of the user: names and values that exist."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import TypeAlias

from cvn_harness_core.contracts.config import ParamConfig
from cvn_harness_core.contracts.ensemble import EnsembleSpec
from cvn_harness_core.contracts.model import ModelSpec
from cvn_harness_core.contracts.params import Param, ParamValue
from cvn_harness_core.contracts.space import Choice, Dimension, check_dimension
from cvn_harness_core.errors import ParameterError

Spec: TypeAlias = ModelSpec | EnsembleSpec


def check_layer(spec: Spec, layer: ParamConfig, n_features: int | None = None) -> ParamConfig:
    """Return the layer by canonical names, with values and ranges of the parameters' types.

    ``n_features`` is what a parameter with one value a feature must match, if known. What a
    parameter needs of others is not looked at: other layers may provide it.

    Raises
    ------
    ParameterError
        ``parameter_unknown`` (with the nearest name), ``parameter_reserved`` (set elsewhere),
        ``parameter_duplicate`` (two spellings of one parameter, or one fixed and searched),
        ``parameter_invalid`` (another type, or out of range), ``space_invalid``. It says where the
        parameter stands, if the layer does.
    """
    origins: dict[str, str] = {}
    values: dict[str, ParamValue] = {}
    space: dict[str, Dimension] = {}
    for name, spelling in _canonical(spec, layer.values, layer.origins).items():
        origin = layer.origins.get(spelling)
        try:
            values[name] = param_of(spec, name).check(layer.values[spelling], n_features)
        except ParameterError as error:
            raise located(error, spec, origin) from None
        origins.update({} if origin is None else {name: origin})
    for name, spelling in _canonical(spec, layer.space, layer.origins).items():
        origin = layer.origins.get(spelling)
        if name in values:
            message = f"{name} is fixed and searched at once; give it in one place."
            raise located(ParameterError("parameter_duplicate", message), spec, origin)
        try:
            space[name] = dimension_of(spec, name, layer.space[spelling])
        except ParameterError as error:
            raise located(error, spec, origin) from None
        origins.update({} if origin is None else {name: origin})
    known = spellings(spec)
    history = {known.get(spelt, spelt): said for spelt, said in layer.history.items()}
    ranges = {known.get(spelt, spelt): said for spelt, said in layer.replaced_ranges.items()}
    return ParamConfig(values, space, origins, history, ranges)


def spellings(spec: Spec) -> dict[str, str]:
    """Return the canonical name of each spelling that a plugin accepts."""
    known = {p.name: p.name for p in spec.params}
    return {**{alias: p.name for p in spec.params for alias in p.aliases}, **known}


def param_of(spec: Spec, name: str) -> Param:
    """Return the parameter of a canonical name that the plugin has."""
    return next(p for p in spec.params if p.name == name)


def located(error: ParameterError, spec: Spec, origin: str | None) -> ParameterError:
    """Return the error with the plugin's name before it and, before that, where it stands."""
    return error.at(spec.name if origin is None else f"{origin}: {spec.name}")


def unknown(spec: Spec, name: str) -> ParameterError:
    """Return the error of a name that is no parameter of a plugin, with the nearest that is."""
    known = {**dict.fromkeys(spec.reserved), **spellings(spec)}
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f" Did you mean {(known[near[0]] or near[0])!r}?" if near else ""
    names = ", ".join(p.name for p in spec.params) or "none"
    message = f"{spec.name} has no parameter {name!r}.{hint} It accepts: {names}."
    return ParameterError("parameter_unknown", message)


def dimension_of(spec: Spec, name: str, dimension: Dimension) -> Dimension:
    """Return a dimension as ``check_dimension``; the number of iterations always has a number.

    A trial must know its ceiling: ``space_invalid`` where it is left to the library.
    """
    found = check_dimension(param_of(spec, name), dimension)
    own = isinstance(spec, ModelSpec) and name == spec.iterations_param
    if own and isinstance(found, Choice) and None in found.values:
        message = (
            f"the search space of {name}: the number of iterations cannot be left to the library; "
            "give numbers only."
        )
        raise ParameterError("space_invalid", message)
    return found


def _canonical(spec: Spec, given: Iterable[str], origins: Mapping[str, str]) -> dict[str, str]:
    """Return the spelling by canonical name; raise for what is no parameter of this plugin."""
    known = spellings(spec)
    spelt: dict[str, str] = {}
    for name in given:
        origin = origins.get(name)
        if name in spec.reserved:
            message = f"{name!r} is set by the harness; use {spec.reserved[name]}."
            raise located(ParameterError("parameter_reserved", message), spec, origin)
        canonical = known.get(name)
        if canonical is None:
            error = unknown(spec, name)
            raise error if origin is None else error.at(origin)
        if canonical in spelt:
            message = (
                f"{spelt[canonical]!r} and {name!r} are two spellings of one parameter; give "
                f"{canonical!r} only."
            )
            raise located(ParameterError("parameter_duplicate", message), spec, origin)
        spelt[canonical] = name
    return spelt
