"""Workers of the local engine that die: as they start, with a fork alive, with an answer sent."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from cvn_harness_core import OBSERVERS, SweepFacts
from cvn_orchestrator.engines.choice import engine_of
from cvn_orchestrator.engines.contract import Ended, EngineSettings, Run, Task
from cvn_orchestrator.engines.tasks import Tasks
from cvn_orchestrator.errors import SweepError

from .rows import done

LONG_S = 60.0
Do = Callable[[Path], None]


@dataclass(frozen=True)
class Doing:
    """Work whose tasks do what is said for them by the cell's name.

    ``refusing`` are the starts, counted from 1, of workers that die before they are ready.
    """

    folder: Path
    does: dict[str, Do] = field(default_factory=dict)
    refusing: tuple[int, ...] = ()
    leaves: Do | None = None
    n_threads: int = 1
    guessed_bytes: int = 0

    @property
    def folders(self) -> tuple[Path, ...]:
        """None beyond this machine."""
        return ()

    @contextmanager
    def open(self) -> Iterator[Run]:
        """Return what runs a task, unless this start is refused."""
        (self.folder / f"start-{os.getpid()}").touch()
        if len(list(self.folder.glob("start-*"))) in self.refusing:
            os._exit(7)

        def run(task: Task) -> Ended:
            (self.folder / task.cell).write_text(str(os.getpid()))
            if task.cell in self.does:
                self.does[task.cell](self.folder)
            return Ended(task, done(task))

        try:
            yield run
        finally:
            if self.leaves is not None:
                self.leaves(self.folder)


def wait_until(holds: Callable[[], bool], seconds: float = LONG_S) -> None:
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.02)


def die(_: Path) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def die_when_the_other_runs(folder: Path) -> None:
    wait_until((folder / "A1").exists)
    die(folder)


def run_until_told(folder: Path) -> None:
    wait_until((folder / "go").exists)


def die_with_a_fork_alive(folder: Path) -> None:
    """Fork as a native library does, without a word to Python, and die."""
    child = ctypes.PyDLL(None).fork()
    if child == 0:
        time.sleep(LONG_S)
        os._exit(0)
    (folder / "child").write_text(str(child))
    die(folder)


def fork(folder: Path) -> None:
    """Note whether a forked process lacks the descriptor of the worker's connection."""
    if os.fork() == 0:
        try:
            os.fstat(int(sys.argv[1]))
        except OSError:
            (folder / "closed").touch()
        os._exit(0)
    os.wait()


def leave_after_the_other(folder: Path) -> None:
    """Note whether the worker of B1 was ended before that of A1 has left."""
    if (folder / "A1").read_text() == str(os.getpid()):
        other = int((folder / "B1").read_text())
        with suppress(AssertionError):
            wait_until(lambda: not runs(other), 15.0)
            (folder / "ended before").touch()


def runs(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def run(work: Doing, n_workers: int, *cells: str) -> Generator[Ended, None, None]:
    tasks = Tasks(Task(cell, cell[0], 1, cell[1]) for cell in cells)
    return engine_of("local", EngineSettings(n_workers)).run(work, tasks)


def told(ends: Iterable[Ended]) -> list[tuple[str, str | None]]:
    found = []
    for ended in ends:
        assert (ended.row is None) == (ended.died is not None)
        found.append((ended.task.cell, ended.died))
    return found


def workers(ends: Generator[Ended, None, None]) -> list[Any]:
    """Return the engine's workers, to wait for what it has not looked at yet."""
    found: list[Any] = ends.gi_frame.f_locals["workers"]
    return found


@pytest.fixture(autouse=True)
def _two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    if (os.cpu_count() or 1) < 2:
        pytest.skip("one core runs one task at a time")
    monkeypatch.setenv("CVN_THREADS", "2")
    monkeypatch.syspath_prepend(Path(__file__).parents[2])  # workers import this module


def test_a_worker_that_dies_is_noticed_though_a_fork_holds_its_connection(tmp_path: Path) -> None:
    started = time.monotonic()
    ends = told(run(Doing(tmp_path, {"A1": die_with_a_fork_alive}), 1, "A1", "A2"))
    took = time.monotonic() - started
    with suppress(ProcessLookupError):
        os.kill(int((tmp_path / "child").read_text()), signal.SIGKILL)
    assert ends == [("A1", "SIGKILL"), ("A2", None)]
    assert took < LONG_S / 2


def test_a_forked_process_does_not_hold_the_connection(tmp_path: Path) -> None:
    assert told(run(Doing(tmp_path, {"A1": fork}), 1, "A1")) == [("A1", None)]
    assert (tmp_path / "closed").exists()


def test_an_answer_of_a_worker_that_has_died_since_is_kept(tmp_path: Path) -> None:
    """The engine has heard that both are ready: B1's death, which it knows of, comes after that."""
    does: dict[str, Do] = {"A1": run_until_told, "B1": die_when_the_other_runs}
    ends = run(Doing(tmp_path, does), 2, "A1", "B1", "B2")
    assert told([next(ends)]) == [("B1", "SIGKILL")]
    (tmp_path / "go").touch()
    worker = workers(ends)[0]
    wait_until(worker.connection.poll)
    worker._process.kill()
    worker._process.wait()
    assert sorted(told(ends)) == [("A1", None), ("B2", None)]


def test_a_replacement_that_dies_before_it_is_ready_costs_its_task(tmp_path: Path) -> None:
    work = Doing(tmp_path, {"A1": die, "A4": die}, refusing=(2, 3, 5))
    assert told(run(work, 1, *(f"A{number}" for number in range(1, 7)))) == [
        ("A1", "SIGKILL"),
        ("A2", "exit code 7"),
        ("A3", "exit code 7"),
        ("A4", "SIGKILL"),
        ("A5", "exit code 7"),
        ("A6", None),
    ]


def test_three_in_a_row_end_the_sweep_after_what_was_answered(tmp_path: Path) -> None:
    does: dict[str, Do] = {"A1": run_until_told, "B1": die_when_the_other_runs}
    work = Doing(tmp_path, does, refusing=tuple(range(3, 9)))
    ends = run(work, 2, "A1", *(f"B{number}" for number in range(1, 6)))
    assert [next(ends).task.cell for _ in range(3)] == ["B1", "B2", "B3"]
    first, second = workers(ends)
    wait_until(second.is_dead)
    (tmp_path / "go").touch()
    wait_until(first.connection.poll)
    last = next(ends)
    assert last.task.cell == "A1"
    assert last.row is not None
    with pytest.raises(SweepError, match=r"could not be started \(exit code 7\)") as raised:
        next(ends)
    assert raised.value.code == "engine_failed"


def test_closing_ends_the_busy_before_it_waits_for_the_idle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_patient_observer(tmp_path / "path")
    monkeypatch.syspath_prepend(tmp_path / "path")
    OBSERVERS.refresh()
    facts = SweepFacts(run="r", name="r", n_cells=2, n_done=0, n_failed=0, n_workers=2)
    try:
        OBSERVERS.notify("cvn_sweep_started", sweep=facts)
        assert OBSERVERS.at_exit >= 20
        work = Doing(tmp_path, {"B1": run_until_told}, leaves=leave_after_the_other)
        ends = run(work, 2, "A1", "B1")
        assert next(ends).task.cell == "A1"
        wait_until((tmp_path / "B1").exists)
        ends.close()
    finally:
        monkeypatch.undo()
        OBSERVERS.refresh()
    assert (tmp_path / "ended before").exists()


def install_patient_observer(folder: Path) -> None:
    info = folder / "patient-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: patient\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[cvn_harness.plugins.v1]\npatient = patient\n")
    (folder / "patient.py").write_text(
        "from cvn_harness_core import ObserverLimits, hookimpl\n\n"
        "@hookimpl\ndef cvn_observer_limits():\n    return ObserverLimits(at_exit=20)\n\n"
        "@hookimpl\ndef cvn_event(event):\n    pass\n"
    )
