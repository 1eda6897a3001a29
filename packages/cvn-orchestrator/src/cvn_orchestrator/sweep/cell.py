"""What a worker does with a cell: map its data, train its variant through the store, judge it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from cvn_harness_core import (
    OBSERVERS,
    Datasets,
    Event,
    Store,
    hookimpl,
    peak_memory,
)
from cvn_orchestrator.engines.contract import Ended, Run, Task
from cvn_orchestrator.observers.rejections import log_as
from cvn_orchestrator.plan.variants import Variant
from cvn_orchestrator.results.rows import CellRow
from cvn_orchestrator.sweep.identity import costs_of
from cvn_orchestrator.sweep.prepared import PreparedSweep
from cvn_orchestrator.sweep.row import done_row, failed_row

_LIBRARIES = 512 << 20
_COPIES = 6
"""What a fit is taken to hold before one was measured: the libraries, and its rows some times."""

CELL = "CVN_CELL"
"""Tells a worker's observers, in its environment, what it trains: ``SWEEP/CELL/NAME``."""


@dataclass(frozen=True)
class CellWork:
    """The work of a sweep's workers.

    Parameters
    ----------
    sweep, run
        The plan bound to its data, and the run's digest.
    store, remote
        Where artifacts are shared, on this machine and, if there is a URL, by several.
    studies
        Where the trials of searches are kept, a file a cell, so that a search that was killed goes
        on; a search with a storage of its own is kept there.
    log
        How events are written to standard error.
    told
        A folder in which the failures of observers are noted that were told.
    """

    sweep: PreparedSweep
    run: str
    store: Path
    studies: Path
    remote: str | None = None
    log: Literal["off", "human", "json"] = "off"
    told: Path | None = None

    @property
    def n_threads(self) -> int:
        """Threads of a fit: the plan's."""
        return self.sweep.plan.threads

    @property
    def guessed_bytes(self) -> int:
        """What a fit may hold, until one was measured."""
        sizes = (p.stat().st_size for p in self.sweep.table.folder.glob("*/X.npy"))
        return _LIBRARIES + _COPIES * max(sizes, default=0)

    @property
    def folders(self) -> tuple[Path, ...]:
        """Where the arrays, the artifacts and the trials are."""
        return self.sweep.table.folder.parent, self.store, self.studies

    @contextmanager
    def open(self) -> Iterator[Run]:
        """Return what trains cells one after another; those of one symbol and fold share data."""
        if self.log != "off" or self.told is not None:  # a program that sweeps has its own log
            log_as(self.log, self.told)
        import_what_trains()
        worker = _Worker(self)
        with OBSERVERS.including("cvn-cell", worker):
            yield worker.run


def import_what_trains() -> None:
    """Import what every training needs, so that no cell's time and memory hold it."""
    import sklearn.metrics  # noqa: F401

    from cvn_harness_core import train_ensemble  # noqa: F401  with all that it needs


class _Worker:
    def __init__(self, work: CellWork) -> None:
        self._work = work
        self._store = Store(work.store, remote=work.remote, sync=False)
        self._at: tuple[str, int] | None = None
        self._datasets: Datasets
        self._n_cached = 0

    def run(self, task: Task) -> Ended:
        """Train a cell and return its row; whatever is raised becomes the row of a failed cell."""
        self._n_cached = 0
        started = time.perf_counter()
        with peak_memory() as peak:
            try:
                with self._told(task):
                    row = self._row(task, started)
            except BaseException as error:  # noqa: BLE001  a plugin may raise anything
                row = failed_row(self._work.run, task, error, time.perf_counter() - started)
        return Ended(
            task,
            row,
            peak_bytes=peak.growth_bytes,
            n_cached=self._n_cached,
        )

    @hookimpl
    def cvn_event(self, event: Event) -> None:
        """Count what was found in the store."""
        self._n_cached += event.event == "cache_hit"

    @contextmanager
    def _told(self, task: Task) -> Iterator[None]:
        """Name the run's digest, the cell's, and the model or ensemble that it is about."""
        trains = self._work.sweep.plan.variant(task.variant).trains
        os.environ[CELL] = f"{self._work.run}/{task.cell}/{trains}"
        try:
            yield
        finally:
            os.environ.pop(CELL, None)

    def _row(self, task: Task, started: float) -> CellRow:
        work, plan = self._work, self._work.sweep.plan
        if self._at != task.group:
            self._at = None
            self._datasets = work.sweep.datasets(*task.group)
            self._at = task.group
        variant = self._with_studies(plan.variant(task.variant), task)
        outcome = variant.train(self._datasets, self._store)
        return done_row(
            work.run,
            task,
            outcome,
            self._datasets,
            costs_of(plan),
            time.perf_counter() - started,
        )

    def _with_studies(self, variant: Variant, task: Task) -> Variant:
        """Return the variant with a file for the trials of each search that has no storage."""
        sweep = self._work.sweep
        number = sweep.symbols.index(task.symbol)
        which = [known.name for known in sweep.plan.variants].index(variant.name)
        path = self._work.studies / f"{number:05d}-{task.fold}-{which}.journal"
        kept = {
            name: replace(own, storage=str(path)) if own.n_trials and own.storage is None else own
            for name, own in variant.hpo_params.items()
        }
        if any(own.n_trials for own in kept.values()):
            path.parent.mkdir(parents=True, exist_ok=True)
        return replace(variant, hpo_params=kept)
