"""A training is a run of a real MLflow: parameters with provenance, figures, artifacts."""

from __future__ import annotations

import csv
import json
from typing import Any

import pytest

from cvn_harness_core import (
    FitError,
    Fixed,
    HPOParams,
    Store,
    TrainedArtifact,
    TrainingPolicy,
    train_one,
)
from cvn_harness_core.testing.synthetic import synthetic_datasets

DATASETS = synthetic_datasets()


def train(params: dict[str, Any] | None = None, **how: Any) -> TrainedArtifact:
    return train_one("tracked", DATASETS, HPOParams(params or {}, seed=7, n_threads=1), **how)


def test_a_training_is_a_run(mlflow: Any, rejected: list[str]) -> None:
    artifact = train({"C": 0.5}, tags={"fold": "3", "variant": "base"})
    (run,) = mlflow.runs()
    assert rejected == []
    assert run.info.status == "FINISHED"
    assert run.info.run_name == "tracked SYNTHETIC/3/base"
    assert run.data.tags["cvn.run_id"] == artifact.run_id
    assert run.data.tags["cvn.datasets_digest"] == artifact.datasets_digest
    assert run.data.tags["mlflow.note.content"] == artifact.tradability.sentence


def test_parameters_say_who_chose_them_and_what_they_replaced(mlflow: Any) -> None:
    train({"C": 0.5})
    (run,) = mlflow.runs()
    params, tags = run.data.params, run.data.tags
    assert (params["C"], tags["C.source"], tags["C.overridden"]) == ("0.5", "user", "1.0 (default)")
    assert (params["max_iter"], tags["max_iter.source"]) == ("200", "default")
    assert (params["cvn.seed"], params["cvn.policy"]) == ("7", "economic")
    assert "tol" not in params, "the library's own"
    facts = json.loads(mlflow.text(run, "artifact.json"))
    assert facts["effective_params"]["tol"]["source"] == "library"


def test_figures_of_each_split_are_metrics_and_undefined_ones_tags(mlflow: Any) -> None:
    artifact = train(policy=TrainingPolicy(theta=Fixed(0.999)))
    (run,) = mlflow.runs()
    for split, figures in artifact.metrics.items():
        for name, figure in figures.figures().items():
            at = f"{split}/{name}"
            if figure is None:
                assert at not in run.data.metrics
                assert run.data.tags[f"undefined.{at}"] == figures.undefined[name]
            else:
                assert run.data.metrics[at] == figure
    assert "undefined.test/sortino" in run.data.tags
    assert run.data.metrics["n_train"] == 600


def test_the_curve_and_the_report_are_artifacts(mlflow: Any) -> None:
    artifact = train()
    (run,) = mlflow.runs()
    assert mlflow.artifacts(run) == {"artifact.json", "report.md", "theta_curve.csv"}
    rows = list(csv.DictReader(mlflow.text(run, "theta_curve.csv").splitlines()))
    curve = artifact.decision.curve
    assert curve is not None
    assert [float(row["theta"]) for row in rows] == list(curve.theta)
    assert [float(row["expectancy_at_cost_0.05"]) for row in rows] == list(curve.expectancy[1])
    report = mlflow.text(run, "report.md")
    assert artifact.tradability.sentence in report
    assert f"| roc_auc | {artifact.metrics['train'].roc_auc:.4f} |" in report


def test_long_values_are_cut_and_whole_in_the_artifact(mlflow: Any) -> None:
    train({"note": "x" * 7000})
    (run,) = mlflow.runs()
    assert run.data.params["note"] == "x" * 497 + "..."
    facts = json.loads(mlflow.text(run, "artifact.json"))
    assert facts["params"]["note"] == "x" * 7000


def test_a_failed_training_is_a_failed_run_without_its_secrets(mlflow: Any) -> None:
    with pytest.raises(FitError, match="no luck"):
        train({"fail": True})
    (run,) = mlflow.runs()
    assert run.info.status == "FAILED"
    assert run.data.tags["cvn.error.code"] == "fit_failed"
    assert run.data.tags["cvn.error.stage"] == "fitted"
    assert "postgresql://[redacted]@db.example" in run.data.tags["cvn.error.message"]
    assert "s3cret" not in str(run.data.tags)


def test_labels_that_name_secrets_are_not_logged(mlflow: Any) -> None:
    train(tags={"desk": "index", "api_key": "k-123", "aws.secret": "k-456"})
    (run,) = mlflow.runs()
    assert run.data.tags["cvn.desk"] == "index"
    assert "k-123" not in str(run.data)
    assert "k-1" not in mlflow.text(run, "artifact.json")
    assert "k-4" not in mlflow.text(run, "artifact.json") + mlflow.text(run, "report.md")


def test_a_run_that_the_host_names_is_the_parent(
    mlflow: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    outer = mlflow.client.create_run(mlflow.experiment)
    monkeypatch.setenv("MLFLOW_RUN_ID", outer.info.run_id)
    train()
    (run,) = mlflow.runs(type="training")
    assert run.data.tags["mlflow.parentRunId"] == outer.info.run_id


def test_what_was_in_the_store_is_no_second_run(mlflow: Any, tmp_path: Any) -> None:
    store = Store(tmp_path / "store")
    train(store=store)
    train(store=store)
    assert len(mlflow.runs()) == 1
