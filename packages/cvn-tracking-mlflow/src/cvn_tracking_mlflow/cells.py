"""Sweeps as runs: a sweep is a parent, each of its cells a child, whoever runs them.

They are found by what they are, the digests of the sweep and of the cell, and not by what a process
remembers: a sweep that is resumed goes on in its own run, and a worker, a process of its own,
finds the run of the cell that it trains.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from cvn_harness_core import CellFacts, SweepFacts
from cvn_tracking_mlflow.client import PARENT, Client, Notes

TYPE, SWEEP, CELL = "cvn.type", "cvn.sweep", "cvn.cell"


class Told(NamedTuple):
    """What a sweep's worker is told in its environment that it trains."""

    sweep: str
    cell: str
    trains: str

    @classmethod
    def now(cls) -> Told | None:
        """Return it, or None outside a sweep's worker."""
        parts = os.environ.get("CVN_CELL", "").split("/", 2)
        return cls(*parts) if len(parts) == 3 else None


@dataclass
class _Sweep:
    run: str
    cells: dict[str, str] = field(default_factory=dict)
    running: set[str] = field(default_factory=set)
    n_done: int = 0
    n_failed: int = 0


class Sweeps:
    """The runs of sweeps and cells, of the process that hands the cells out."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._sweeps: dict[str, _Sweep] = {}

    def started(self, facts: SweepFacts) -> None:
        """Begin the sweep's run, or go on with it."""
        sweep = self._sweep(facts.run, facts.name)
        sweep.n_done, sweep.n_failed = facts.n_done, facts.n_failed
        notes = Notes(
            tags={"cvn.n_workers": facts.n_workers, "cvn.interrupted": False},
            metrics=[("cells/all", float(facts.n_cells), 0), *self._counts(sweep)],
        )
        self._client.log(sweep.run, notes)

    def done(self, facts: SweepFacts) -> None:
        """End the sweep's run, and those of cells that were given up."""
        sweep = self._sweeps.pop(facts.run, None) or self._sweep(facts.run, facts.name)
        for cell in sweep.running:
            self._end(sweep.cells[cell], "KILLED")
        sweep.n_done, sweep.n_failed = facts.n_done, facts.n_failed
        notes = Notes(tags={"cvn.interrupted": facts.interrupted}, metrics=self._counts(sweep))
        self._client.log(sweep.run, notes)
        failed = "FAILED" if facts.n_failed else "FINISHED"
        self._client.end(sweep.run, "KILLED" if facts.interrupted else failed)

    def cell_started(self, facts: CellFacts) -> None:
        """Begin the cell's run, or go on with it."""
        sweep = self._sweep(facts.run)
        run = sweep.cells.get(facts.cell)
        if run is None:
            parent = sweep.run
            sweep.cells[facts.cell] = self._client.begin(facts.name, _cell_tags(facts), parent)
        else:
            self._client.again(run)
            self._client.log(run, Notes(tags={"cvn.attempt": facts.attempt}))
        sweep.running.add(facts.cell)

    def cell_ended(self, facts: CellFacts) -> None:
        """End the cell's run, and what its worker may have left open below it."""
        sweep = self._sweep(facts.run)
        if facts.cell not in sweep.cells:
            self.cell_started(facts)
        run = sweep.cells[facts.cell]
        sweep.running.discard(facts.cell)
        figures = {
            "seconds": facts.seconds,
            "peak_bytes": facts.peak_bytes,
            "n_cached": facts.n_cached,
        }
        notes = Notes(
            tags={
                "cvn.attempt": facts.attempt,
                "cvn.cache_hit": facts.cache_hit,
                "cvn.tradability": facts.tradability,
                "cvn.error.code": facts.error_code or "",
                "cvn.error.message": facts.error_message or "",
            },
            metrics=[
                (f"cell/{name}", float(v), facts.attempt)
                for name, v in figures.items()
                if v is not None
            ],
        )
        self._client.log(run, notes)
        self._end(run, "FINISHED" if facts.state == "done" else "FAILED")
        if not facts.retried:
            sweep.n_done += facts.state == "done"
            sweep.n_failed += facts.state == "failed"
            self._client.log(sweep.run, Notes(metrics=self._counts(sweep)))

    def _sweep(self, digest: str, name: str | None = None) -> _Sweep:
        if digest in self._sweeps:
            return self._sweeps[digest]
        found = self._client.found({TYPE: "sweep", SWEEP: digest})
        if found:
            run = found[0].info.run_id
            self._client.again(run)
            cells = self._client.found({TYPE: "cell", SWEEP: digest, PARENT: run})
            known = {cell.data.tags[CELL]: cell.info.run_id for cell in cells}
        else:
            tags = {TYPE: "sweep", SWEEP: digest, "cvn.name": name}
            run = self._client.begin(name or f"sweep {digest[:12]}", tags)
            known = {}
        self._sweeps[digest] = _Sweep(run, known)
        return self._sweeps[digest]

    def _end(self, run: str, status: str) -> None:
        if status != "FINISHED":
            for left in self._client.found({PARENT: run}, "RUNNING"):
                self._client.end(left.info.run_id, "KILLED")
        self._client.end(run, status)

    def _counts(self, sweep: _Sweep) -> list[tuple[str, float, int]]:
        step = sweep.n_done + sweep.n_failed
        return [
            ("cells/done", float(sweep.n_done), step),
            ("cells/failed", float(sweep.n_failed), step),
        ]


def run_of_cell(client: Client, told: Told) -> Any:
    """Return the run of the cell that this worker trains; made if the sweep could not."""
    tags = {TYPE: "cell", SWEEP: told.sweep, CELL: told.cell}
    found = client.found(tags)
    if found:
        return found[0]
    above = client.found({TYPE: "sweep", SWEEP: told.sweep})
    parent = above[0].info.run_id if above else None
    run = client.begin(f"cell {told.cell[:12]}", tags, parent)
    return client.mlflow.get_run(run)


def _cell_tags(facts: CellFacts) -> dict[str, Any]:
    return {
        TYPE: "cell",
        SWEEP: facts.run,
        CELL: facts.cell,
        "cvn.symbol": facts.symbol,
        "cvn.fold": facts.fold,
        "cvn.variant": facts.variant,
        "cvn.attempt": facts.attempt,
    }
