"""What needs libraries that are not installed with the core."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any

from cvn_harness_core.errors import ParameterError


def sql_table() -> Any:
    """Return the module of the SQL table; raise ParameterError ``config_unreadable`` without it."""
    return _needing("sqlalchemy", "cvn_harness_core.config.sql", "a SQL table of hyperparameters")


def toml_writing() -> Any:
    """Return the module that writes TOML; raise ParameterError ``config_unreadable`` without it."""
    return _needing("tomlkit", "cvn_harness_core.config.toml_writing", "writing a TOML file")


def _needing(library: str, module: str, what: str) -> ModuleType:
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name != library:
            raise
        message = (
            f"{what} needs {library}, which is not installed: pip install "
            "'cvn-harness-core[search]'"
        )
        raise ParameterError("config_unreadable", message) from error
