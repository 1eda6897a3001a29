"""What a sweep asks of its results: begin a run, say what is there, keep what came."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from cvn_orchestrator.results.rows import CellRow, RunRow


class Sink(Protocol):
    """Where results are kept; one process writes."""

    def begin(self, run: RunRow) -> None:
        """Keep the run, unless it is there already."""

    def attempts(self, run: str) -> Mapping[str, tuple[str, int]]:
        """Return state and attempt of every cell of a run that has a row, by the cell's digest."""

    def write(self, rows: Iterable[CellRow]) -> None:
        """Keep rows, all or none; of one cell, the newest attempt wins."""

    def close(self) -> None:
        """Let go of the database."""
