"""What a plugin's parameters are, and what would be used of them, in plain JSON values."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from cvn_harness_core import (
    Choice,
    EnsembleSpec,
    HPOParams,
    ModelSpec,
    Param,
    ParamConfig,
    Range,
    check_dimension,
    resolve_parameters,
)


def manifest(spec: ModelSpec | EnsembleSpec) -> dict[str, Any]:
    """Return every parameter of a model or an ensemble, and the names that it does not take."""
    return {
        "model": spec.name,
        "kind": "ensemble" if isinstance(spec, EnsembleSpec) else "model",
        "params": [_param(param) for param in spec.params],
        "reserved": dict(spec.reserved),
    }


def used(
    spec: ModelSpec | EnsembleSpec, config: ParamConfig, timeframe: str | None
) -> dict[str, Any]:
    """Return what a training would use, and what a search would try, and who says so.

    Raises as ``resolve_parameters``.
    """
    found = resolve_parameters(spec, HPOParams(config=config, timeframe=timeframe))
    searched = resolve_parameters(spec, HPOParams(n_trials=1, config=config, timeframe=timeframe))
    return {
        "model": spec.name,
        "timeframe": timeframe,
        "values": {
            name: {**asdict(value), "origin": _origin(value.source, name, config)}
            for name, value in found.values.items()
        },
        "search": {
            name: {
                **dimension(tried),
                "source": "config" if name in config.space else "default",
                "origin": config.origins.get(name) if name in config.space else None,
            }
            for name, tried in searched.space.items()
        },
        "without_effect": [name for name in config.space if name not in searched.space],
    }


def dimension(tried: Range | Choice) -> dict[str, Any]:
    """Return the ends, scale and step of a range, or the choices (null: the library's own)."""
    if isinstance(tried, Choice):
        return {"choices": list(tried.values)}
    scale = "log" if tried.log else "linear"
    return {"low": tried.low, "high": tried.high, "scale": scale, "step": tried.step}


def checked(param: Param) -> Range | Choice:
    """Return what a plugin declares of a searched parameter, as it is tried."""
    assert param.search is not None
    return check_dimension(param, param.search)


def _param(param: Param) -> dict[str, Any]:
    return {
        "name": param.name,
        "type": param.type.__name__,
        "range": param.range() if param.type is not str and param.type is not bool else None,
        "choices": list(param.choices) or None,
        "default": param.default,
        "by_timeframe": dict(param.by_timeframe),
        "search": None if param.search is None else dimension(checked(param)),
        "dataset_level": param.dataset_level,
        "per_feature": param.per_feature,
        "needs": {other: list(values) for other, values in param.needs.items()},
        "aliases": list(param.aliases),
    }


def _origin(source: str, name: str, config: ParamConfig) -> str | None:
    return config.origins.get(name) if source == "config" else None
