"""What a sweep and its cells are: their digests, and the resolved plan as plain facts."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec
import numpy as np

from cvn_harness_core import HPOParams, InputError, TrainingPolicy, training_dependencies
from cvn_orchestrator.__about__ import __version__
from cvn_orchestrator.plan.reading import Plan
from cvn_orchestrator.plan.variants import Variant
from cvn_orchestrator.results.rows import RunRow
from cvn_orchestrator.sweep.prepared import Cell, PreparedSweep

_NO_IDENTITY = ("path", "retries")
"""What of a plan no result depends on: where it is, and how often a failed cell is tried."""

_NO_PARAMETER = ("storage", "study_name", "n_workers")
"""What of a search no result depends on; a storage may also hold a password."""


class Identity:
    """The digests of a sweep and of its cells, and its row among the results."""

    def __init__(self, sweep: PreparedSweep) -> None:
        plan = sweep.plan
        self._sweep = sweep
        self._facts = plan_facts(plan)
        self._dependencies = {
            v.name: training_dependencies(
                v.trains,
                v.policy,
                v.bases or None,
                searched=any(own.n_trials for own in v.hpo_params.values()),
            )
            for v in plan.variants
        }
        known = {name: fact for name, fact in self._facts.items() if name not in _NO_IDENTITY}
        self.run = _digest({"plan": known, "table": sweep.table.content})

    def cell(self, cell: Cell) -> str:
        """Return the digest of what a cell depends on, its code and libraries included."""
        sweep = self._sweep
        return _digest(
            {
                "arrays": sweep.table.folder.name,
                "cell": (cell.symbol, cell.fold, cell.variant),
                "windows": sweep.survey.folds[cell.fold - 1],
                "data": self._facts["data"],
                "splits": self._facts["splits"],
                "costs": self._facts["costs"],
                "variant": self._facts["variants"][cell.variant],
                "dependencies": self._dependencies[cell.variant],
                "orchestrator": __version__,
            }
        )

    def versions(self, variant: str) -> dict[str, str]:
        """Return the versions and the code that the cells of a variant depend on."""
        return {"cvn-orchestrator": __version__, **self._dependencies[variant]}

    def row(self) -> RunRow:
        """Return the row of the run, beginning now."""
        plan = self._sweep.plan
        found: dict[str, str] = {"cvn-orchestrator": __version__}
        for dependencies in self._dependencies.values():
            found |= dependencies
        return RunRow(
            run=self.run,
            name=plan.name,
            plan={
                **self._facts,
                "rows": self._sweep.table.question,
                "files": self._sweep.table.files,
            },
            baseline=plan.baseline,
            variants=tuple(variant.name for variant in plan.variants),
            costs=costs_of(plan),
            cells=len(self._sweep.cells),
            environment=dict(sorted(found.items())),
            started=datetime.now(UTC),
        )


def costs_of(plan: Plan) -> tuple[float, ...]:
    """Return the costs at which trades are judged: the plan's, else the one that is in the data."""
    if plan.costs or not plan.schema.money_known:
        return plan.costs
    return (0.0 if plan.schema.payoff is None else plan.schema.payoff.cost,)


def plan_facts(plan: Plan) -> dict[str, Any]:
    """Return the resolved plan in plain JSON values; of a storage only whether there is one."""
    facts = {
        "path": plan.path,
        "name": plan.name,
        "baseline": plan.baseline,
        "data": plan.schema,
        "splits": plan.splits,
        "symbols": plan.symbols,
        "costs": costs_of(plan),
        "retries": plan.retries,
        "seed": plan.seed,
        "threads": plan.threads,
        "variants": {variant.name: _variant(variant) for variant in plan.variants},
    }
    found: dict[str, Any] = _plain(facts)
    found["splits"]["layout"]["kind"] = type(plan.splits.layout).__name__
    found["data"].pop("path")
    return found


def _variant(variant: Variant) -> dict[str, Any]:
    return {
        "kind": variant.kind,
        "trains": variant.trains,
        "bases": variant.bases,
        "policy": _policy(variant.policy),
        "hpo_params": {name: _params(own) for name, own in variant.hpo_params.items()},
    }


def _policy(policy: TrainingPolicy) -> dict[str, Any]:
    facts: dict[str, Any] = _plain(policy)
    facts["theta"] = {"class": type(policy.theta).__name__, **facts["theta"]}
    return facts


def _params(own: HPOParams) -> dict[str, Any]:
    facts: dict[str, Any] = _plain(own)
    return {name: value for name, value in facts.items() if name not in _NO_PARAMETER}


def _plain(value: Any) -> Any:
    return msgspec.to_builtins(value, enc_hook=_other)


def _other(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Mapping | MappingProxyType):
        return dict(value)
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    message = (
        f"a setting of the plan is {value!r} ({type(value).__name__}), which has no plain form: "
        "the run could not be told from one with another value."
    )
    raise InputError("setting_invalid", message)


def _digest(facts: Mapping[str, Any]) -> str:
    text = json.dumps(_plain(facts), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]
