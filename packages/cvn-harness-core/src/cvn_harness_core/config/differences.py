"""What a configuration says otherwise than a plugin."""

from __future__ import annotations

from typing import NamedTuple

from cvn_harness_core.config.names import spec_of
from cvn_harness_core.contracts.config import ParamConfig
from cvn_harness_core.contracts.params import Param, ParamValue
from cvn_harness_core.contracts.space import Choice, Dimension, check_dimension


class Difference(NamedTuple):
    """A parameter that a configuration mentions, and what plugin and configuration say of it."""

    name: str
    plugin: ParamValue | Dimension
    configured: ParamValue | Dimension
    origin: str


def differences(
    model: str, config: ParamConfig, timeframe: str | None = None
) -> tuple[Difference, ...]:
    """Return where a configuration differs from what the plugin declares, in the plugin's order.

    Of a parameter that is not in the configuration the plugin's holds, so that it is no difference.
    """
    there = {**config.values, **config.space}
    found = []
    for param in spec_of(model).params:
        plugin = declared(param, timeframe)
        if param.name in there and not alike(there[param.name], plugin):
            origin = config.origins.get(param.name, "")
            found.append(Difference(param.name, plugin, there[param.name], origin))
    return tuple(found)


def declared(param: Param, timeframe: str | None = None) -> ParamValue | Dimension:
    """Return what a plugin says: what a search tries, else the default; None if neither."""
    if param.search is not None:
        return check_dimension(param, param.search)
    return param.by_timeframe.get(timeframe or "", param.default)


def alike(one: ParamValue | Dimension, other: ParamValue | Dimension) -> bool:
    """Return whether two entries say the same; choices have no order."""
    if isinstance(one, Choice) and isinstance(other, Choice):
        return set(map(repr, one.values)) == set(map(repr, other.values))
    return one == other


def to_write(
    there: ParamConfig, wanted: ParamConfig, *, overwrite: bool
) -> tuple[list[str], list[str]]:
    """Return the names to write into a place, and those that differ there and are kept."""
    old = {**there.values, **there.space}
    new = {**wanted.values, **wanted.space}
    differ = [name for name in new if name in old and not alike(old[name], new[name])]
    missing = [name for name in new if name not in old]
    return (missing + differ, []) if overwrite else (missing, differ)
