"""A row as a worker gives it back, for engines that are to know nothing of trading."""

from __future__ import annotations

from datetime import UTC, datetime

from cvn_orchestrator.engines.contract import Task
from cvn_orchestrator.results.rows import CellRow


def done(task: Task) -> CellRow:
    """Return the row of a cell that is done."""
    return CellRow(
        run="r",
        cell=task.cell,
        symbol=task.symbol,
        fold=task.fold,
        variant=task.variant,
        state="done",
        attempt=1,
        finished=datetime.now(UTC),
        seconds=0.3,
    )
