"""Theta rules by name, for command lines and plans: the core's own, and installed ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, cast

from cvn_harness_core import (
    THETA_REGISTRY,
    ExpectedValue,
    F1Capped,
    F1Grid,
    HarnessError,
    InputError,
    ThetaRule,
)

_OWN = {"f1_grid": F1Grid, "f1_capped": F1Capped, "expected_value": ExpectedValue}


def rule_names() -> tuple[str, ...]:
    """Return the names that a rule can be asked for by; imports no plugin."""
    return (*_OWN, *THETA_REGISTRY)


def rule_named(name: str) -> ThetaRule | None:
    """Return the rule of a name, with its own defaults; None if there is none.

    Raises
    ------
    PluginError
        If an installed package offers it and it cannot be used.
    """
    if name in _OWN:
        return cast("ThetaRule", _OWN[name]())
    if not any(record.name == name for record in THETA_REGISTRY.records()):
        return None
    return THETA_REGISTRY[name]


def settings_of(rule: ThetaRule) -> frozenset[str]:
    """Return the names of a rule's settings."""
    return frozenset(f.name for f in fields(rule) if f.init) if is_dataclass(rule) else frozenset()


def with_settings(rule: ThetaRule, settings: Mapping[str, Any]) -> ThetaRule:
    """Return the rule with some of its settings changed.

    Raises
    ------
    InputError
        ``setting_invalid`` for a value that the rule refuses, in whichever way it does.
    """
    try:
        return cast("ThetaRule", replace(cast("Any", rule), **settings))
    except HarnessError:
        raise
    except Exception as error:
        message = f"the theta rule {rule.name!r} refuses {dict(settings)}: {error}."
        raise InputError("setting_invalid", message) from error
