"""Processes of this machine, one thread and memory budget for all of them.

Each worker is a process with a connection of its own: one that dies, whatever kills it, costs the
task that it ran. Its connection ends with it, unless a process that it forked holds that open, so
processes are looked at too. Workers end when this process does.
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
_LOOKS_EVERY_S = 1.0
_DEATHS_IN_A_ROW = 3  # of workers that were not ready yet: there will be no other
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
        starts = _Starts()
        workers = [_Worker(number, work, share, starts) for number in range(most)]
        arrived: list[Ended] = []
        try:
            while True:
                allowed = worker_count(budget, work.n_threads, held, most)
                for worker in workers:
                    if worker.task is None and tasks.n_running < allowed and not starts.fault:
                        worker.begin(tasks.take(worker.number))
                yield from arrived  # after workers have their next task: keeping a row takes time
                if starts.fault:
                    raise SweepError("engine_failed", starts.fault)
                busy = [worker for worker in workers if worker.task is not None]
                if not busy and not arrived:
                    return
                ends = [worker.collect(tasks) for worker in _heard(busy)]
                arrived = [ended for ended in ends if ended is not None]
                for peak in (ended.peak_bytes for ended in arrived):
                    if peak is not None:
                        held, measured = max(held, peak) if measured else peak, True
        finally:
            _end(workers)


class _Starts:
    """What became of all workers' starts.

    ``fault`` says why there will be no other: none was ever ready, or several in a row died before
    they were.
    """

    def __init__(self) -> None:
        self.fault: str | None = None
        self._any_ready = False
        self._in_a_row = 0

    def succeeded(self) -> None:
        self._any_ready, self._in_a_row = True, 0

    def failed(self, how: str) -> None:
        self._in_a_row += 1
        if not self._any_ready or self._in_a_row == _DEATHS_IN_A_ROW:
            self.fault = (
                f"a worker could not be started ({how}); what it said is on standard error."
            )


class _Worker:
    """A process, its connection, and the task that it runs."""

    def __init__(self, number: int, work: Work, share: dict[str, str], starts: _Starts) -> None:
        self.number = number
        self.task: Task | None = None
        self._work, self._share, self._starts = work, share, starts
        self._process: subprocess.Popen[bytes] | None = None
        self._refused = ""  # what the system said instead of starting one
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

    def is_dead(self) -> bool:
        """Return whether there is no process, or none that still runs."""
        return self._process is None or self._process.poll() is not None

    def collect(self, tasks: Tasks) -> Ended | None:
        """Return what came of the task.

        None if the process has only told that it is ready, or if its death is the fault of
        ``starts``, and not the task's.
        """
        assert self.task is not None
        if self.is_dead():  # all that it said is here, and an end may never come
            os.set_blocking(self.connection.fileno(), False)
        try:
            answer = self.connection.recv()
        except (EOFError, OSError):  # also in the middle of an answer
            return self._died(tasks)
        if answer == READY:
            self._ready = True
            self._starts.succeeded()
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

    def kill(self) -> None:
        """Kill the process, unless it was dismissed."""
        if self._process is not None and not self._leaving:
            self._process.kill()

    def end(self, deadline: float) -> None:
        """Wait until the process has ended; one that was dismissed is killed if it is so late."""
        if self._process is not None:
            if self._leaving:
                with suppress(subprocess.TimeoutExpired):
                    self._process.wait(max(0.0, deadline - time.monotonic()))
            self._process.kill()
            self._process.wait()
            self.connection.close()

    def _died(self, tasks: Tasks) -> Ended | None:
        assert self.task is not None
        how = self._end_of_process()
        self.connection.close()
        if not self._ready:
            self._starts.failed(how)
            if self._starts.fault:
                return None
        task, self.task, self._ready = self.task, None, False
        return Ended(task, None, how, tasks.ended(task))

    def _end_of_process(self) -> str:
        if self._process is None:
            return self._refused
        try:
            code = self._process.wait(_EXITS_WITHIN_S)
        except subprocess.TimeoutExpired:  # it lives, and can no longer say what it did
            self._process.kill()
            code = self._process.wait()
        self._process = None
        return _how(code)

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
        except OSError as error:  # its connection has ended, which `collect` sees
            self._refused = str(error)
        finally:
            theirs.close()
        with suppress(OSError):  # it died at once, which `collect` sees
            self.connection.send((sys.path, self._share))
            self.connection.send(self._work)


def _heard(busy: list[_Worker]) -> list[_Worker]:
    """Wait until workers say something, or have died without a word, and return them."""
    while busy:
        ready = wait([worker.connection for worker in busy], _LOOKS_EVERY_S)
        heard = [w for w in busy if w.connection in ready or w.is_dead()]
        if heard:
            return heard
    return []


def _end(workers: list[_Worker]) -> None:
    """End all processes; those whose observers may have something to finish, by themselves."""
    deadline = time.monotonic() + OBSERVERS.at_exit + _LEAVES_WITHIN_S
    if OBSERVERS.at_exit:
        for worker in workers:
            worker.dismiss()
    for worker in workers:
        worker.kill()
    for worker in workers:
        worker.end(deadline)


def _how(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"
