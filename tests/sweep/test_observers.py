"""Observers in the workers of a sweep: what lags is told the rest before its worker ends."""

from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import Path

from .moody import install
from .small import write
from .test_run import moody, sweep

WATCHER = """
import os, time
from cvn_harness_core import ObserverLimits, hookimpl

@hookimpl
def cvn_observer_limits():
    return ObserverLimits(per_fit=0, at_exit={at_exit})

@hookimpl
def cvn_event(event):
    if event.event in ("training_started", "training_complete"):
        time.sleep({seconds})
        with open(os.environ["SEEN"], "a") as file:
            file.write(event.event + chr(10))
"""


def watched(tmp_path: Path, seconds: float, at_exit: float) -> dict[str, str]:
    """Install the model and a slow observer; return the variables with which they are found."""
    env = install(tmp_path / "path")
    info = tmp_path / "path" / "watcher-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: watcher\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[cvn_harness.plugins.v1]\nwatcher = watcher\n")
    source = WATCHER.format(seconds=seconds, at_exit=at_exit)
    (tmp_path / "path" / "watcher.py").write_text(source)
    return {**env, "SEEN": str(tmp_path / "seen.txt")}


def test_a_slow_observer_in_a_worker_is_told_everything(tmp_path: Path) -> None:
    env = watched(tmp_path, seconds=0.2, at_exit=60)
    write(tmp_path, moody("good"))
    done = sweep(tmp_path, env, "--json")
    assert done.returncode == 0, done.stderr
    seen = Counter((tmp_path / "seen.txt").read_text().split())
    # The same model and data twice: the second variant is found in the store.
    assert seen == {"training_started": 4, "training_complete": 4}


def test_an_observer_that_hangs_ends_no_sweep_late(tmp_path: Path) -> None:
    env = watched(tmp_path, seconds=3600, at_exit=0.5)
    write(tmp_path, moody("good"))
    started = time.monotonic()
    done = sweep(tmp_path, env, "--log", "json", "--json")
    assert done.returncode == 0, done.stderr
    assert time.monotonic() - started < 120
    lines = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]
    told = [line for line in lines if line["event"] == "plugin_rejected"]
    assert {(line["plugin"], line["code"]) for line in told} == {("watcher", "observer_too_slow")}
    assert len(told) <= 2, "once a process that it hangs in"
