"""A sweep: every cell that has no result yet, on an engine, each row kept as it comes."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock, Timeout

from cvn_harness_core import OBSERVERS, CellFacts, Store, SweepFacts
from cvn_orchestrator.engines.contract import Ended, Engine, Task
from cvn_orchestrator.engines.tasks import Tasks
from cvn_orchestrator.errors import ResultsError, SweepError
from cvn_orchestrator.results.rows import CellRow
from cvn_orchestrator.results.sink import SUPERSEDED, Attempt, Sink
from cvn_orchestrator.sweep.cell import CellWork
from cvn_orchestrator.sweep.identity import Identity
from cvn_orchestrator.sweep.prepared import Cell, PreparedSweep
from cvn_orchestrator.sweep.row import OUT_OF_MEMORY, failed_row

_WORKER_DIED = "worker_died"
_ALONE = (_WORKER_DIED, OUT_OF_MEMORY)
"""What a cell failed with that is tried again with nothing beside it."""


class Stop:
    """Lets another (a signal's handler) say that no more cells are to be begun."""

    def __init__(self) -> None:
        self._tasks: Tasks | None = None
        self.asked = False

    def ask(self) -> None:
        """Begin no more cells; those in hand are finished."""
        self.asked = True
        if self._tasks is not None:
            self._tasks.close()

    def applies_to(self, tasks: Tasks) -> None:
        """Close these tasks when asked, or now if that was before."""
        self._tasks = tasks
        if self.asked:
            tasks.close()


@dataclass(frozen=True)
class SweepSettings:
    """How a sweep is run; no result depends on it.

    Parameters
    ----------
    store, remote
        The folder of the store that all cells share, and the URL of one that several machines do.
    work
        The folder of the sweep's own files: arrays, locks, the trials of searches under way.
    log
        How events are written to standard error, by workers too.
    told
        A folder in which workers note which observers' failures were told.
    retry_failed
        Whether cells that failed in an earlier call are tried again, however often they were.
    """

    store: Path
    work: Path
    log: Literal["off", "human", "json"] = "off"
    retry_failed: bool = False
    remote: str | None = None
    told: Path | None = None


def run_sweep(
    sweep: PreparedSweep,
    engine: Engine,
    sink: Sink,
    settings: SweepSettings,
    stop: Stop | None = None,
) -> SweepFacts:
    """Train and judge every cell that has no row yet, and return what there is in the end.

    The same plan on the same data is one run: called again, after whatever ended it, it goes on. A
    row is kept as soon as its cell has ended; trained artifacts are in the store before that. Each
    failed cell is tried again as often as the plan says; one whose worker died, or ran out of
    memory beside others, alone.

    Observers are told: ``cvn_sweep_started``, ``cvn_cell_started``, ``cvn_cell_done``,
    ``cvn_cell_failed``, ``cvn_sweep_done``.

    Raises
    ------
    SweepError
        ``sweep_busy`` if another process on this machine runs it; ``engine_failed``.
    StoreError
        If the store, or its remote, cannot be used.
    ResultsError
        If rows cannot be kept.
    """
    identity = Identity(sweep)
    stop = stop or Stop()
    with _held(settings.work, identity.run):
        Store(settings.store, remote=settings.remote)  # what is wrong with it is told before work
        sink.begin(identity.row())
        loop = _Loop(sweep, engine, sink, settings, identity, stop)
        return loop.run()


class _Loop:
    def __init__(
        self,
        sweep: PreparedSweep,
        engine: Engine,
        sink: Sink,
        settings: SweepSettings,
        identity: Identity,
        stop: Stop,
    ) -> None:
        self._sweep, self._engine, self._sink, self._stop = sweep, engine, sink, stop
        self._run, self._retries = identity.run, sweep.plan.retries
        self._versions = {v.name: identity.versions(v.name) for v in sweep.plan.variants}
        studies = settings.work / "studies" / identity.run
        self._work = CellWork(
            sweep,
            identity.run,
            settings.store,
            studies,
            settings.remote,
            settings.log,
            settings.told,
        )
        attempts = sink.attempts(identity.run)
        self._states: dict[str, str] = {}
        self._tasks = Tasks(on_start=self._begun)
        for cell in _dearest_first(sweep):
            digest = identity.cell(cell)
            state, attempt, code = attempts.get(digest, Attempt("open", 0))
            again = settings.retry_failed or attempt <= self._retries
            if state in ("open", SUPERSEDED) or (state == "failed" and again):
                task = Task(digest, cell.symbol, cell.fold, cell.variant, attempt + 1)
                self._tasks.add(task, alone=code in _ALONE)
                state = "open"
            self._states[digest] = state
        self._begun_at: dict[Task, float] = {}
        self._n_workers = engine.n_workers(self._work, len(self._tasks))

    def run(self) -> SweepFacts:
        """Run until nothing waits, or stop is asked for."""
        OBSERVERS.notify("cvn_sweep_started", sweep=self._facts())
        self._stop.applies_to(self._tasks)
        try:
            if len(self._tasks):
                with closing(self._engine.run(self._work, self._tasks)) as ends:
                    for ended in ends:
                        self._end(ended)
        finally:
            open_yet = bool(len(self._tasks) or self._tasks.n_running)
            facts = self._facts(interrupted=open_yet)
            OBSERVERS.notify("cvn_sweep_done", sweep=facts)
        if facts.n_done == facts.n_cells:
            shutil.rmtree(self._work.studies, ignore_errors=True)
        return facts

    def _begun(self, task: Task) -> None:
        self._begun_at[task] = time.perf_counter()
        OBSERVERS.notify("cvn_cell_started", cell=CellFacts(**self._who(task), state="running"))

    def _end(self, ended: Ended) -> None:
        task = ended.task
        row = self._row(ended, time.perf_counter() - self._begun_at.pop(task))
        again = row.state == "failed" and task.attempt <= self._retries
        try:
            self._sink.write([row])
        except ResultsError as error:
            if error.code != "results_invalid":
                raise
            row = failed_row(self._run, task, error, row.seconds)
            self._sink.write([row])
        self._states[task.cell] = "open" if again else row.state
        if again:
            next_one = Task(task.cell, task.symbol, task.fold, task.variant, task.attempt + 1)
            self._tasks.add(next_one, alone=row.error_code in _ALONE)
        hook = "cvn_cell_done" if row.state == "done" else "cvn_cell_failed"
        OBSERVERS.notify(hook, cell=self._told(ended, row, again=again))

    def _row(self, ended: Ended, seconds: float) -> CellRow:
        if ended.row is not None:
            return self._with_versions(ended.row)
        beside = "" if ended.alone else ", while others ran beside it"
        message = (
            f"the worker died ({ended.died}){beside}: a library crashed, or the system was out of "
            "memory; its log and `dmesg` say more."
        )
        return failed_row(self._run, ended.task, SweepError(_WORKER_DIED, message), seconds)

    def _with_versions(self, row: CellRow) -> CellRow:
        """Return a done row with all that it depends on; what its worker had comes first."""
        if row.state != "done":
            return row
        versions = {**self._versions[row.variant], **row.facts.get("versions", {})}
        return replace(row, facts={**row.facts, "versions": versions})

    def _told(self, ended: Ended, row: CellRow, *, again: bool) -> CellFacts:
        return CellFacts(
            **self._who(ended.task),
            state=row.state,
            retried=again,
            seconds=row.seconds,
            cache_hit=row.cache_hit,
            n_cached=ended.n_cached,
            peak_bytes=ended.peak_bytes,
            tradability=row.tradability,
            error_code=row.error_code,
            error_message=row.error_message,
        )

    def _who(self, task: Task) -> dict[str, Any]:
        return {
            "run": self._run,
            "cell": task.cell,
            "symbol": task.symbol,
            "fold": task.fold,
            "variant": task.variant,
            "attempt": task.attempt,
        }

    def _facts(self, *, interrupted: bool = False) -> SweepFacts:
        states = list(self._states.values())
        return SweepFacts(
            run=self._run,
            name=self._sweep.plan.name,
            n_cells=len(states),
            n_done=states.count("done"),
            n_failed=states.count("failed"),
            n_workers=self._n_workers,
            interrupted=interrupted,
        )


def _dearest_first(sweep: PreparedSweep) -> list[Cell]:
    """Return the cells, those of most training rows first: what is left for the end is short."""
    rows = {(facts.symbol, facts.fold): facts.train.rows for facts in sweep.survey.facts}
    return sorted(sweep.cells, key=lambda cell: -rows[cell.symbol, cell.fold])


@contextmanager
def _held(work: Path, run: str) -> Iterator[None]:
    """Hold the run on this machine: the kernel lets go of it if this process dies."""
    work.mkdir(parents=True, exist_ok=True)
    lock = FileLock(work / f"{run}.lock", fallback_to_soft=False)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        message = (
            f"another process runs this sweep ({run[:12]}, lock {lock.lock_file}); wait for it, or "
            "end it."
        )
        raise SweepError("sweep_busy", message) from None
    try:
        yield
    finally:
        lock.release()
