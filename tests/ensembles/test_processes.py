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
