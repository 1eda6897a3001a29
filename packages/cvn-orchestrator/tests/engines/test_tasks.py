"""Which task is next."""

from __future__ import annotations

from cvn_orchestrator.engines.contract import Task
from cvn_orchestrator.engines.tasks import Tasks


def tasks(*names: str) -> list[Task]:
    """Return tasks named by symbol, fold and variant: ``A1x``."""
    return [Task(name, name[0], int(name[1]), name[2]) for name in names]


def drained(queue: Tasks, worker: int = 0) -> list[str]:
    found = []
    while (task := queue.take(worker)) is not None:
        found.append(task.cell)
        queue.ended(task)
    return found


def test_one_worker_goes_group_by_group() -> None:
    assert drained(Tasks(tasks("A1x", "B1x", "A1y", "A2x", "B1y"))) == [
        "A1x", "A1y", "B1x", "B1y", "A2x"
    ]  # fmt: skip


def test_workers_keep_to_groups_of_their_own_as_long_as_there_are_any() -> None:
    queue = Tasks(tasks("A1x", "A1y", "A1z", "B1x", "C1x"))
    taken = [queue.take(worker) for worker in (0, 1, 0, 1, 1)]
    assert [task.cell for task in taken if task] == ["A1x", "B1x", "A1y", "C1x", "A1z"]


def test_the_fullest_group_is_shared_in_the_end() -> None:
    queue = Tasks(tasks("A1x", "A1y", "B1x", "B1y", "B1z"))
    first = [queue.take(worker) for worker in (0, 1)]
    assert [task.cell for task in first if task] == ["A1x", "B1x"]
    third = queue.take(2)
    assert third is not None
    assert third.cell == "B1y"


def test_a_task_that_is_to_be_alone_waits_for_all_others() -> None:
    queue = Tasks(tasks("A1x", "B1x"))
    first, second = queue.take(0), queue.take(1)
    assert first is not None
    assert second is not None
    queue.ended(first)
    queue.add(first, alone=True)
    assert queue.take(0) is None
    queue.add(second, alone=False)
    third = queue.take(0)
    assert third == second
    queue.ended(second)
    assert queue.take(1) == first
    assert queue.take(0) is None
    assert queue.n_running == 1


def test_whether_a_task_was_alone() -> None:
    queue = Tasks(tasks("A1x", "B1x", "C1x"))
    first = queue.take(0)
    second = queue.take(1)
    assert first is not None
    assert second is not None
    assert not queue.ended(first)
    assert not queue.ended(second), "the other ended before, and had begun beside it"
    third = queue.take(0)
    assert third is not None
    assert queue.ended(third)


def test_a_closed_queue_gives_nothing_and_still_counts() -> None:
    queue = Tasks(tasks("A1x", "A1y"))
    first = queue.take(0)
    queue.close()
    assert queue.take(0) is None
    assert (len(queue), queue.n_running) == (1, 1)
    assert first is not None
    queue.ended(first)
    assert queue.n_running == 0


def test_who_is_told() -> None:
    told: list[str] = []
    queue = Tasks(tasks("A1x", "A1y"), lambda task: told.append(task.cell))
    queue.take(0)
    assert told == ["A1x"]
