"""`cvn sweep --engine ray`: what the local engine gives, whatever dies, and nothing stays."""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from cvn_orchestrator.engines.ray_actor import Place
from cvn_orchestrator.errors import SweepError

from .moody import install
from .small import HEAD, write
from .tables import tables
from .test_run import MODELS, all_gone, begin, children, moody, sweep, wait_until

pytest.importorskip("ray", reason="Ray is not installed: uv sync --group ray")

PATIENCE_S = 120.0  # Ray needs some seconds to start, and many on a busy machine
RAY = ("--engine", "ray")
TOKEN = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
"""A cluster answers only to whoever has its token; this one is made up for these tests."""
HEAD_OF_CLUSTER = """
import sys, ray
ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False)
print(ray.get_runtime_context().gcs_address, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return install(tmp_path / "path")


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Return the tables that the local engine makes."""
    folder = tmp_path_factory.mktemp("expected")
    write(folder, HEAD + MODELS)
    done = sweep(folder, dict(os.environ), "--workers", "1")
    assert done.returncode == 0, done.stderr
    return tables(folder / "cvn-results.db")


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """Return the address of a cluster with two processors, which another process started."""
    with subprocess.Popen(
        [sys.executable, "-P", "-c", HEAD_OF_CLUSTER],
        env={**os.environ, **TOKEN, "RAY_USAGE_STATS_ENABLED": "0"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as head:
        assert head.stdout is not None
        address = head.stdout.readline().strip()
        assert address, "Ray did not start"
        yield address
        head.communicate()


def family(pid: int) -> list[int]:
    """Return all processes below this one."""
    return [one for child in children(pid) for one in (child, *family(child))]


@pytest.mark.parametrize("workers", ["1", "2"])
def test_the_tables_are_those_of_the_local_engine(
    tmp_path: Path, expected: list[dict[str, Any]], workers: str
) -> None:
    write(tmp_path, HEAD + MODELS)
    done = sweep(tmp_path, dict(os.environ), *RAY, "--workers", workers, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["done"] == 12
    first, *cells = done.stderr.splitlines()
    assert first.endswith(f"12 cells; {workers} at once")
    assert [line.partition("/")[0] for line in cells] == [str(i) for i in range(1, 13)]
    assert tables(tmp_path / "cvn-results.db") == expected


def test_on_a_cluster_that_runs_already(
    tmp_path: Path, expected: list[dict[str, Any]], cluster: str
) -> None:
    write(tmp_path, HEAD + MODELS)
    done = sweep(tmp_path, os.environ | TOKEN, *RAY, "--address", cluster, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["done"] == 12
    assert "12 cells; 2 at once" in done.stderr
    assert tables(tmp_path / "cvn-results.db") == expected
    again = sweep(tmp_path, os.environ | TOKEN, *RAY, "--address", cluster, "--work", "other")
    assert again.returncode == 0, again.stderr  # it was left as it was
    assert not list(tmp_path.rglob(".cvn-seen-*"))


def test_a_task_that_no_machine_of_the_cluster_holds(tmp_path: Path, cluster: str) -> None:
    write(tmp_path, f"{HEAD}threads = 3\n{MODELS}")
    done = sweep(tmp_path, os.environ | TOKEN, *RAY, "--address", cluster)
    assert done.returncode == 2
    assert "no node of the cluster has the 3 processors of one task. [engine_failed]" in done.stderr


def test_a_crash_costs_its_cell_and_what_is_printed_is_no_output(
    tmp_path: Path, env: dict[str, str]
) -> None:
    code = tmp_path / "path" / "moody.py"
    chatter = 'def fit(self, prepared, request):\n        print("said", flush=True)'
    chatter += '\n        os.system("echo told")'
    code.write_text(code.read_text().replace("def fit(self, prepared, request):", chatter))
    write(tmp_path, moody("dies", "slow"))
    done = sweep(tmp_path, env, *RAY, "--workers", "2", "--json")
    assert done.returncode == 1, done.stderr
    assert json.loads(done.stdout)["failed"] == 4
    lines = done.stderr.splitlines()
    assert (lines.count("said"), lines.count("told")) == (12, 12)
    assert "Fatal Python error: Segmentation fault" in lines
    for row in tables(tmp_path / "cvn-results.db"):
        if row["variant"] == "dies":
            assert (row["state"], row["error_code"]) == ("failed", "worker_died")
            assert "Worker unexpectedly exits" in row["error_message"]
        else:
            assert row["state"] == "done"


def test_events_of_the_cells_come_as_they_are(tmp_path: Path, env: dict[str, str]) -> None:
    write(tmp_path, moody("slow"))
    done = sweep(tmp_path, env, *RAY, "--log", "json")
    assert done.returncode == 0, done.stderr
    events = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]
    assert [event["event"] for event in events].count("training_complete") == 8


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("127.0.0.1:1", "nothing answers at the address 127.0.0.1:1: "),
        ("127.0.0.1:x", "nothing answers at the address 127.0.0.1:x: "),
        ("nonsense", "the address 'nonsense' is neither HOST:PORT nor auto."),
        ("ray://127.0.0.1:10001", "the address ray://127.0.0.1:10001 is not supported: "),
    ],
)
def test_a_bad_address(tmp_path: Path, env: dict[str, str], address: str, says: str) -> None:
    write(tmp_path, moody("good"))
    began = time.monotonic()
    done = sweep(tmp_path, env, *RAY, "--address", address)
    assert time.monotonic() - began < PATIENCE_S
    assert done.returncode == 2
    assert f"cvn: error: {says}" in done.stderr
    assert "[engine_failed]" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_address_where_no_ray_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    from cvn_orchestrator.engines import ray_cluster

    monkeypatch.setattr(ray_cluster, "ANSWER_S", 5.0)
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(SweepError, match="does not answer as the head of a Ray") as caught:
            ray_cluster.Cluster.join(address)
    assert caught.value.code == "engine_failed"


def test_what_a_machine_does_not_see(tmp_path: Path) -> None:
    mark = tmp_path / "work" / "mark"
    place = Place(str(tmp_path), (str(mark),))
    assert place.lacks == f"{tmp_path}/work is not there"
    mark.parent.mkdir()
    assert place.lacks == f"{tmp_path}/work is there, but is another folder"
    mark.touch()
    assert place.lacks is None
    assert Place(f"{tmp_path}/none", ()).lacks == f"{tmp_path}/none is not there"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_once_finishes_the_cells_in_hand(
    tmp_path: Path, env: dict[str, str], number: signal.Signals
) -> None:
    write(tmp_path, moody("slow", "good"))
    events = tmp_path / "events.jsonl"
    running = begin(tmp_path, env, *RAY, "--workers", "2", "--events", str(events))
    wait_until(lambda: events.exists() and '"slow"' in events.read_text(), PATIENCE_S)
    below = family(running.pid)
    if number == signal.SIGINT:
        os.killpg(running.pid, number)  # as a terminal does
    else:
        running.send_signal(number)
    _, said = running.communicate(timeout=PATIENCE_S)
    assert running.returncode == 128 + number, said
    assert "the same command goes on" in said
    lines = list(map(json.loads, events.read_text().splitlines()))
    begun = {line["cell"] for line in lines if line["hook"] == "cvn_cell_started"}
    done = {line["cell"] for line in lines if line["hook"] == "cvn_cell_done"}
    assert begun == done
    assert 0 < len(done) < 12
    assert lines[-1]["interrupted"]
    wait_until(partial(all_gone, below), PATIENCE_S)


def test_twice_stops_now(tmp_path: Path, env: dict[str, str]) -> None:
    code = tmp_path / "path" / "moody.py"
    code.write_text(code.read_text().replace("time.sleep(0.6)", "time.sleep(60)"))
    write(tmp_path, moody("slow"))
    events = tmp_path / "events.jsonl"
    running = begin(tmp_path, env, *RAY, "--workers", "2", "--events", str(events))
    wait_until(lambda: events.exists() and '"slow"' in events.read_text(), PATIENCE_S)
    below = family(running.pid)
    running.send_signal(signal.SIGINT)
    time.sleep(1)
    assert running.poll() is None
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=PATIENCE_S)
    assert running.returncode == 130, said
    assert below
    wait_until(partial(all_gone, below), PATIENCE_S)


def test_nothing_stays_when_the_command_is_killed(tmp_path: Path, env: dict[str, str]) -> None:
    write(tmp_path, moody("slow"))
    events = tmp_path / "events.jsonl"
    running = begin(tmp_path, env, *RAY, "--workers", "2", "--events", str(events))
    wait_until(lambda: events.exists() and '"slow"' in events.read_text(), PATIENCE_S)
    below = family(running.pid)
    running.kill()
    running.communicate()
    assert below
    wait_until(partial(all_gone, below), PATIENCE_S)
    assert sweep(tmp_path, env).returncode == 0
    assert len(tables(tmp_path / "cvn-results.db")) == 8
