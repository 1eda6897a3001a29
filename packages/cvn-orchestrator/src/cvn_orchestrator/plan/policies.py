"""From a plan's tables to a training policy: a preset, and what is changed in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import msgspec

from cvn_harness_core import (
    POLICIES,
    ByMoney,
    Calibration,
    EarlyStopping,
    ExpectedValue,
    F1Capped,
    Fixed,
    HarnessError,
    HealthLimits,
    OutOfFold,
    ThetaRule,
    TrainingPolicy,
)
from cvn_orchestrator.plan.faults import Faults, nearest, section
from cvn_orchestrator.plan.positions import Key
from cvn_orchestrator.plan.sections import EarlyStoppingSection, HealthSection, PolicySection
from cvn_orchestrator.theta_rules import rule_named, rule_names, settings_of, with_settings

FIXED_PRESET = "adr0089"
"""The original design, kept for comparison: only ``on_unhealthy`` can be changed in it."""


def policy_of(
    own: str | Mapping[str, Any],
    at: Key,
    shared: Mapping[str, Any],
    embargo: timedelta,
    faults: Faults,
) -> TrainingPolicy | None:
    """Return a variant's policy; None, and what is wrong noted, if it has none.

    ``own`` is the variant's: a preset's name, or a table at ``at``. One that names a preset stands
    for itself; any other is laid over the plan's ``shared`` table, ``[policy]``. Forward folds get
    the plan's embargo.
    """
    table: Mapping[str, Any] = {"preset": own} if isinstance(own, str) else own
    places = {name: (at if isinstance(own, str) else (*at, name)) for name in table}
    if "preset" not in table:
        places = {**{name: ("policy", name) for name in shared}, **places}
        table = {**shared, **table}
    before = len(faults)
    found = section(PolicySection, table, at, faults, places)
    changes = _changes(found, places, embargo, faults)
    if found.preset == FIXED_PRESET:
        for name in changes.keys() - {"on_unhealthy"}:
            key = next((places[n] for n in _KEYS.get(name, (name,)) if n in places), at)
            faults.add(
                key, f"the preset {FIXED_PRESET} is kept as it was, and this would change it"
            )
    if len(faults) > before:
        return None
    try:
        return replace(POLICIES[found.preset](), **changes)
    except HarnessError as error:
        faults.add(at, str(error))
        return None


_KEYS = {
    "theta": ("theta", "min_signals", "max_buy_rate"),
    "calibration": ("calibrate",),
}
"""The keys of a plan behind a field of ``TrainingPolicy``, where they differ."""


def _changes(
    found: PolicySection, places: Mapping[str, Key], embargo: timedelta, faults: Faults
) -> dict[str, Any]:
    """Return the fields of ``TrainingPolicy`` that the plan sets."""
    changes: dict[str, Any] = {}
    if (found.theta, found.min_signals, found.max_buy_rate) != (None, None, None):
        changes["theta"] = _rule(found, places, faults)
    for name in ("class_balance", "prior_correction", "on_unhealthy"):
        if getattr(found, name) is not None:
            changes[name] = getattr(found, name)
    if found.calibrate is not None:
        changes["calibration"] = None if found.calibrate == "none" else Calibration(found.calibrate)
    if found.out_of_fold is not None:
        changes["out_of_fold"] = (
            OutOfFold(found.out_of_fold, embargo=embargo) if found.out_of_fold else None
        )
    if found.early_stopping is not None:
        changes["early_stopping"] = _stopping(found.early_stopping, places, faults)
    if found.health is not None:
        limits = section(HealthSection, found.health, places["health"], faults)
        changes["health"] = HealthLimits(**msgspec.structs.asdict(limits))
    return changes


def _stopping(
    said: Mapping[str, Any] | bool, places: Mapping[str, Key], faults: Faults
) -> EarlyStopping | None:
    if isinstance(said, bool):
        return EarlyStopping() if said else None
    found = section(EarlyStoppingSection, said, places["early_stopping"], faults)
    return EarlyStopping(found.rounds, found.metric, found.min_delta)


def _rule(
    found: PolicySection, places: Mapping[str, Key], faults: Faults
) -> ThetaRule | ByMoney | None:
    names = ("min_signals", "max_buy_rate")
    limits: dict[str, Any] = {
        name: value for name in names if (value := getattr(found, name)) is not None
    }
    if found.theta is None:
        return ByMoney(ExpectedValue(**limits), F1Capped(**limits))
    rule: ThetaRule | None
    try:
        rule = rule_named(found.theta) if isinstance(found.theta, str) else Fixed(found.theta)
        if rule is None:
            known = rule_names()
            fault = f"{found.theta!r} is no rule and no threshold such as 0.35"
            faults.add(places["theta"], f"{fault}{nearest(str(found.theta), known)}")
            return None
        for name in limits.keys() - settings_of(rule):
            faults.add(
                places[name], f"has no effect on theta = {found.theta!r}, which has no such limit"
            )
            del limits[name]
        return with_settings(rule, limits)
    except HarnessError as error:
        faults.add(places["theta"], str(error))
        return None
