"""A sweep is a run, its cells are runs below it, whichever process trains them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.command import cvn
from tests.sweep.moody import install
from tests.sweep.small import HEAD, bars, write

CVN = Path(sys.executable).with_name("cvn")
ONE_FOLD = HEAD.replace("n_folds = 2", "n_folds = 1")

PLAN = f"""{ONE_FOLD}
[variants.lgbm]
model = "lightgbm"
params = {{ n_estimators = 12 }}
[variants.searched]
model = "lightgbm"
params = {{ n_estimators = 12 }}
search = {{ n_trials = 3, space = {{ num_leaves = {{ low = 4, high = 16 }} }} }}
[variants.stack]
ensemble = "stack_logreg"
bases = ["lightgbm", "xgboost"]
params.lightgbm = {{ n_estimators = 12 }}
params.xgboost = {{ n_estimators = 12 }}
"""

VARIANTS = ("lgbm", "searched", "stack")


def named(runs: list[Any]) -> dict[str, Any]:
    found = {run.info.run_name: run for run in runs}
    assert len(found) == len(runs)
    return found


def test_cells_are_runs_below_the_sweep(mlflow: Any, tmp_path: Path) -> None:
    plan = write(tmp_path, PLAN)
    done = cvn("sweep", plan, "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "plugin_rejected" not in done.stderr
    (sweep,) = mlflow.runs("sweep")
    assert (sweep.info.status, sweep.info.run_name) == ("FINISHED", "small")
    counts = {name: sweep.data.metrics[f"cells/{name}"] for name in ("all", "done", "failed")}
    assert counts == {"all": 6, "done": 6, "failed": 0}
    cells = named(mlflow.runs("cell", sweep))
    assert set(cells) == {f"{symbol}/1/{v}" for symbol in ("ES", "NQ") for v in VARIANTS}
    for name, cell in cells.items():
        assert cell.info.status == "FINISHED"
        assert {"train/roc_auc", "test/n_signals", "cell/seconds"} <= set(cell.data.metrics)
        assert {"report.md", "theta_curve.csv", "artifact.json"} <= mlflow.files(cell)
        assert cell.data.params["cvn.policy"] == "economic"
        assert cell.data.tags["cvn.variant"] == name.split("/")[2]
        assert cell.data.tags["cvn.tradability"]
    assert cells["ES/1/lgbm"].data.tags["n_estimators.source"] == "user"
    searched = cells["ES/1/searched"]
    assert searched.data.tags["num_leaves.source"] == "search"
    assert "trials.csv" in mlflow.files(searched)
    steps = mlflow.client.get_metric_history(searched.info.run_id, "trial/seconds")
    assert [metric.step for metric in steps] == [0, 1, 2]
    assert mlflow.runs("trial") == [], "of a sweep, a table only"
    stack = cells["NQ/1/stack"]
    assert stack.data.params["cvn.bases"] == "lightgbm, xgboost"
    below = {run.data.tags["cvn.model"] for run in mlflow.runs("training", stack)}
    assert "xgboost" in below
    assert {run.info.status for run in mlflow.runs("training")} == {"FINISHED"}
    assert len(mlflow.runs("training")) == 4, "each base once a symbol"

    again = cvn("sweep", plan, "--json", cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert [run.info.run_id for run in mlflow.runs("sweep")] == [sweep.info.run_id]
    assert mlflow.runs("sweep")[0].info.status == "FINISHED"
    assert len(mlflow.runs("cell")) == 6


def test_cells_that_were_in_the_store_have_their_figures(
    mlflow: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = write(tmp_path, PLAN)
    before = cvn("sweep", plan, cwd=tmp_path, CVN_MLFLOW="0")
    assert before.returncode == 0, before.stderr
    assert mlflow.runs("sweep") == []
    done = cvn("sweep", plan, "--results=sqlite:///other.db", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    cells = named(mlflow.runs("cell"))
    assert len(cells) == 6
    for cell in cells.values():
        assert cell.data.tags["cvn.cache_hit"] == "True"
        assert "test/roc_auc" in cell.data.metrics
    assert cells["ES/1/stack"].data.tags["cvn.model"] == "stack_logreg"
    assert mlflow.runs("training") == []


def sweep_of(
    command: list[str | Path], folder: Path, env: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)


def one_symbol() -> pl.DataFrame:
    return bars().filter(pl.col("s") == "ES")


def moody(head: str, *moods: str) -> str:
    names = ["lgbm", *(mood.replace(" ", "-") for mood in moods)]
    return head + "".join(
        f'[variants.{name}]\nmodel = "moody"\nparams = {{ mood = "{mood}" }}\n'
        for name, mood in zip(names, ("good", *moods), strict=True)
    )


def test_cells_that_fail_say_why_and_a_later_attempt_is_the_same_run(
    mlflow: Any, tmp_path: Path
) -> None:
    env = install(tmp_path / "path")
    head = f"{ONE_FOLD}retries = 1\n"
    plan = write(tmp_path, moody(head, "raises", "dies once"), one_symbol())
    command = [CVN, "sweep", plan, "--workers=1"]
    done = sweep_of(command, tmp_path, env)
    assert done.returncode == 1, done.stderr
    (sweep,) = mlflow.runs("sweep")
    assert sweep.info.status == "FAILED"
    cells = named(mlflow.runs("cell", sweep))
    assert len(cells) == 3
    raised = cells["ES/1/raises"]
    assert raised.info.status == "FAILED"
    assert raised.data.tags["cvn.error.code"] == "fit_failed"
    assert "not today" in raised.data.tags["cvn.error.message"]
    assert raised.data.tags["cvn.attempt"] == "2"
    died = cells["ES/1/dies-once"]
    assert (died.info.status, died.data.tags["cvn.attempt"]) == ("FINISHED", "2")
    assert died.data.tags["cvn.error.code"] == ""
    assert "test/roc_auc" in died.data.metrics


def test_a_sweep_that_was_killed_goes_on_in_its_own_run(mlflow: Any, tmp_path: Path) -> None:
    env = install(tmp_path / "path")
    plan = write(tmp_path, moody(HEAD, "slow"), one_symbol())
    command = [CVN, "sweep", plan, "--workers=1"]
    with subprocess.Popen(
        command, cwd=tmp_path, env=env, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    ) as process:
        until = time.monotonic() + 600
        while not any(run.info.status == "FINISHED" for run in mlflow.runs("cell")):
            assert time.monotonic() < until
            time.sleep(0.1)
        os.kill(process.pid, signal.SIGKILL)
    (sweep,) = mlflow.runs("sweep")
    assert sweep.info.status == "RUNNING"
    done = sweep_of(command, tmp_path, env)
    assert done.returncode == 0, done.stderr
    (same,) = mlflow.runs("sweep")
    assert (same.info.run_id, same.info.status) == (sweep.info.run_id, "FINISHED")
    cells = mlflow.runs("cell", same)
    assert len(named(cells)) == 4
    assert {cell.info.status for cell in cells} == {"FINISHED"}
