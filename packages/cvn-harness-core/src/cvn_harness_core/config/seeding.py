"""What a plugin declares, as a configuration, and writing it where people change it."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from cvn_harness_core.config.extras import sql_table, toml_writing
from cvn_harness_core.config.names import registered_names, spec_of
from cvn_harness_core.contracts.config import ParamConfig
from cvn_harness_core.contracts.space import check_dimension
from cvn_harness_core.errors import InputError


class Seeded(NamedTuple):
    """Which parameters were written, which stand there otherwise, and which the plugin keeps."""

    written: list[str]
    kept: list[str]
    left: list[str]


def declared_config(model: str, timeframe: str | None = None) -> ParamConfig:
    """Return what a plugin declares of one model, as a configuration that changes nothing.

    A default that has an effect only beside others is not in it, nor, without a timeframe, one
    that depends on it: fixed by a configuration, either would change what is trained.
    """
    spec = spec_of(model)
    space = {p.name: check_dimension(p, p.search) for p in spec.params if p.search is not None}
    values = {
        p.name: value
        for p in spec.params
        if p.search is None and not p.needs and (timeframe is not None or not p.by_timeframe)
        if (value := p.by_timeframe.get(timeframe or "", p.default)) is not None
    }
    return ParamConfig(values, space, dict.fromkeys((*values, *space), f"the plugin {model}"))


def seed_config(
    model: str,
    *,
    toml: str | Path | None = None,
    sql: str | None = None,
    timeframe: str | None = None,
    overwrite: bool = False,
) -> Seeded:
    """Write what a plugin declares of one model into a TOML file or a database, at once.

    What stands there already and differs is kept: somebody may have changed it.

    Parameters
    ----------
    model
        A registered name.
    toml, sql
        One of them, as of ``read_config``. A file or a table that is not there is made.
    timeframe
        Whose defaults are written; without one, those that depend on it are left to the plugin.
    overwrite
        Whether what differs is replaced.

    Raises
    ------
    PluginError
        If the model is not installed or cannot be used.
    InputError
        ``setting_invalid`` for no place, or two.
    ParameterError
        ``config_unreadable`` where nothing can be read or written, and whatever ``read_config``
        raises for what stands there. Then nothing is written.
    """
    if (toml is None) == (sql is None):
        message = "seed_config writes to one place: give toml or sql."
        raise InputError("setting_invalid", message)
    spec, plugin = spec_of(model), declared_config(model, timeframe)
    left = [
        p.name
        for p in spec.params
        if (p.default is not None or p.by_timeframe)
        and p.name not in plugin.values
        and p.name not in plugin.space
    ]
    if toml is not None:
        write = toml_writing().write_toml
        written, kept = write(Path(toml), spec, plugin, registered_names(), overwrite=overwrite)
    else:
        written, kept = sql_table().write_sql(sql, spec, plugin, overwrite=overwrite)
    return Seeded(written, kept, left)
