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

import pytest

from cvn_harness_core import read_search
from cvn_orchestrator.demo import market
from tests.command import TRAIN

CVN = Path(sys.executable).with_name("cvn")

DEADLY = '''
    """A model of elsewhere whose library ends the process for some parameters."""

    import os
    import signal
    import time

    import numpy as np

    import cvn_harness_core as cvn


    class Deadly(cvn.ModelAdapter):
        def fit(self, prepared, request):
            time.sleep(0.2)
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
            if line.startswith("trial 1/8"):
                break
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        assert len(children) == 1
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
