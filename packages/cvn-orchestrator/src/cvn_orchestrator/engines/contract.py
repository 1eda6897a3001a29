"""What an engine is given, and what it gives back. An engine knows nothing of trading.

An engine is a plugin: an entry point of the group ``cvn_orchestrator.engines.v1`` names a callable
that takes ``EngineSettings`` and returns an ``Engine``.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from cvn_harness_core import InputError

if TYPE_CHECKING:
    from cvn_orchestrator.engines.tasks import Tasks
    from cvn_orchestrator.results.rows import CellRow


@dataclass(frozen=True)
class EngineSettings:
    """What the user says of an engine.

    Parameters
    ----------
    n_workers
        The most tasks at once; None for as many as cores and memory allow.
    address
        Of a cluster; None for this machine.

    Raises InputError ``setting_invalid`` for fewer than one worker.
    """

    n_workers: int | None = None
    address: str | None = None

    def __post_init__(self) -> None:
        if self.n_workers is not None and self.n_workers < 1:
            message = f"{self.n_workers} workers: give 1 or more, or none for as many as fit."
            raise InputError("setting_invalid", message)


@dataclass(frozen=True)
class Task:
    """One cell, to be trained and judged.

    ``cell`` is the digest of what it depends on; tasks of one symbol and fold share their data.
    ``attempt`` counts from 1.
    """

    cell: str
    symbol: str
    fold: int
    variant: str
    attempt: int = 1

    @property
    def group(self) -> tuple[str, int]:
        """What its data are."""
        return self.symbol, self.fold


@dataclass(frozen=True, eq=False)
class Ended:
    """A task that ended.

    Parameters
    ----------
    task
        Which.
    row
        What became of the cell; None if its worker died.
    died
        How the worker died (``SIGSEGV``, ``exit code 3``).
    alone
        Whether no other task ran beside it at any time.
    peak_bytes
        The most memory that its process held above what it held before; None if unknown.
    n_cached
        Trainings and folds that were found in the store.
    """

    task: Task
    row: CellRow | None
    died: str | None = None
    alone: bool = False
    peak_bytes: int | None = None
    n_cached: int = 0


Run = Callable[[Task], Ended]
"""Runs one task in a worker; never raises for what a task does."""


class Work(Protocol):
    """What workers do. It is pickled once for each worker."""

    @property
    def n_threads(self) -> int:
        """Threads of one task."""

    @property
    def guessed_bytes(self) -> int:
        """What a task may hold, until one has been measured."""

    @property
    def folders(self) -> tuple[Path, ...]:
        """Folders that workers on other machines must see as well, under the same names."""

    def open(self) -> AbstractContextManager[Run]:
        """Return, in a worker, what runs its tasks one after another."""


class Engine(Protocol):
    """Runs tasks in processes of their own."""

    def n_workers(self, work: Work, n_tasks: int) -> int:
        """Return how many tasks may run at once."""

    def run(self, work: Work, tasks: Tasks) -> Generator[Ended, None, None]:
        """Run what ``tasks`` gives until it has no more, and yield each as it ends.

        A worker that dies costs the task that it ran, and is replaced. Closing the iterator ends
        all workers at once.

        Raises SweepError ``engine_failed`` if workers cannot be started.
        """
