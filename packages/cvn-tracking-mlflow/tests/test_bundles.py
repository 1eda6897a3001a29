"""Saved bundles are model versions, and come back verified."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cvn_harness_core import BundleError, HPOParams, InputError, Store, train_one
from cvn_harness_core.testing.synthetic import synthetic_datasets
from cvn_tracking_mlflow import TrackingError, load_bundle

DATASETS = synthetic_datasets()
BUNDLE = {"bundle/manifest.json", "bundle/manifest.sha256", "bundle/model.json"}


def versions(mlflow: Any) -> list[Any]:
    found = mlflow.client.search_model_versions("name = 'tracked-SYNTHETIC'")
    runs = {run.info.run_id for run in mlflow.runs()}
    return [version for version in found if version.run_id in runs]


def test_a_saved_bundle_comes_back_by_run_and_by_version(mlflow: Any, tmp_path: Path) -> None:
    artifact = train_one("tracked", DATASETS)
    artifact.save(tmp_path / "bundle")
    (run,) = mlflow.runs()
    assert mlflow.artifacts(run, "bundle") == BUNDLE
    (version,) = versions(mlflow)
    assert version.tags["cvn.run_id"] == artifact.run_id
    assert run.data.tags["cvn.model_version"] == f"models:/{version.name}/{version.version}"
    mlflow.client.set_registered_model_alias(version.name, "live", version.version)
    for source in (
        run.info.run_id,
        f"runs:/{run.info.run_id}/bundle",
        f"models:/{version.name}/{version.version}",
        f"models:/{version.name}/latest",
        f"models:/{version.name}@live",
    ):
        again = load_bundle(source)
        assert again.run_id == artifact.run_id
        np.testing.assert_array_equal(
            again.predict_proba(DATASETS.test.X), artifact.predict_proba(DATASETS.test.X)
        )


def test_a_bundle_that_was_tampered_with_is_refused(mlflow: Any, tmp_path: Path) -> None:
    train_one("tracked", DATASETS).save(tmp_path / "bundle")
    (run,) = mlflow.runs()
    model = mlflow.files / run.info.run_id / "artifacts" / "bundle" / "model.json"
    model.write_text(model.read_text().replace("1", "2", 1))
    with pytest.raises(BundleError) as raised:
        load_bundle(run.info.run_id)
    assert raised.value.code == "bundle_corrupt"


def test_nothing_is_a_pickle_or_a_model_of_mlflows(mlflow: Any, tmp_path: Path) -> None:
    train_one("tracked", DATASETS).save(tmp_path / "bundle")
    names = {path.name for path in mlflow.files.rglob("*") if path.is_file()}
    assert not [name for name in names if name == "MLmodel" or name.endswith((".pkl", ".pickle"))]


def test_the_same_bundle_is_logged_once(mlflow: Any, tmp_path: Path) -> None:
    artifact = train_one("tracked", DATASETS)
    artifact.save(tmp_path / "one")
    artifact.save(tmp_path / "two")
    assert len(versions(mlflow)) == 1


def test_without_registering(mlflow: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CVN_MLFLOW_REGISTER", "0")
    train_one("tracked", DATASETS).save(tmp_path / "bundle")
    (run,) = mlflow.runs()
    assert mlflow.artifacts(run, "bundle") == BUNDLE
    assert versions(mlflow) == []


def test_saving_what_mlflow_never_saw_makes_its_run(
    mlflow: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    how = {"hpo_params": HPOParams({"C": 0.3}), "store": Store(tmp_path / "store")}
    with monkeypatch.context() as off:
        off.setenv("CVN_MLFLOW", "0")
        train_one("tracked", DATASETS, **how)
    artifact = train_one("tracked", DATASETS, **how)
    assert mlflow.runs() == []
    artifact.save(tmp_path / "bundle")
    (run,) = mlflow.runs()
    assert (run.info.status, run.data.params["C"]) == ("FINISHED", "0.3")
    assert load_bundle(run.info.run_id).content_key == artifact.content_key


@pytest.mark.parametrize(
    "source", ["0" * 32, "models:/nobody/1", "models:/nobody/latest", "models:/a/b/c"]
)
def test_what_is_not_there_is_said(mlflow: Any, source: str) -> None:
    with pytest.raises(TrackingError, match=source) as raised:
        load_bundle(source)
    assert raised.value.code == "tracking_not_found"


@pytest.mark.parametrize("source", [None, 3, Path("bundle")])
def test_what_is_no_text_is_refused_before_mlflow_is_asked(source: Any) -> None:
    with pytest.raises(InputError, match=r"source is .*; give a run's id") as raised:
        load_bundle(source)
    assert raised.value.code == "setting_invalid"
