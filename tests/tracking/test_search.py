"""A search: its trials are steps of a metric, a table and, up to a limit, runs."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from cvn_harness_core import (
    Event,
    HPOParams,
    TrainedArtifact,
    hookimpl,
    train_ensemble,
    train_one,
)
from cvn_harness_core.events.log import OBSERVERS
from cvn_harness_core.testing.synthetic import synthetic_datasets
from tests.ensembles.small import datasets

DATASETS = synthetic_datasets()


def search(n_trials: int) -> TrainedArtifact:
    params = HPOParams({"n_estimators": 10}, n_trials=n_trials, seed=3, n_threads=1)
    return train_one("lightgbm", DATASETS, params)


def test_trials_are_runs_steps_and_a_table(mlflow: Any) -> None:
    artifact = search(4)
    assert artifact.search is not None
    (run,) = mlflow.runs("training")
    assert run.data.metrics["search/value"] == artifact.search.value
    assert run.data.tags["cvn.study"] == artifact.search.study
    steps = mlflow.client.get_metric_history(run.info.run_id, "trial/seconds")
    assert sorted(metric.step for metric in steps) == [0, 1, 2, 3]
    table = Path(mlflow.client.download_artifacts(run.info.run_id, "trials.csv"))
    assert len(table.read_text().splitlines()) == 5
    trials = {int(t.info.run_name.split()[1]): t for t in mlflow.runs("trial", run)}
    assert sorted(trials) == [0, 1, 2, 3]
    for record in artifact.search.trials:
        trial = trials[record.number]
        assert trial.data.params == {n: str(v) for n, v in record.params.items()}
        assert trial.data.metrics.get("value") == record.value
    assert [n for n, t in trials.items() if "cvn.best" in t.data.tags] == [artifact.search.best]


def test_more_trials_than_the_limit_are_no_runs(
    mlflow: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CVN_MLFLOW_TRIALS", "3")
    search(4)
    (run,) = mlflow.runs("training")
    assert mlflow.runs("trial") == []
    assert "trials.csv" in mlflow.files(run)


def test_bases_are_runs_below_their_ensembles(mlflow: Any) -> None:
    bases = {"lightgbm": HPOParams({"n_estimators": 8}), "xgboost": HPOParams({"n_estimators": 8})}
    train_ensemble("blend_avg", datasets(), bases, bases=tuple(bases))
    (ensemble,) = (r for r in mlflow.runs("training") if r.data.tags["cvn.kind"] == "ensemble")
    below = mlflow.runs("training", ensemble)
    assert {run.data.tags["cvn.model"] for run in below} == set(bases)
    assert len(mlflow.runs("training")) == 3


def test_trainings_at_the_same_time_are_below_what_they_are_part_of(mlflow: Any) -> None:
    bases = {"lightgbm": HPOParams({"n_estimators": 8}), "xgboost": HPOParams({"n_estimators": 8})}
    data, all_begun = datasets(), threading.Barrier(3, timeout=60)

    class Together:
        """Let no training go on before all three have begun."""

        @hookimpl
        def cvn_event(self, event: Event) -> None:
            if event.event == "training_started" and event.part_of is None:
                all_begun.wait()

    def ensemble() -> None:
        train_ensemble("blend_avg", data, bases, bases=tuple(bases))

    def model(seed: int) -> None:
        train_one("lightgbm", DATASETS, HPOParams({"n_estimators": 8}, seed=seed, n_threads=1))

    with OBSERVERS.including("together", Together()), ThreadPoolExecutor(3) as pool:
        for done in [pool.submit(ensemble), *(pool.submit(model, seed) for seed in (1, 2))]:
            done.result()
    assert OBSERVERS.finish()
    runs = mlflow.runs("training")
    assert {run.info.status for run in runs} == {"FINISHED"}
    (outer,) = (run for run in runs if run.data.tags["cvn.kind"] == "ensemble")
    below = [run for run in runs if "mlflow.parentRunId" in run.data.tags]
    assert {run.data.tags["cvn.model"] for run in below} == set(bases)
    assert {run.data.tags["mlflow.parentRunId"] for run in below} == {outer.info.run_id}
    assert len(runs) == 5
