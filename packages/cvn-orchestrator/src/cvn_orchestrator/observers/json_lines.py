"""Each hook of a sweep as one line of JSON in a file, for machines that follow it."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from cvn_harness_core import CellFacts, SweepFacts, hookimpl
from cvn_orchestrator.target import writing


class JsonLines:
    """Appends to a file: ``{"hook": "cvn_cell_done", "at": ..., "run": ..., ...}``.

    Each line is written at once. Raises InputError ``setting_invalid`` if the file cannot
    be opened.
    """

    def __init__(self, path: Path) -> None:
        with writing(path):
            self._file = path.open("ab", buffering=0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._file.close()

    @hookimpl
    def cvn_sweep_started(self, sweep: SweepFacts) -> None:
        """Write the sweep as it begins."""
        self._write("cvn_sweep_started", sweep)

    @hookimpl
    def cvn_cell_started(self, cell: CellFacts) -> None:
        """Write a cell as it begins."""
        self._write("cvn_cell_started", cell)

    @hookimpl
    def cvn_cell_done(self, cell: CellFacts) -> None:
        """Write a cell that is done."""
        self._write("cvn_cell_done", cell)

    @hookimpl
    def cvn_cell_failed(self, cell: CellFacts) -> None:
        """Write a cell that failed."""
        self._write("cvn_cell_failed", cell)

    @hookimpl
    def cvn_sweep_done(self, sweep: SweepFacts) -> None:
        """Write the sweep as it ends."""
        self._write("cvn_sweep_done", sweep)

    def _write(self, hook: str, facts: Any) -> None:
        line = {"hook": hook, "at": datetime.now(UTC).isoformat(), **asdict(facts)}
        self._file.write(f"{json.dumps(line)}\n".encode())
