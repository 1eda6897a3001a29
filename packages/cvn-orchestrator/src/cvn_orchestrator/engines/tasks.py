"""Which task is next: tasks that share their data go to one worker, one after another."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

from cvn_orchestrator.engines.contract import Task

Group = tuple[str, int]


class Tasks:
    """Tasks that were not begun yet.

    Tasks of a group (a symbol and a fold) share data and fits, so a worker stays with its group, a
    new one takes a group that nobody works on, and only at the end do two share one. A task that is
    to run alone (its worker died) waits until nothing else is left.
    """

    def __init__(
        self, tasks: Iterable[Task] = (), on_start: Callable[[Task], None] | None = None
    ) -> None:
        self._groups: dict[Group, deque[Task]] = {}
        self._at: dict[int, Group] = {}
        self._alone: deque[Task] = deque()
        self._running: dict[Task, bool] = {}
        self._open = True
        self._on_start = on_start
        for task in tasks:
            self.add(task)

    def __len__(self) -> int:
        return sum(map(len, self._groups.values())) + len(self._alone)

    @property
    def n_running(self) -> int:
        """How many tasks were given and did not end."""
        return len(self._running)

    @property
    def is_open(self) -> bool:
        """Whether tasks are given at all."""
        return self._open

    def take(self, worker: int) -> Task | None:
        """Return the next task for a worker, by its number; None if there is none for now."""
        task = self._next(worker) if self._open else None
        if task is not None:
            for other in self._running:
                self._running[other] = False
            self._running[task] = not self._running
            if self._on_start is not None:
                self._on_start(task)
        return task

    def ended(self, task: Task) -> bool:
        """Note that a task ended; return whether no other ran beside it at any time."""
        return self._running.pop(task)

    def add(self, task: Task, *, alone: bool = False) -> None:
        """Add a task, or one that is to be tried again: after the others of its group, or alone."""
        if alone:
            self._alone.append(task)
        else:
            self._groups.setdefault(task.group, deque()).append(task)

    def close(self) -> None:
        """Give no more tasks; those that run may end."""
        self._open = False

    def _next(self, worker: int) -> Task | None:
        waiting = {group: tasks for group, tasks in self._groups.items() if tasks}
        if not waiting:
            return self._alone.popleft() if self._alone and not self._running else None
        group = self._at.get(worker)
        if group not in waiting:
            busy = set(self._at.values())
            free = [other for other in waiting if other not in busy]
            group = free[0] if free else max(waiting, key=lambda other: len(waiting[other]))
            self._at[worker] = group
        return self._groups[group].popleft()
