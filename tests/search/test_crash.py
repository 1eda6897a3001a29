"""A library that ends the process in some trials: these fail, with a code, and no others."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen

import pytest

from cvn_harness_core import count_trials, read_search, train_one
from cvn_orchestrator.demo import market
from tests.command import TRAIN
from tests.ensembles.small import datasets

from .worker import settings

CVN = Path(sys.executable).with_name("cvn")

DEADLY = '''
    """A model of elsewhere whose library ends the process for some parameters."""

    import os
    import signal
    import sys
    import time

    import numpy as np

    import cvn_harness_core as cvn


    class Deadly(cvn.ModelAdapter):
        def fit(self, prepared, request):
            if "SAY" in os.environ:
                os.write(2, b"fitting\\n")
            time.sleep(0.2)
            if "HANG" in os.environ:
                print("hanging", file=sys.stderr, flush=True)
                time.sleep(60)
            if request.params["weight"] > 0.6:
                os.kill(os.getpid(), signal.SIGKILL)
            y = prepared.train.y
            slopes = np.array([np.cov(x, y)[0, 1] for x in np.nan_to_num(prepared.train.X).T])
            return cvn.Fitted(slopes * request.params["weight"])

        def predict_proba(self, native, X, *, n_threads):
            return 1 / (1 + np.exp(-np.nan_to_num(X) @ native))

        def save(self, native):
            return native.tobytes()

        def load(self, payload):
            return np.frombuffer(payload)


    PARAMS = (cvn.Param("weight", float, default=0.1, low=0, search=cvn.Range(0.0, 1.0)),)


    @cvn.hookimpl
    def cvn_model():
        return cvn.ModelSpec(
            name="deadly", adapter=Deadly, params=PARAMS, libraries=("numpy",),
            thread_invariant=True,
        )
'''


@pytest.fixture
def elsewhere(tmp_path: Path) -> dict[str, str]:
    """Return an environment in which the model is installed."""
    info = tmp_path / "path" / "deadly-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: deadly\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[cvn_harness.models.v1]\ndeadly = deadly\n")
    (info / "RECORD").write_text("deadly.py,,\n")
    (info.parent / "deadly.py").write_text(textwrap.dedent(DEADLY))
    return {**os.environ, "PYTHONPATH": str(info.parent), "OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="module")
def bars(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bars") / "sp500.parquet"
    market.frame("SP500", take_profit=2, stop_loss=1, horizon=10, cost=0.05).write_parquet(path)
    return path


def command(bars: Path, *options: str) -> list[str | Path]:
    return [CVN, "train", "deadly", f"--data={bars}", *TRAIN, "--trials=8", *options]


def harmless(elsewhere: dict[str, str], instead: str = "> 5") -> None:
    """Let no trial end the process, or end it otherwise."""
    path = Path(elsewhere["PYTHONPATH"]) / "deadly.py"
    path.write_text(path.read_text().replace("> 0.6", instead))


def started(tmp_path: Path, elsewhere: dict[str, str], *command: str | Path) -> Popen[str]:
    return Popen(command, cwd=tmp_path, env=elsewhere, text=True, stderr=PIPE, stdout=DEVNULL)


def until(process: Popen[str], said: str) -> None:
    assert process.stderr is not None
    assert any(line.startswith(said) for line in process.stderr), f"never said {said!r}"


def child_of(process: Popen[str]) -> Path:
    """Return the folder in /proc of the one child, as soon as there is one."""
    listed = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    while not (children := listed.read_text().split()):
        time.sleep(0.001)
    (child,) = children
    return Path("/proc") / child


@pytest.mark.parametrize("workers", [1, 3])
def test_a_crash_costs_its_trial_and_nothing_else(
    bars: Path, tmp_path: Path, elsewhere: dict[str, str], workers: int
) -> None:
    done = subprocess.run(
        command(bars, "--json", f"--workers={workers}", "--sampler=random"),
        cwd=tmp_path,
        env={**elsewhere, "CVN_THREADS": "3"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    trials = json.loads(done.stdout)["search"]["trials"]
    assert [trial["number"] for trial in trials] == list(range(8))
    deadly = [trial for trial in trials if trial["params"]["weight"] > 0.6]
    assert 0 < len(deadly) < 8
    for trial in trials:
        if trial in deadly:
            assert (trial["state"], trial["code"], trial["attempts"]) == (
                "failed", "process_died", 2,
            )  # fmt: skip
        else:
            assert trial["state"] == "complete"
    assert done.stderr.count("the process of the search died (SIGKILL)") >= len(deadly)


def test_a_crash_outside_a_trial_ends_the_command(
    bars: Path, tmp_path: Path, elsewhere: dict[str, str]
) -> None:
    folder = Path(elsewhere["PYTHONPATH"])
    text = (folder / "deadly.py").read_text()
    (folder / "deadly.py").write_text(text.replace("> 0.6", "> 5").replace(
        "return native.tobytes()", "os.abort()"
    ))  # fmt: skip
    done = subprocess.run(
        command(bars), cwd=tmp_path, env=elsewhere, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "the process of the search died (SIGABRT) outside a trial" in done.stderr
    assert not (tmp_path / "cvn-deadly").exists()


@pytest.mark.parametrize(("code", "said"), [(127, "exit 127"), (128 + 11, "SIGSEGV")])
def test_a_death_that_is_no_signal_to_its_parent_is_one(
    bars: Path, tmp_path: Path, elsewhere: dict[str, str], code: int, said: str
) -> None:
    harmless(elsewhere, f"> 0.6:\n            os._exit({code})\n        if False")
    done = subprocess.run(
        command(bars, "--json", "--sampler=random"),
        cwd=tmp_path, env=elsewhere, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert f"the process of the search died ({said})" in done.stderr
    trials = json.loads(done.stdout)["search"]["trials"]
    assert {trial["code"] for trial in trials} == {None, "process_died"}


def test_nothing_is_imported_from_the_working_folder(
    bars: Path, tmp_path: Path, elsewhere: dict[str, str]
) -> None:
    harmless(elsewhere)
    (tmp_path / "optuna.py").write_text("raise SystemExit(77)")
    done = subprocess.run(
        command(bars, "--trials=2"),
        cwd=tmp_path, env=elsewhere, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_search_that_is_asked_to_stop_keeps_its_trials(
    bars: Path, tmp_path: Path, elsewhere: dict[str, str], number: signal.Signals, code: int
) -> None:
    """Also during the last trial: nothing of the bundle is written, and the command goes on."""
    harmless(elsewhere)
    run = command(bars, "--trials=2", "--workers=1")
    with started(tmp_path, {**elsewhere, "SAY": "1"}, *run) as process:
        for _ in range(2):
            until(process, "fitting")
        process.send_signal(number)
        assert process.stderr is not None
        rest = process.stderr.read()
    assert process.returncode == code, rest
    assert "2 trials of this run are kept; the same command goes on" in rest
    assert "died" not in rest
    assert not (tmp_path / "cvn-deadly").exists()
    done = subprocess.run(
        run, cwd=tmp_path, env=elsewhere, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert " trials of " not in done.stderr, "no trial was left"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_search_that_is_asked_to_stop_at_once_is_not_begun_again(
    bars: Path, tmp_path: Path, elsewhere: dict[str, str], number: signal.Signals, code: int
) -> None:
    with started(tmp_path, elsewhere, *command(bars)) as process:
        child_of(process)
        process.send_signal(number)
        assert process.stderr is not None
        rest = process.stderr.read()
    assert process.returncode == code, rest
    assert "died" not in rest


def test_only_a_death_that_was_seen_counts_against_a_trial(
    bars: Path, tmp_path: Path, elsewhere: dict[str, str]
) -> None:
    harmless(elsewhere)
    for _ in range(2):
        with started(tmp_path, {**elsewhere, "HANG": "1"}, *command(bars)) as process:
            until(process, "hanging")
            child = child_of(process)
            process.kill()
        while child.exists():
            time.sleep(0.01)
    done = subprocess.run(
        command(bars, "--json"),
        cwd=tmp_path, env=elsewhere, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    trials = json.loads(done.stdout)["search"]["trials"]
    assert {(trial["state"], trial["attempts"]) for trial in trials} == {("complete", 1)}


def test_a_supervisor_counts_the_trials_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = f"sqlite:///{tmp_path}/hpo.db"
    for name, n_trials in (("one", 2), ("other", 5)):
        monkeypatch.setenv("CVN_SUPERVISOR", name)
        run = settings("lightgbm", n_trials=n_trials, storage=storage)
        train_one("lightgbm", datasets(), run)
    counted = [count_trials(storage, supervisor=name) for name in ("one", "other", "none")]
    assert counted == [2, 3, 0]
    assert count_trials(storage) == 5


def test_the_search_ends_with_the_command(
    bars: Path, tmp_path: Path, elsewhere: dict[str, str]
) -> None:
    """However the command is ended, no process of it stays, and the same command goes on."""
    with subprocess.Popen(
        command(bars, "--storage=sqlite:///hpo.db"),
        cwd=tmp_path,
        env=elsewhere,
        text=True,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("1 of 8 trials"):
                break
        own = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        while not (children := own.read_text().split()):  # between a death and the next beginning
            assert process.poll() is None
        process.send_signal(signal.SIGKILL)
    until = time.monotonic() + 10
    while Path(f"/proc/{children[0]}").exists() and time.monotonic() < until:
        time.sleep(0.05)
    assert not Path(f"/proc/{children[0]}").exists()
    kept = len(read_search(f"sqlite:///{tmp_path}/hpo.db").trials)
    assert 0 < kept < 8
    done = subprocess.run(
        command(bars, "--storage=sqlite:///hpo.db"),
        cwd=tmp_path, env=elsewhere, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert len(read_search(f"sqlite:///{tmp_path}/hpo.db").trials) == 8
