"""Actors of a Ray cluster, one a slot; without an address the cluster is this machine.

The nodes' processors decide how many there are: an actor reserves the threads of one task, and no
memory. Ray may end an actor on a node that runs out of it, which costs the task that it ran.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from cvn_harness_core import Budget, worker_count
from cvn_orchestrator.engines.contract import Ended, EngineSettings, Task, Work
from cvn_orchestrator.engines.ray_actor import Place, Slot
from cvn_orchestrator.engines.ray_cluster import Cluster, ray
from cvn_orchestrator.engines.tasks import Tasks
from cvn_orchestrator.errors import SweepError

_PATIENCE_S = 0.5
_END_S = 5.0


class RayEngine:
    """See the module. ``settings.n_workers`` is the most that are used."""

    def __init__(self, settings: EngineSettings) -> None:
        self._most, self._address = settings.n_workers, settings.address
        self._cluster: Cluster | None = None

    def n_workers(self, work: Work, n_tasks: int) -> int:
        """Return how many actors there would be; connects to the cluster, if there is an address.

        Raises SweepError ``engine_failed`` if there is no cluster, or none of its nodes has the
        processors that a task needs.
        """
        limit = max(1, n_tasks if self._most is None else min(self._most, n_tasks))
        if self._address is None:
            return worker_count(Budget.current(), work.n_threads, None, limit)
        if not n_tasks:
            return 1
        if self._cluster is None:
            self._cluster = Cluster.join(self._address)
        slots = self._cluster.slots(work.n_threads)
        if not slots:
            message = f"no node of the cluster has the {work.n_threads} processors of one task."
            raise SweepError("engine_failed", message)
        return min(limit, slots)

    def run(self, work: Work, tasks: Tasks) -> Generator[Ended, None, None]:
        """Run the tasks; see ``Engine``."""
        most = self.n_workers(work, len(tasks))
        cluster = self._cluster or Cluster.start(most * work.n_threads)
        try:
            with _marked(work.folders) as place:
                slots = [_Slot(number, work, place) for number in range(most)]
                try:
                    yield from _run(slots, tasks)
                    cluster.wait_for_lines(_end(slots))
                finally:
                    for slot in slots:
                        slot.kill()
        finally:
            self._cluster = None
            cluster.leave()


def _run(slots: list[_Slot], tasks: Tasks) -> Iterator[Ended]:
    while True:
        for slot in slots:
            if slot.ready and slot.task is None:
                slot.begin(tasks.take(slot.number))
        if not tasks.n_running and (not tasks.is_open or any(slot.ready for slot in slots)):
            return  # an idle slot was given nothing: there is nothing
        waiting = {slot.answer: slot for slot in slots if slot.answer is not None}
        arrived, _ = ray.wait(list(waiting), num_returns=1, timeout=_PATIENCE_S)
        for answer in arrived:
            ended = waiting[answer].collect(tasks)
            if ended is not None:
                yield ended


def _end(slots: list[_Slot]) -> int:
    """Let idle actors close their work; return how many did."""
    answers = [slot.actor.end.remote() for slot in slots if slot.ready and slot.task is None]
    ended, _ = ray.wait(answers, num_returns=len(answers), timeout=_END_S) if answers else ([], [])
    return len(ended)


class _Slot:
    """An actor, and the task that it runs."""

    def __init__(self, number: int, work: Work, place: Place) -> None:
        self.number = number
        self.task: Task | None = None
        self.actor: Any
        self.answer: Any
        self._work, self._place = work, place
        self._start()

    def begin(self, task: Task | None) -> None:
        """Give the actor a task, if there is one."""
        if task is not None:
            self.task = task
            self.answer = self.actor.run.remote(task)

    def collect(self, tasks: Tasks) -> Ended | None:
        """Return what came of the task; None if the actor has only told that it is ready.

        Raises SweepError ``engine_failed`` if it cannot be.
        """
        answer, self.answer = self.answer, None
        task, self.task = self.task, None
        try:
            said = ray.get(answer)
        except ray.exceptions.RayError as error:
            if task is None:
                message = f"an actor could not be started: {_how(error)}"
                raise SweepError("engine_failed", message) from error
            self.kill()
            self._start()
            return Ended(task, None, _how(error), tasks.ended(task))
        if task is not None:
            ended: Ended = said
            alone = tasks.ended(task)
            return Ended(task, ended.row, None, alone, ended.peak_bytes, ended.n_cached)
        if said is not None:
            message = (
                f"an actor could not be started: on its machine, {said}. Every machine of the "
                "cluster must see the current folder, --work and --store, under the same names."
            )
            raise SweepError("engine_failed", message)
        self.ready = True
        return None

    def kill(self) -> None:
        """End the actor, whatever it does."""
        ray.kill(self.actor, no_restart=True)

    def _start(self) -> None:
        n_threads = self._work.n_threads
        actors: Any = ray.remote(num_cpus=n_threads, max_restarts=0, max_task_retries=0)(Slot)
        self.ready = False
        self.actor = actors.remote(n_threads)
        self.answer = self.actor.begin.remote(self._work, self._place)


@contextmanager
def _marked(folders: Iterable[Path]) -> Iterator[Place]:
    """Make the folders, and put a file into each for as long as the block lasts."""
    with ExitStack() as stack:
        marks = []
        for folder in folders:
            folder.mkdir(parents=True, exist_ok=True)
            new = NamedTemporaryFile(prefix=".cvn-seen-", dir=folder.absolute())  # noqa: SIM115
            marks.append(stack.enter_context(new).name)
        yield Place(str(Path.cwd()), tuple(marks))


def _how(error: Exception) -> str:
    """Return in a line what Ray says of an actor's end, without its guesses."""
    if isinstance(error, ray.exceptions.RayTaskError):
        return f"{type(error.cause).__name__}: {error.cause}"
    said = " ".join(str(error).split())
    detail = re.search(r"Worker exit detail: (.*?)(?= Some common causes|$)", said)
    return detail[1] if detail else said
