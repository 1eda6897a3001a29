"""A TOML file of hyperparameters: a table for each model, and in it one for what is searched."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from cvn_harness_core.contracts.config import ParamConfig
from cvn_harness_core.contracts.space import Choice, Dimension, Range
from cvn_harness_core.errors import ParameterError
from cvn_harness_core.harness.layers import Spec, check_layer

SEARCH = "search"
_RANGE = {"low", "high", "log", "step"}
_CHOICE = {"choices", "unset"}


def read_toml(path: Path, spec: Spec, names: Sequence[str]) -> ParamConfig:
    """Return what a file says of one model.

    Parameters
    ----------
    names
        Those that may have a table in the file.

    Raises
    ------
    ParameterError
        ``config_unreadable`` if it cannot be read or is no TOML; ``config_invalid`` for a table of
        nobody, or an entry that is no dimension; what ``check_layer`` raises. It names file and
        table.
    """
    tables = _tables(path, names)
    values = dict(tables.get(spec.name, {}))
    searched = values.pop(SEARCH, {})
    where, where_searched = f"{path} [{spec.name}]", f"{path} [{spec.name}.{SEARCH}]"
    if not isinstance(searched, dict):
        _refuse(where, f"{SEARCH} = {searched!r} must be a table of what a search tries")
    space = {name: _dimension(where_searched, name, entry) for name, entry in searched.items()}
    origins = {**dict.fromkeys(values, where), **dict.fromkeys(space, where_searched)}
    return check_layer(spec, ParamConfig(values, space, origins))


def _tables(path: Path, names: Sequence[str]) -> Mapping[str, Any]:
    try:
        with path.open("rb") as file:
            tables = tomllib.load(file)
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror or error}."
        raise ParameterError("config_unreadable", message) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        message = f"{path} is no TOML: {error}."
        raise ParameterError("config_unreadable", message) from error
    for name, table in tables.items():
        if not isinstance(table, dict):
            _refuse(
                str(path), f"{name!r} must stand in the table of a model, for instance [lightgbm]"
            )
        if name not in names:
            near = difflib.get_close_matches(name, names, n=1)
            hint = f" Did you mean [{near[0]}]?" if near else ""
            known = ", ".join(names) or "none"
            _refuse(
                f"{path} [{name}]", f"no installed package offers {name!r}.{hint} Known: {known}"
            )
    return tables


def _dimension(where: str, name: str, entry: Any) -> Dimension:
    """Return what an entry says; its values are checked by whoever knows the parameter."""
    wanted = "{ low = 1, high = 9 }, with log = true or step = 2, or { choices = [1, 2] }"
    if not isinstance(entry, dict):
        _refuse(where, f"{name} = {entry!r} must be {wanted}")
    keys, allowed = set(entry), _CHOICE if "choices" in entry else _RANGE
    if keys - allowed:
        unknown = ", ".join(sorted(keys - allowed))
        _refuse(where, f"{name} has {unknown}, which a search does not know; it must be {wanted}")
    for flag in ("log", "unset"):
        if not isinstance(entry.get(flag, False), bool):
            _refuse(where, f"{name}: {flag} = {entry[flag]!r} must be true or false")
    if allowed is _CHOICE:
        if not isinstance(entry["choices"], list):
            _refuse(where, f"{name}: choices = {entry['choices']!r} must be a list")
        return Choice(*([None] if entry.get("unset") else []), *entry["choices"])
    missing = [end for end in ("low", "high") if end not in entry]
    if missing:
        _refuse(where, f"{name} has no {missing[0]}; it must be {wanted}")
    step = entry.get("step")
    if step is not None and (isinstance(step, bool) or not isinstance(step, int | float)):
        _refuse(where, f"{name}: step = {step!r} must be a number")
    return Range(entry["low"], entry["high"], entry.get("log", False), step)


def _refuse(where: str, fault: str) -> NoReturn:
    raise ParameterError("config_invalid", f"{where}: {fault}.")
