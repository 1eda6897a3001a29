"""From ``[data]`` to a schema."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cvn_harness_core import HarnessError, Payoff
from cvn_orchestrator.data.schema import Schema
from cvn_orchestrator.plan.faults import Faults, section
from cvn_orchestrator.plan.sections import DataSection


def schema_of(table: Any, folder: Path, faults: Faults) -> Schema | None:
    """Return the table's schema; None, and what is wrong noted, if it cannot be one."""
    if table is None:
        return None
    before = len(faults)
    found = section(DataSection, table, ("data",), faults)
    _check_columns(found, faults)
    payoff = None if found.payoff is None else _payoff(found.payoff, faults)
    if len(faults) > before:
        return None
    return Schema(
        path=folder / found.path,
        time=found.time,
        label=found.label,
        symbol=found.symbol,
        label_end=found.label_end,
        returns=found.returns,
        weight=found.weight,
        features=None if found.features is None else tuple(found.features),
        exclude=tuple(found.exclude),
        feature_version=found.feature_version,
        payoff=payoff,
    )


def _check_columns(found: DataSection, faults: Faults) -> None:
    """Note columns with two roles, and settings that contradict one another."""
    at = ("data",)
    if found.symbol_from_file == (found.symbol is not None):
        faults.add(at, "name a symbol column, or set symbol_from_file = true: one of the two")
    if found.features is not None and found.exclude:
        faults.add((*at, "exclude"), "has no effect beside features, which lists them all")
    roles = ("symbol", "time", "label", "label_end", "returns", "weight")
    columns = [column for role in roles if (column := getattr(found, role)) is not None]
    for key in ("features", "exclude"):
        names = getattr(found, key) or []
        for number, name in enumerate(names):
            if names.index(name) < number:
                faults.add((*at, key, number), f"{name!r} stands there twice")
            elif name in columns:
                faults.add((*at, key, number), f"{name!r} has another role already")
    for role in roles:
        if columns.count(getattr(found, role)) > 1:
            faults.add((*at, role), f"{getattr(found, role)!r} has two roles")


def _payoff(text: str, faults: Faults) -> Payoff | None:
    try:
        return Payoff(*map(float, text.split("/")))
    except HarnessError as error:
        faults.add(("data", "payoff"), str(error))
    except ValueError:
        faults.add(("data", "payoff"), f"{text!r} is not TP/SL or TP/SL/COST, as 1.5/0.5/0.05")
    return None
