"""Several processes, and processes that are killed: every fit once, nothing lost, the same bits."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from cvn_harness_core import Store

from .small import ENSEMBLES

ROOT = Path(__file__).parents[2]
KILLS = int(os.environ.get("CVN_TEST_KILLS", "4"))
FOLDS = 4


class Worker:
    """A process that trains these names when ``go`` says so: imports are over by then."""

    def __init__(self, folder: Path, store: Path, *names: str) -> None:
        descriptor, self.log = tempfile.mkstemp(dir=folder, suffix=".jsonl")
        with os.fdopen(descriptor, "w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.ensembles.worker", str(store), *names],
                cwd=ROOT,
                env={**os.environ, "OMP_NUM_THREADS": "1"},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )

    def ready(self) -> None:
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "ready\n", Path(self.log).read_text()

    def go(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def events(self) -> list[dict[str, Any]]:
        """What it told so far; of a line that a kill cut off, nothing."""
        lines = Path(self.log).read_text().splitlines(keepends=True)
        return [json.loads(line) for line in lines if line[0] == "{" and line[-1] == "\n"]

    def missed(self) -> list[str]:
        return [event["key"] for event in self.events() if event["event"] == "cache_miss"]

    def finish(self) -> dict[str, str]:
        """The digests by name."""
        out, _ = self.process.communicate(timeout=900)
        assert self.process.returncode == 0, Path(self.log).read_text()[-2000:]
        return dict(line.split() for line in out.splitlines())


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Worker]]:
    """Start a worker; all are gone at the end."""
    started: list[Worker] = []

    def run(store: Path, *names: str) -> Worker:
        started.append(Worker(tmp_path, store, *names))
        return started[-1]

    yield run
    for worker in started:
        worker.process.kill()
        worker.process.communicate()


class Undisturbed(NamedTuple):
    """What one process makes of all three ensembles."""

    digests: dict[str, str]
    events: list[dict[str, Any]]

    @property
    def keys(self) -> list[str]:
        return [event["key"] for event in self.misses]

    @property
    def misses(self) -> list[dict[str, Any]]:
        return [event for event in self.events if event["event"] == "cache_miss"]

    @property
    def bases(self) -> dict[str, str]:
        """The key of each base by its name: its first miss; those after it are its folds."""
        return {e["model"]: e["key"] for e in reversed(self.misses) if e["kind"] == "model"}

    @property
    def ensembles(self) -> list[str]:
        return [event["key"] for event in self.misses if event["kind"] == "ensemble"]

    def seconds(self, kept: set[str]) -> float:
        """How long it takes, about, to make what a store with these keys lacks."""
        stamps = [datetime.fromisoformat(e["timestamp"]) for e in (*self.misses, self.events[-1])]
        spent = [(after - before).total_seconds() for before, after in pairwise(stamps)]
        return sum(
            seconds
            for event, seconds in zip(self.misses, spent, strict=True)
            if event["key"] not in kept and self.bases.get(event["model"]) not in kept
        )


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("alone")
    worker = Worker(folder, folder / "store", *ENSEMBLES)
    worker.ready()
    worker.go()
    return Undisturbed(worker.finish(), worker.events())


def test_one_process_fits_every_base_and_fold_once(undisturbed):
    assert set(undisturbed.digests) == set(ENSEMBLES)
    assert len(undisturbed.keys) == len(set(undisturbed.keys)) == 3 * FOLDS + 3 + 3


def test_three_processes_that_begin_together_fit_every_base_and_fold_once(
    undisturbed, start, tmp_path
):
    workers = [start(tmp_path / "store", name) for name in ENSEMBLES]
    for worker in workers:
        worker.ready()
    for worker in workers:
        worker.go()
    digests = {name: d for worker in workers for name, d in worker.finish().items()}
    assert sorted(key for worker in workers for key in worker.missed()) == sorted(undisturbed.keys)
    assert digests == undisturbed.digests


def test_eight_processes_that_ask_for_one_model_fit_it_once(start, tmp_path):
    workers = [start(tmp_path / "store", "lightgbm") for _ in range(8)]
    for worker in workers:
        worker.ready()
    for worker in workers:
        worker.go()
    digests = [worker.finish()["lightgbm"] for worker in workers]
    assert len(set(digests)) == 1
    told = [event["event"] for worker in workers for event in worker.events()]
    assert told.count("training_started") == told.count("learning_curve") == 1
    assert told.count("cache_miss") == 1
    assert told.count("cache_hit") == 7


def test_a_kill_at_any_moment_of_a_training_loses_at_most_the_fit_in_flight(
    undisturbed, start, tmp_path
):
    """Each kill strikes a store that lacks about half of what there is to make, or more."""
    path, rng, struck = tmp_path / "store", random.Random(KILLS), []
    following = start(path, *ENSEMBLES)
    for _ in range(KILLS):
        forget_some(path, undisturbed, rng)
        kept = keys_in(path)
        worker, following = following, start(path, *ENSEMBLES)  # the next one imports meanwhile
        worker.ready()
        worker.go()
        while not worker.missed() and worker.process.poll() is None:
            time.sleep(0.001)
        time.sleep(rng.uniform(0.0, 1.25 * undisturbed.seconds(kept)))  # with the next one beside
        worker.process.send_signal(signal.SIGKILL)
        out, _ = worker.process.communicate()
        missed = worker.missed()
        assert not set(missed) & kept, "a fit was repeated that had been stored"
        assert len(missed) == len(set(missed))
        assert dict(line.split() for line in out.splitlines()).items() <= (
            undisturbed.digests.items()
        )
        assert Store(path).verify() == {}
        assert kept <= keys_in(path)
        done = [e["event"] for e in worker.events()].count("training_complete")
        left = set(undisturbed.ensembles) - keys_in(path)
        if worker.process.returncode == -signal.SIGKILL and missed and left:
            struck.append((worker.events()[-1]["event"], len(missed), done))
    print(f"{len(struck)} of {KILLS} kills struck a training:", *struck, sep="\n")
    assert len(struck) > KILLS / 2
    kept = keys_in(path)
    following.ready()
    following.go()
    assert following.finish() == undisturbed.digests
    assert not set(following.missed()) & kept
    assert keys_in(path) <= set(undisturbed.keys)
    # A base that was there needed no folds.
    assert {*undisturbed.ensembles, *undisturbed.bases.values()} <= keys_in(path)
    assert Store(path).verify() == {}
    assert Store(path).gc().leftovers <= KILLS


def keys_in(path: Path) -> set[str]:
    return {entry.digest for entry in Store(path).ls()}


def forget_some(path: Path, undisturbed: Undisturbed, rng: random.Random) -> None:
    """Delete about half of a store's entries, and one ensemble surely."""
    surely = rng.choice(undisturbed.ensembles)
    for key in sorted(keys_in(path)):
        if key == surely or rng.random() < 0.5:
            shutil.rmtree(path / "entries" / key)


FULL = """
import resource, signal, subprocess, sys
from pathlib import Path
from cvn_harness_core import HarnessError, Store, train_ensemble
from tests.ensembles.small import PARAMS, datasets

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
path, data = Path(sys.argv[1]), datasets()
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
try:
    train_ensemble("blend_avg", data, PARAMS, store=Store(path))
except HarnessError as error:
    print(error.code, error)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
print(Store(path).verify(), sorted({entry.kind for entry in Store(path).ls()}))
print(train_ensemble("blend_avg", data, PARAMS, store=Store(path)).name)
"""


def test_a_store_without_room_is_an_error_that_names_the_base_and_stays_intact(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path / "store"), "16000"],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    error, intact, again = done.stdout.splitlines()
    assert error.startswith("store_unwritable the base xgboost of blend_avg: ")
    assert "File too large" in error
    assert intact == "{} ['fold']"
    assert again == "blend_avg"


READ_ONLY = """
import subprocess, sys
from pathlib import Path
from cvn_harness_core import HarnessError, Store, train_ensemble
from tests.ensembles.small import PARAMS, datasets

disk, data = Path(sys.argv[1]), datasets()
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", disk], check=True)
store = Store(disk / "store")
kept = train_ensemble("blend_avg", data, PARAMS, store=store)
subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
print(train_ensemble("blend_avg", data, PARAMS, store=store).content_key == kept.content_key)
try:
    train_ensemble("stack_logreg", data, PARAMS, store=store)
except HarnessError as error:
    print(error.code, error)
print(store.verify(), len(store.ls()))
"""


def test_a_read_only_store_is_read_and_what_must_be_kept_is_an_error(tmp_path):
    unshare = ["unshare", "--user", "--map-root-user", "--mount"]
    if subprocess.run([*unshare, "true"], check=False, capture_output=True).returncode:
        pytest.skip("this machine gives no mount namespace of one's own")
    done = subprocess.run(
        [*unshare, sys.executable, "-c", READ_ONLY, str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    hit, error, intact = done.stdout.splitlines()
    assert hit == "True"
    assert error.startswith("store_unwritable stack_logreg") or "Read-only" in error
    assert intact == "{} 16"
