"""From ``[splits]`` to how the folds are laid."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from cvn_harness_core import HarnessError
from cvn_orchestrator.plan.faults import Faults, section
from cvn_orchestrator.plan.sections import CombinatorialSection, WalkForwardSection
from cvn_orchestrator.splits.combinatorial import check_groups
from cvn_orchestrator.splits.settings import Combinatorial, Layout, SplitSettings, WalkForward


def splits_of(table: Any, faults: Faults) -> SplitSettings | None:
    """Return how the folds are laid; None, and what is wrong noted, if they cannot be."""
    if table is None:
        return None
    before = len(faults)
    kind = CombinatorialSection if table.get("kind") == "combinatorial" else WalkForwardSection
    found = section(kind, table, ("splits",), faults)
    assert isinstance(found, WalkForwardSection | CombinatorialSection)
    layout = _layout(found, faults) if len(faults) == before else None
    if layout is None:
        return None
    return SplitSettings(layout, timedelta(days=found.embargo_days), found.purge, found.incomplete)


def _layout(found: Any, faults: Faults) -> Layout | None:
    if isinstance(found, WalkForwardSection):
        if (found.window == "rolling") != (found.train_days is not None):
            faults.add(
                ("splits", "train_days"), 'train_days belongs to window = "rolling": give both'
            )
            return None
        return WalkForward(found.n_folds, found.val_days, found.test_days, found.train_days)
    try:
        check_groups(found.n_groups, found.n_test_groups)
    except HarnessError as error:
        faults.add(("splits", "n_test_groups"), str(error))
        return None
    return Combinatorial(found.n_groups, found.n_test_groups)
