"""One configuration of a database, a file and the environment."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cvn_harness_core.config.environment import read_environment
from cvn_harness_core.config.names import registered_names, spec_of
from cvn_harness_core.config.toml import read_toml
from cvn_harness_core.contracts.config import ParamConfig
from cvn_harness_core.contracts.params import Overridden
from cvn_harness_core.contracts.space import Dimension, space_text


def read_config(
    model: str,
    *,
    toml: str | Path | None = None,
    environ: Mapping[str, str] | None = None,
    sql: str | None = None,
) -> ParamConfig:
    """Return what is configured for one model or ensemble, checked, by canonical names.

    Of each parameter the environment has precedence over the file, and the file over the
    database: a value or a range replaces whatever an earlier source says of that parameter. The
    origins say where each comes from, and in place of what.

    Parameters
    ----------
    model
        A registered name.
    toml
        A file with a table for each model: ``[lightgbm]`` with values, ``[lightgbm.search]``
        with what a search tries.
    environ
        Variables such as ``os.environ``, of which ``CVN_HPO_<MODEL>_<PARAM>`` and, for a range,
        ``..._MIN``, ``..._MAX`` and ``..._SCALE`` are read. None reads none.
    sql
        URL of a database with the table ``cvn_hyperparameters``, as SQLAlchemy spells it.

    Raises
    ------
    PluginError
        If the model is not installed or cannot be used.
    ParameterError
        ``config_unreadable`` for a file or a database that cannot be read, ``config_invalid`` for
        what stands at a wrong place or is half said, and the codes of ``resolve_parameters``; each
        says where. Never a password.
    """
    spec, names = spec_of(model), registered_names()
    layers = []
    if sql is not None:
        from cvn_harness_core.config.extras import sql_table

        layers.append(sql_table().read_sql(sql, spec))
    if toml is not None:
        layers.append(read_toml(Path(toml), spec, names))
    if environ is not None:
        layers.append(read_environment(environ, spec, names))
    return _over(layers)


def _over(layers: list[ParamConfig]) -> ParamConfig:
    values: dict[str, Any] = {}
    space: dict[str, Dimension] = {}
    origins: dict[str, str] = {}
    history: dict[str, tuple[Overridden, ...]] = {}
    ranges: dict[str, tuple[str, ...]] = {}
    places: dict[str, str] = {}
    for layer in layers:
        for name, value in layer.values.items():
            said = Overridden(value, "config", layer.origins[name])
            history[name] = (*history.get(name, ()), said)
        for name in (*layer.values, *layer.space):
            if name in space:
                said_before = f"{space_text(space[name])} ({places[name]})"
                ranges[name] = (*ranges.get(name, ()), said_before)
            places[name] = layer.origins[name]
            values.pop(name, None)
            space.pop(name, None)
            before = f", in place of {origins[name]}" if name in origins else ""
            origins[name] = f"{layer.origins[name]}{before}"
        values.update(layer.values)
        space.update(layer.space)
    return ParamConfig(values, space, origins, history if len(layers) > 1 else {}, ranges)
