"""One plugin, from its record to its registered module; every failure is told apart."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pluggy

from cvn_harness_core.errors import (
    PluginBlockedError,
    PluginConflictError,
    PluginContractError,
    PluginDependencyError,
    PluginError,
    PluginImportError,
)
from cvn_harness_core.plugins import hookspecs
from cvn_harness_core.plugins.discovery import import_target
from cvn_harness_core.plugins.record import PluginRecord
from cvn_harness_core.said import said


def load(record: PluginRecord) -> pluggy.PluginManager:
    """Import one plugin and return a manager that holds it alone.

    Raises
    ------
    PluginError
        Of the subclass that tells why: blocked, in conflict, incompatible, a missing dependency,
        an exception on import, or hooks that do not fit their specification.
    """
    refuse(record)
    try:
        plugin = import_target(record)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise import_failure(record, error) from error
    return register(record, plugin)


def register(record: PluginRecord, plugin: object) -> pluggy.PluginManager:
    """Return a manager that holds one imported plugin alone.

    Raises PluginContractError ``plugin_contract`` for hooks that do not fit their specification.
    """
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    try:
        manager.register(plugin, name=record.name)
        manager.check_pending()
    except Exception as error:
        message = f"{describe(record)} has a hook that does not fit the contract: {said(error)}"
        raise PluginContractError("plugin_contract", message) from error
    return manager


def describe(record: PluginRecord) -> str:
    """Return a phrase that names the plugin and where it comes from."""
    return (
        f"the {record.kind} plugin {record.name!r} ({record.distribution} {record.version}, "
        f"{record.target})"
    )


def refuse(record: PluginRecord) -> None:
    """Raise the error that a record's status stands for, unless it is available."""
    advice = f"; {record.advice}" if record.advice else ""
    message = f"{describe(record)} cannot be used: {record.error}{advice}."
    match record.status:
        case "available":
            return
        case "blocked":
            raise PluginBlockedError("plugin_blocked", message)
        case "conflict":
            raise PluginConflictError("plugin_conflict", message)
        case "dependency_missing":
            raise PluginDependencyError("plugin_dependency_missing", message)
        case "import_failed":
            raise PluginImportError("plugin_import_failed", message)
        case "contract":
            raise PluginContractError("plugin_contract", message)
        case "incompatible":
            raise PluginContractError("plugin_incompatible", message)
        case "malformed":
            raise PluginContractError("plugin_malformed", message)


def call(record: PluginRecord, what: str, function: Callable[[], Any]) -> Any:
    """Return what a plugin's function returns; whatever it raises becomes a PluginError."""
    try:
        return function()
    except ImportError as error:
        raise import_failure(record, error) from error
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        message = f"{describe(record)}: {what} raised {type(error).__name__}: {said(error)}"
        raise PluginContractError("plugin_contract", message) from error


def import_failure(record: PluginRecord, error: BaseException) -> PluginError:
    """Return the error for a failed import: a missing dependency, or anything else."""
    who = describe(record)
    if isinstance(error, ModuleNotFoundError) and error.name:
        missing = error.name.partition(".")[0]
        if missing != record.package:
            message = (
                f"{who} needs {missing!r}, which is not installed: reinstall "
                f"{record.distribution}, or install {missing!r}."
            )
            return PluginDependencyError("plugin_dependency_missing", message)
    message = f"{who} raised on import: {type(error).__name__}: {said(error)}"
    if isinstance(error, ModuleNotFoundError):
        message += f" (reinstall {record.distribution}; if it was removed, call refresh())"
    return PluginImportError("plugin_import_failed", message)
