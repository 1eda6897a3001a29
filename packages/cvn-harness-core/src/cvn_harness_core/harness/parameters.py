"""From what the user gave to checked values by canonical names, each with its source."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any, TypeAlias

from cvn_harness_core.contracts.ensemble import EnsembleSpec
from cvn_harness_core.contracts.model import ModelSpec
from cvn_harness_core.contracts.params import ResolvedParam
from cvn_harness_core.errors import ParameterError

Spec: TypeAlias = ModelSpec | EnsembleSpec


def resolve_parameters(
    spec: Spec, given: Mapping[str, Any], *, n_features: int | None = None
) -> dict[str, ResolvedParam]:
    """Return the plugin's defaults overlaid with the user's values.

    ``n_features`` is what a parameter with one value a feature must match, if known.

    Raises
    ------
    ParameterError
        ``parameter_unknown`` (with the nearest name), ``parameter_duplicate`` (two spellings of
        one parameter), ``parameter_reserved`` (set elsewhere), ``parameter_invalid`` (out of
        range, or without effect beside the others).
    """
    spellings = {p.name: p.name for p in spec.params}
    spellings.update({alias: p.name for p in spec.params for alias in p.aliases})
    resolved = {
        p.name: ResolvedParam(p.default, "default") for p in spec.params if p.default is not None
    }
    spelt: dict[str, str] = {}
    for name in given:
        if name in spec.reserved:
            message = f"{spec.name}: {name!r} is set by the harness; use {spec.reserved[name]}."
            raise ParameterError("parameter_reserved", message)
        canonical = spellings.get(name)
        if canonical is None:
            raise _unknown(spec, name, {**spellings, **dict.fromkeys(spec.reserved)})
        if canonical in spelt:
            message = (
                f"{spec.name}: {spelt[canonical]!r} and {name!r} are two spellings of one "
                f"parameter; give {canonical!r} only."
            )
            raise ParameterError("parameter_duplicate", message)
        spelt[canonical] = name
    for canonical, name in spelt.items():
        param = next(p for p in spec.params if p.name == canonical)
        try:
            value = param.check(given[name], n_features)
        except ParameterError as error:
            raise error.at(spec.name) from None
        resolved[canonical] = ResolvedParam(value, "user")
    for canonical in spelt:
        _require_effect(spec, canonical, resolved)
    return resolved


def _require_effect(spec: Spec, name: str, resolved: Mapping[str, ResolvedParam]) -> None:
    """Refuse a parameter that the library would ignore beside the others."""
    param = next(p for p in spec.params if p.name == name)
    for other, values in param.needs.items():
        given = resolved[other].value if other in resolved else None
        if given in values or (not values and given is not None):
            continue
        wanted = " or ".join(repr(v) for v in values if v is not None) or "set"
        message = f"{spec.name}: {name} has no effect unless {other} is {wanted}; it is {given!r}."
        raise ParameterError("parameter_invalid", message)


def _unknown(spec: Spec, name: str, known: dict[str, str | None]) -> ParameterError:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f" Did you mean {(known[near[0]] or near[0])!r}?" if near else ""
    names = ", ".join(p.name for p in spec.params)
    message = f"{spec.name} has no parameter {name!r}.{hint} It accepts: {names}."
    return ParameterError("parameter_unknown", message)
