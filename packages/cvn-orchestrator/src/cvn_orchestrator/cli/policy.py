"""From the options of `cvn train` to its policy: a preset, and what is changed in it."""

from __future__ import annotations

import argparse
from dataclasses import replace
from datetime import timedelta
from typing import Any

from cvn_harness_core import (
    POLICIES,
    ByMoney,
    Calibration,
    Datasets,
    ExpectedValue,
    F1Capped,
    Fixed,
    InputError,
    OutOfFold,
    ThetaRule,
    TrainingPolicy,
)
from cvn_orchestrator.theta_rules import rule_named, rule_names, settings_of, with_settings

ADR0089_FIXES = (
    "theta", "min_signals", "max_buy_rate", "class_balance", "calibrate", "out_of_fold"
)  # fmt: skip
"""Options that would make `adr0089` something other than the original design."""


def policy_of(arguments: argparse.Namespace, embargo: timedelta) -> TrainingPolicy:
    """Return the preset that is named, with what other options change in it.

    Raises InputError ``setting_invalid`` for a value that is none, out of range, or in
    contradiction to another option; PluginError for an installed rule that cannot be used.
    """
    _check_preset(arguments)
    changes: dict[str, Any] = {}
    if any(_given(arguments, name) for name in ("theta", "min_signals", "max_buy_rate")):
        changes["theta"] = _rule(arguments)
    if arguments.class_balance is not None:
        changes["class_balance"] = _class_balance(arguments.class_balance)
    if arguments.calibrate is not None:
        changes["calibration"] = Calibration(arguments.calibrate)
    if arguments.out_of_fold is not None:
        n_folds = _integer("out_of_fold", arguments.out_of_fold)
        changes["out_of_fold"] = OutOfFold(n_folds, embargo=embargo)
    if arguments.costs is not None:
        changes["costs"] = tuple(_number("costs", part) for part in arguments.costs.split(","))
    if arguments.on_unhealthy is not None:
        changes["on_unhealthy"] = arguments.on_unhealthy
    return replace(POLICIES[arguments.policy](), **changes)


def require_money(arguments: argparse.Namespace, datasets: Datasets) -> None:
    """Raise InputError ``money_unknown`` where an option weighs money and none is known."""
    weighing = [
        option
        for option, asked in (
            ("--theta expected_value", arguments.theta == "expected_value"),
            ("--costs", arguments.costs is not None),
        )
        if asked
    ]
    if weighing and datasets.payoff is None and datasets.val.returns is None:
        message = (
            f"{' and '.join(weighing)} weighs money, and none is known: give --returns COL, or "
            "--payoff TP/SL/COST."
        )
        raise InputError("money_unknown", message)


def _check_preset(arguments: argparse.Namespace) -> None:
    changed = [_option(name) for name in ADR0089_FIXES if _given(arguments, name)]
    if arguments.policy == "adr0089" and changed:
        message = (
            f"--policy adr0089 is the original design, kept as it was for comparison, and "
            f"{', '.join(changed)} would change it; leave that out, or take --policy economic."
        )
        raise InputError("setting_invalid", message)


def _rule(arguments: argparse.Namespace) -> ThetaRule | ByMoney:
    limits: dict[str, Any] = {}
    if arguments.min_signals is not None:
        limits["min_signals"] = _integer("min_signals", arguments.min_signals)
    if arguments.max_buy_rate is not None:
        limits["max_buy_rate"] = _number("max_buy_rate", arguments.max_buy_rate)
    name = arguments.theta
    if name is None:
        return ByMoney(ExpectedValue(**limits), F1Capped(**limits))
    rule = _named(name)
    idle = [limit for limit in limits if limit not in settings_of(rule)]
    if idle:
        message = (
            f"--theta {name} takes no limits of that kind, so {' and '.join(map(_option, idle))} "
            "would do nothing; leave that out, or take --theta expected_value or f1_capped."
        )
        raise InputError("setting_invalid", message)
    return with_settings(rule, limits)


def _named(text: str) -> ThetaRule:
    try:
        return Fixed(float(text))
    except ValueError as error:
        if isinstance(error, InputError):
            raise
    rule = rule_named(text)
    if rule is None:
        message = (
            f"--theta {text!r} is no rule; give a threshold such as 0.35, or one of "
            f"{', '.join(rule_names())}."
        )
        raise InputError("setting_invalid", message)
    return rule


def _class_balance(text: str) -> str | float:
    try:
        return text if text in ("none", "auto") else float(text)
    except ValueError:
        message = f"--class-balance {text!r} is not none, auto or a positive weight such as 2.5."
        raise InputError("setting_invalid", message) from None


def _integer(name: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        message = f"{_option(name)} {text!r} is no whole number."
        raise InputError("setting_invalid", message) from None


def _number(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        message = f"{_option(name)}: {text!r} is no number."
        raise InputError("setting_invalid", message) from None


def _given(arguments: argparse.Namespace, name: str) -> bool:
    return getattr(arguments, name) is not None


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"
