"""What a sweep asks of its results: begin a run, say what is there, keep what came."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple, Protocol

from cvn_orchestrator.results.rows import CellRow, RunRow

SUPERSEDED = "superseded"
"""The state of a cell whose place another has taken since: of other code, or other libraries."""


class Attempt(NamedTuple):
    """How the newest attempt at a cell ended: ``done``, ``failed`` or ``superseded``, and why."""

    state: str
    number: int
    error_code: str | None = None


class Sink(Protocol):
    """Where results are kept; one process writes."""

    def begin(self, run: RunRow) -> None:
        """Keep the run, unless it is there already."""

    def attempts(self, run: str) -> Mapping[str, Attempt]:
        """Return the newest attempt at every cell of a run that has a row, by the cell's digest.

        Of several cells in one place (symbol, fold, variant), the one that ended last is what the
        tables show; the others are ``superseded``.
        """

    def write(self, rows: Iterable[CellRow]) -> None:
        """Keep rows, all or none; of one cell, the newest attempt wins."""

    def close(self) -> None:
        """Let go of the database."""
