"""The local engine: what it runs at once, and what becomes of workers that cannot start."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

from cvn_harness_core import InputError
from cvn_orchestrator.engines.choice import engine_of
from cvn_orchestrator.engines.contract import Ended, Engine, EngineSettings, Run, Task
from cvn_orchestrator.engines.tasks import Tasks
from cvn_orchestrator.errors import SweepError

from .rows import done

TASKS = [Task(f"{symbol}{number}", symbol, 1, str(number)) for symbol in "AB" for number in (1, 2)]


@dataclass(frozen=True)
class Napping:
    """Work whose tasks take a while, and note when; ``held`` is what each says that it held."""

    folder: Path
    n_threads: int = 1
    guessed_bytes: int = 0
    held: int | None = 0
    fails: bool = False
    nap: float = 1.5

    @contextmanager
    def open(self) -> Iterator[Run]:
        """Return what notes when a task ran, and the share of the budget that it saw."""
        if self.fails:
            message = "this worker cannot start"
            raise RuntimeError(message)

        def run(task: Task) -> Ended:
            started = time.time()
            time.sleep(self.nap)
            said = f"{started} {time.time()} {os.environ['CVN_THREADS']} {os.getpid()}"
            (self.folder / task.cell).write_text(said)
            return Ended(task, done(task), peak_bytes=self.held)

        yield run


def local(n_workers: int | None = None) -> Engine:
    return engine_of("local", EngineSettings(n_workers))


def spans(folder: Path) -> dict[str, tuple[float, float]]:
    return {
        task.cell: (float(words[0]), float(words[1]))
        for task in TASKS
        for words in [(folder / task.cell).read_text().split()]
    }


def overlap(a: tuple[float, float], b: tuple[float, float]) -> bool:
    return a[0] < b[1] and b[0] < a[1]


@pytest.fixture(autouse=True)
def _two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand on two cores, whatever the machine has; skip where there is one."""
    if (os.cpu_count() or 1) < 2:
        pytest.skip("one core runs one task at a time")
    monkeypatch.setenv("CVN_THREADS", "2")
    monkeypatch.syspath_prepend(Path(__file__).parents[2])  # workers import this module


def test_a_task_a_core_each_with_its_share_of_the_threads(tmp_path: Path) -> None:
    ends = list(local().run(Napping(tmp_path), Tasks(TASKS)))
    assert sorted(ended.task.cell for ended in ends) == ["A1", "A2", "B1", "B2"]
    when = spans(tmp_path)
    assert overlap(when["A1"], when["B1"])
    words = [(tmp_path / task.cell).read_text().split() for task in TASKS]
    assert {word[2] for word in words} == {"1"}
    assert words[0][3] == words[1][3], "a symbol and fold keep to one process"
    assert words[0][3] != words[2][3]


def test_threads_of_a_task_are_counted(tmp_path: Path) -> None:
    assert local().n_workers(Napping(tmp_path, n_threads=2), 9) == 1
    assert local().n_workers(Napping(tmp_path, n_threads=1), 9) == 2
    assert local(1).n_workers(Napping(tmp_path), 9) == 1
    assert local(7).n_workers(Napping(tmp_path), 9) == 2
    assert local().n_workers(Napping(tmp_path), 1) == 1


def test_memory_decides_until_it_is_measured(tmp_path: Path) -> None:
    work = Napping(tmp_path, guessed_bytes=1 << 60, held=1, nap=4.0)  # longer than a start takes
    list(local().run(work, Tasks(TASKS)))
    when = spans(tmp_path)
    first = min(when, key=lambda cell: when[cell])
    others = [cell for cell in when if cell != first]
    assert not any(overlap(when[first], when[cell]) for cell in others)
    assert any(overlap(when[a], when[b]) for a in others for b in others if a != b)


def test_memory_that_was_measured_decides(tmp_path: Path) -> None:
    list(local().run(Napping(tmp_path, held=1 << 60), Tasks(TASKS)))
    when = sorted(spans(tmp_path).values())
    assert overlap(when[0], when[1])  # nothing was measured yet
    assert not any(overlap(a, b) for a, b in pairwise(when[1:]))


def test_a_worker_that_cannot_start(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SweepError, match=r"could not be started \(exit code 1\)") as raised:
        list(local().run(Napping(tmp_path, fails=True), Tasks(TASKS)))
    assert raised.value.code == "engine_failed"
    assert "this worker cannot start" in capfd.readouterr().err


def test_closing_ends_the_workers(tmp_path: Path) -> None:
    ends = local().run(Napping(tmp_path), Tasks(TASKS))
    next(ends)
    ends.close()
    time.sleep(2.0)
    assert len(list(tmp_path.iterdir())) <= 2


def test_settings_that_cannot_be() -> None:
    with pytest.raises(InputError, match="0 workers"):
        EngineSettings(0)
    with pytest.raises(SweepError, match="no address"):
        engine_of("local", EngineSettings(address="10.0.0.1:6379"))
