"""From a TOML file to a plan, or to every fault that it has."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

from cvn_orchestrator.data.schema import Schema
from cvn_orchestrator.plan.data import schema_of
from cvn_orchestrator.plan.faults import Faults, nearest, section
from cvn_orchestrator.plan.parameters import Common
from cvn_orchestrator.plan.positions import read_document
from cvn_orchestrator.plan.sections import (
    PlanSection,
    PolicySection,
    SweepSection,
)
from cvn_orchestrator.plan.splits import splits_of
from cvn_orchestrator.plan.variant import variant_of
from cvn_orchestrator.plan.variants import Variant
from cvn_orchestrator.splits.settings import SplitSettings


@dataclass(frozen=True)
class Plan:
    """A sweep: symbols x folds x variants, judged at each cost.

    Parameters
    ----------
    path
        The file that it was read from.
    name
        Of the sweep.
    baseline
        The variant that others are compared with.
    schema, splits
        The table, and how it is divided.
    variants
        In the file's order.
    symbols
        Those to train on, in the file's order; None for all that the table has.
    costs
        Round-trip costs, in the payoff's unit, at which the same trades are judged. No fit depends
        on them.
    retries
        How often a cell that failed is tried again.
    seed, threads
        Of every fit.
    """

    path: Path
    name: str
    baseline: str
    schema: Schema
    splits: SplitSettings
    variants: tuple[Variant, ...]
    symbols: tuple[str, ...] | None = None
    costs: tuple[float, ...] = ()
    retries: int = 0
    seed: int = 0
    threads: int = 1

    def variant(self, name: str) -> Variant:
        """Return the variant of that name, which the plan has."""
        return next(variant for variant in self.variants if variant.name == name)


def read_plan(path: Path) -> Plan:
    """Read a plan and check all of it against the installed plugins; no data are read.

    Raises
    ------
    PlanError
        ``plan_unreadable`` if the file is not there or no TOML; ``plan_invalid`` with all faults,
        each with file, line, column and key.
    """
    document = read_document(path)
    faults = Faults(document)
    section(PlanSection, document.values, (), faults)
    tables: dict[str, Any] = {
        name: table for name, table in document.values.items() if isinstance(table, dict)
    }
    schema = schema_of(tables.get("data"), path.parent, faults)
    splits = splits_of(tables.get("splits"), faults)
    sweep = (
        section(SweepSection, tables["sweep"], ("sweep",), faults) if "sweep" in tables else None
    )
    section(PolicySection, tables.get("policy", {}), ("policy",), faults)
    variants = _variants(tables, splits, sweep, schema, faults)
    if sweep is not None:
        _check_sweep(sweep, tables, schema, faults)
    faults.refuse()
    assert schema is not None
    assert splits is not None
    assert sweep is not None
    return Plan(
        path=path,
        name=sweep.name,
        baseline=sweep.baseline,
        schema=schema,
        splits=splits,
        variants=variants,
        symbols=None if sweep.symbols == "all" else tuple(sweep.symbols),
        costs=tuple(sweep.costs),
        retries=sweep.retries,
        seed=sweep.seed,
        threads=sweep.threads,
    )


def _variants(
    tables: dict[str, Any],
    splits: SplitSettings | None,
    sweep: SweepSection | None,
    schema: Schema | None,
    faults: Faults,
) -> tuple[Variant, ...]:
    """Return the sound ones; also where other tables have faults, theirs are noted."""
    embargo = timedelta(0) if splits is None else splits.embargo
    common = Common(0, 1, None)
    if sweep is not None:
        common = Common(sweep.seed, sweep.threads, sweep.timeframe)
    if "variants" in tables and not tables["variants"]:
        faults.add(("variants",), "there are none; give one or more, as [variants.NAME]")
    found = (
        variant_of(name, table, tables.get("policy", {}), embargo, common, schema, faults)
        for name, table in tables.get("variants", {}).items()
    )
    return tuple(variant for variant in found if variant is not None)


def _check_sweep(
    sweep: SweepSection, tables: dict[str, Any], schema: Schema | None, faults: Faults
) -> None:
    variants = tables.get("variants", {})
    if sweep.baseline is not None and sweep.baseline not in variants:
        fault = f"{sweep.baseline!r} is no variant{nearest(sweep.baseline, variants)}"
        faults.add(("sweep", "baseline"), fault)
    if not sweep.symbols:
        faults.add(("sweep", "symbols"), "names none")
    symbols = [] if sweep.symbols == "all" else sweep.symbols
    costs = pairwise(sorted(sweep.costs))
    repeated = {
        "symbols": sorted({repr(symbol) for symbol in symbols if symbols.count(symbol) > 1}),
        "costs": [repr(b) for a, b in costs if math.isclose(a, b, abs_tol=1e-12)],
    }
    for key, names in repeated.items():
        if names:
            faults.add(("sweep", key), f"names {', '.join(names)} more than once")
    if sweep.costs and schema is not None and not schema.money_known:
        fault = "costs weigh money, and none is known: give data.returns or data.payoff"
        faults.add(("sweep", "costs"), fault)
