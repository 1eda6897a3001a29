"""Processes of this machine, one thread and memory budget for all of them.

Each worker is a process with a connection of its own: one that dies, whatever kills it, ends its
connection and costs the task that it ran. Workers end when this process does.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Generator
from contextlib import suppress
from multiprocessing.connection import Connection, Pipe, wait

from cvn_harness_core import OBSERVERS, Budget, worker_count
from cvn_orchestrator.engines.contract import Ended, EngineSettings, Task, Work
from cvn_orchestrator.engines.tasks import Tasks
from cvn_orchestrator.errors import SweepError

READY = "ready"
NATIVE_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""What NumPy's libraries go by: a task's threads, since sums depend on them, and not the share."""
SUPERVISOR = "CVN_SUPERVISOR"
"""Says to a search who sees its process die: a trial that kills it is not begun for ever."""
STDERR = 2
_EXITS_WITHIN_S = 10.0  # of a process whose connection has ended; a large core is written first
_LEAVES_WITHIN_S = 30.0  # besides what observers declare for the end of a process


class LocalEngine:
    """See the module. ``settings.n_workers`` is the most that are used."""

    def __init__(self, settings: EngineSettings) -> None:
        self._most = settings.n_workers
        if settings.address is not None:
            message = "the engine local has no address: it is this machine."
            raise SweepError("engine_failed", message)

    def n_workers(self, work: Work, n_tasks: int) -> int:
        """Return how many workers there would be; threads decide, memory does as tasks run."""
        limit = max(1, n_tasks if self._most is None else min(self._most, n_tasks))
        return worker_count(Budget.current(), work.n_threads, None, limit)

    def run(self, work: Work, tasks: Tasks) -> Generator[Ended, None, None]:
        """Run the tasks; see ``Engine``."""
        budget, held = Budget.current(), work.guessed_bytes
        measured = False
        most = self.n_workers(work, len(tasks))
        share = {
            **budget.share(min(most, budget.threads)),
            **dict.fromkeys(NATIVE_THREADS, str(work.n_threads)),
            SUPERVISOR: uuid.uuid4().hex,
        }
        workers = [_Worker(number, work, share) for number in range(most)]
        arrived: list[Ended] = []
        try:
            while True:
                allowed = worker_count(budget, work.n_threads, held, most)
                for worker in workers:
                    if worker.task is None and tasks.n_running < allowed:
                        worker.begin(tasks.take(worker.number))
                yield from arrived  # after workers have their next task: keeping a row takes time
                busy = [worker for worker in workers if worker.task is not None]
                if not busy and not arrived:
                    return
                ready = wait([worker.connection for worker in busy]) if busy else []
                ends = [w.collect(tasks) for w in busy if w.connection in ready]
                arrived = [ended for ended in ends if ended is not None]
                for peak in (ended.peak_bytes for ended in arrived):
                    if peak is not None:
                        held, measured = max(held, peak) if measured else peak, True
        finally:
            _end(workers)


class _Worker:
    """A process, its connection, and the task that it runs."""

    def __init__(self, number: int, work: Work, share: dict[str, str]) -> None:
        self.number = number
        self.task: Task | None = None
        self._work, self._share = work, share
        self._process: subprocess.Popen[bytes] | None = None
        self._ready = self._leaving = False
        self.connection: Connection

    def begin(self, task: Task | None) -> None:
        """Send a task, if there is one, to the process, which is started if there is none."""
        if task is None:
            return
        if self._process is not None and self._process.poll() is not None:
            self.connection.close()  # it died while it had nothing to do
            self._process, self._ready = None, False
        if self._process is None:
            self._start()
        self.task = task
        with suppress(OSError):  # it died meanwhile, which `collect` sees
            self.connection.send(task)

    def collect(self, tasks: Tasks) -> Ended | None:
        """Return what came of the task; None if the process has only told that it is ready.

        Raises SweepError ``engine_failed`` if it died before it was.
        """
        assert self.task is not None
        try:
            answer = self.connection.recv()
        except (EOFError, OSError):  # also in the middle of an answer
            return self._died(tasks)
        if answer == READY:
            self._ready = True
            return None
        task, self.task = self.task, None
        alone = tasks.ended(task)
        ended: Ended = answer
        return Ended(task, ended.row, None, alone, ended.peak_bytes, ended.n_cached)

    def dismiss(self) -> None:
        """Let the process end by itself, if it has nothing to do."""
        if self._process is not None and self.task is None:
            self._leaving = True
            self.connection.close()

    def end(self, deadline: float) -> None:
        """End the process, whatever it does; one that was dismissed has until so late."""
        if self._process is not None:
            if self._leaving:
                with suppress(subprocess.TimeoutExpired):
                    self._process.wait(max(0.0, deadline - time.monotonic()))
            self._process.kill()
            self._process.wait()
            self.connection.close()

    def _died(self, tasks: Tasks) -> Ended:
        assert self._process is not None
        assert self.task is not None
        try:
            code = self._process.wait(_EXITS_WITHIN_S)
        except subprocess.TimeoutExpired:  # it lives, and can no longer say what it did
            self._process.kill()
            code = self._process.wait()
        self.connection.close()
        self._process = None
        if not self._ready:
            message = f"a worker could not be started ({_how(code)}); standard error says why."
            raise SweepError("engine_failed", message)
        task, self.task, self._ready = self.task, None, False
        return Ended(task, None, _how(code), tasks.ended(task))

    def _start(self) -> None:
        self.connection, theirs = Pipe()
        command = [sys.executable, "-P", "-m", "cvn_orchestrator.engines.serve"]
        try:
            self._process = subprocess.Popen(  # noqa: S603
                [*command, str(theirs.fileno()), str(os.getpid())],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=STDERR,  # what a library prints is no output of ours
                process_group=0,
            )
        except OSError as error:
            message = f"a worker could not be started: {error}."
            raise SweepError("engine_failed", message) from error
        finally:
            theirs.close()
        with suppress(OSError):  # it died at once, which `collect` sees
            self.connection.send((sys.path, self._share))
            self.connection.send(self._work)


def _end(workers: list[_Worker]) -> None:
    """End all processes; those whose observers may have something to finish, by themselves."""
    deadline = time.monotonic() + OBSERVERS.at_exit + _LEAVES_WITHIN_S
    if OBSERVERS.at_exit:
        for worker in workers:
            worker.dismiss()
    for worker in workers:
        worker.end(deadline)


def _how(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"
