"""Several processes, and processes that are killed: every fit once, nothing lost, the same bits."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cvn_harness_core import Store

from .small import ENSEMBLES

ROOT = Path(__file__).parents[2]
KILLS = int(os.environ.get("CVN_TEST_KILLS", "4"))
FOLDS = 4


def start(store: Path, *names: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.ensembles.worker", str(store), *names],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> tuple[list[str], list[dict[str, object]]]:
    """The printed digests, and the events."""
    out, err = process.communicate(timeout=900)
    assert process.returncode == 0, err[-2000:]
    lines = [json.loads(line) for line in err.splitlines() if line.startswith("{")]
    return out.split("\n")[:-1], lines


def misses(events: list[dict[str, object]]) -> list[str]:
    return [str(e["key"]) for e in events if e["event"] == "cache_miss"]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """What one process makes of all three ensembles: digests by name, and every key."""
    printed, events = finish(start(tmp_path_factory.mktemp("alone"), *ENSEMBLES))
    return dict(line.split() for line in printed), misses(events)


def test_one_process_fits_every_base_and_fold_once(undisturbed):
    digests, keys = undisturbed
    assert set(digests) == set(ENSEMBLES)
    assert len(keys) == len(set(keys)) == 3 * FOLDS + 3 + 3


def test_three_processes_started_together_fit_every_base_and_fold_once(undisturbed, tmp_path):
    digests, keys = undisturbed
    running = [start(tmp_path / "store", name) for name in ENSEMBLES]
    done = [finish(process) for process in running]
    missed = [key for _, events in done for key in misses(events)]
    assert sorted(missed) == sorted(keys)
    assert {line for printed, _ in done for line in printed} == {
        f"{name} {digest}" for name, digest in digests.items()
    }


def test_a_kill_at_any_moment_loses_at_most_the_fit_in_flight(undisturbed, tmp_path):
    digests, keys = undisturbed
    path = tmp_path / "store"
    rng = random.Random(0)
    kept: set[str] = set()
    for _ in range(KILLS):
        process = start(path, *ENSEMBLES)
        time.sleep(rng.uniform(0.5, 6.0))
        process.send_signal(signal.SIGKILL)
        _, err = process.communicate()
        again = {
            str(json.loads(line)["key"])
            for line in err.splitlines()
            if line.startswith("{") and line.endswith("}") and '"cache_miss"' in line
        }
        assert not again & kept, "a fit was repeated that had been stored"
        if path.exists():
            kept = {entry.digest for entry in Store(path).ls()}
            assert Store(path).verify() == {}
    printed, events = finish(start(path, *ENSEMBLES))
    assert dict(line.split() for line in printed) == digests
    assert not set(misses(events)) & kept
    assert {entry.digest for entry in Store(path).ls()} == set(keys)
    assert Store(path).gc().leftovers <= KILLS


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
