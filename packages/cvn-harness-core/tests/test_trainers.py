"""A trainer fits what its store has not, and says so; what it returns is the same either way."""

from __future__ import annotations

import json
import math
import shutil
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from cvn_harness_core import (
    ENSEMBLE_REGISTRY,
    MODEL_REGISTRY,
    AutonomousEnsembleTrainer,
    AutonomousModelTrainer,
    Datasets,
    F1Grid,
    HPOParams,
    Payoff,
    PluginNotInstalledError,
    Store,
    TrainedArtifact,
    TrainingOutcome,
    TrainingPolicy,
    train_ensemble,
    train_one,
    trainer_for,
)
from cvn_harness_core.artifact.record import ArtifactRecord
from cvn_harness_core.contracts.metrics import metric_names
from cvn_harness_core.errors import InputError, PluginBlockedError, PluginConflictError

ONE = HPOParams(n_threads=1)
BOTH = ["logreg", "mean"]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def data(parts: Any, names: Any, models: Any) -> Datasets:
    """With time and the ends of labels, as an ensemble needs them."""
    return dataset(parts, names)


def dataset(parts: Any, names: Any) -> Datasets:
    return Datasets.from_arrays(
        **parts, feature_names=names, feature_version="sample-1", payoff=Payoff(1.5, 0.5, cost=0.05)
    )


def told(models: Any, *events: str) -> list[tuple[str, str]]:
    """Return which of these events there were, and of which model."""
    return [(e.event, e.model) for e in models.events if e.event in events]


# --- hits and misses ------------------------------------------------------------------------


@pytest.mark.parametrize("name", BOTH)
def test_a_second_training_is_a_hit_and_fits_nothing(
    name: str, data: Datasets, store: Store, models: Any
) -> None:
    first = trainer_for(name, store).train(data, ONE)
    assert first.cache_hit is False
    assert models.fits
    models.fits.clear()
    models.events.clear()
    second = trainer_for(name, Store(store.path)).train(data, ONE)
    assert second.cache_hit is True
    assert models.fits == []
    assert told(models, "training_started", "cache_miss") == []
    assert ("cache_hit", name) in told(models, "cache_hit")
    assert 0 < second.seconds < 60


@pytest.mark.parametrize("name", BOTH)
def test_a_hit_is_the_same_artifact_as_the_miss(name: str, data: Datasets, store: Store) -> None:
    trainer = trainer_for(name, store)
    made, read = trainer.train(data, ONE), trainer.train(data, ONE)
    assert (made.cache_hit, read.cache_hit) == (False, True)
    assert read.artifact.metrics == made.artifact.metrics
    assert read.artifact.decision == made.artifact.decision
    for _, split in data.splits():
        assert np.array_equal(
            read.artifact.predict_proba(split.X), made.artifact.predict_proba(split.X)
        )
    ignored = {"cache_hit", "seconds"}
    first, second = made.to_legacy_dict(), read.to_legacy_dict()
    assert {k: v for k, v in first.items() if k not in ignored} == {
        k: v for k, v in second.items() if k not in ignored
    }


@pytest.mark.parametrize("name", BOTH)
def test_what_was_read_has_everything_in_the_order_of_what_was_made(
    name: str, data: Datasets, store: Store, tmp_path: Path
) -> None:
    given = ONE if name == "mean" else replace(ONE, params={"fit_intercept": True, "C": 0.5})
    made, again = (trainer_for(name, store).train(data, given).artifact for _ in range(2))
    loaded = TrainedArtifact.load(made.save(tmp_path / "bundle", self_contained=True))
    for read in (again, loaded):
        assert list(read.metrics) == ["train", "val", "test"]
        for fact in fields(ArtifactRecord):
            shown = [json.dumps(msgspec.to_builtins(getattr(a, fact.name))) for a in (made, read)]
            assert shown[0] == shown[1], fact.name


@pytest.mark.parametrize("name", BOTH)
def test_a_trainer_does_what_the_function_does(name: str, data: Datasets, models: Any) -> None:
    through = trainer_for(name).train(data, ONE).artifact
    train = {"model": train_one, "ensemble": train_ensemble}[through.kind]
    plain = train(name, data, ONE)
    assert through.metrics == plain.metrics
    assert np.array_equal(through.predict_proba(data.test.X), plain.predict_proba(data.test.X))


@pytest.mark.parametrize("name", BOTH)
def test_without_a_store_there_is_neither_a_hit_nor_a_miss(
    name: str, data: Datasets, models: Any
) -> None:
    trainer = trainer_for(name)
    outcomes = [trainer.train(data, ONE), trainer.train(data, ONE)]
    assert [outcome.cache_hit for outcome in outcomes] == [None, None]
    assert outcomes[0].artifact.content_key is None
    assert told(models, "cache_hit", "cache_miss") == []
    assert len(models.fits) % 2 == 0
    assert models.fits


@pytest.mark.parametrize("name", BOTH)
@pytest.mark.parametrize("changed", ["data", "params", "policy", "seed"])
def test_what_the_result_depends_on_makes_a_miss(
    changed: str, name: str, parts: Any, names: Any, data: Datasets, store: Store
) -> None:
    def train(**change: Any) -> TrainingOutcome:
        hpo = change.get("hpo", ONE)
        return trainer_for(name, store, change.get("policy")).train(change.get("data", data), hpo)

    first = train()
    own = replace(ONE, params={"logreg": {"C": 0.5}, "mean": {"power": 2.0}}[name])
    parts["train"]["X"] = parts["train"]["X"].copy()
    parts["train"]["X"][0, 0] += 1e-9
    changes: dict[str, dict[str, Any]] = {
        "data": {"data": dataset(parts, names)},
        "params": {"hpo": own if first.artifact.kind == "model" else {"": ONE, name: own}},
        "policy": {"policy": TrainingPolicy(theta=F1Grid())},
        "seed": {"hpo": replace(ONE, seed=7)},
    }
    other = train(**changes[changed])
    assert other.cache_hit is False
    assert other.artifact.content_key != first.artifact.content_key
    assert train().cache_hit is True


def test_an_ensemble_is_a_miss_where_only_its_bases_are_kept(
    data: Datasets, store: Store, models: Any
) -> None:
    AutonomousEnsembleTrainer("mean", store).train(data, ONE)
    models.fits.clear()
    own = {"": ONE, "mean": HPOParams({"power": 3.0})}
    outcome = AutonomousEnsembleTrainer("mean", store).train(data, own)
    assert outcome.cache_hit is False
    assert models.fits == []


def test_a_base_that_was_evicted_is_fitted_again_for_an_ensemble_that_was_not(
    data: Datasets, store: Store, models: Any
) -> None:
    trainer = AutonomousEnsembleTrainer("mean", store)
    first = trainer.train(data, ONE)
    shutil.rmtree(store._layout.entry(first.artifact.lineage[0]))
    models.fits.clear()
    models.events.clear()
    second = trainer.train(data, ONE)
    assert second.cache_hit is True
    assert told(models, "training_started") == [("training_started", "logreg")]
    assert len(models.fits) == 1  # its forward folds are there still
    X = data.test.X
    assert np.array_equal(second.artifact.predict_proba(X), first.artifact.predict_proba(X))


def test_other_bases_are_another_ensemble(data: Datasets, store: Store) -> None:
    both = AutonomousEnsembleTrainer("mean", store).train(data, ONE)
    alone = AutonomousEnsembleTrainer("mean", store, bases=["logreg"]).train(data, ONE)
    assert both.artifact.bases == ("logreg", "weighted")
    assert (alone.cache_hit, alone.artifact.bases) == (False, ("logreg",))


@pytest.mark.parametrize("name", BOTH)
def test_tags_are_the_callers_on_a_hit_too(
    name: str, data: Datasets, store: Store, models: Any
) -> None:
    trainer = trainer_for(name, store)
    first = trainer.train(data, ONE, {"symbol": "ES", "variant": "a"})
    second = trainer.train(data, ONE, tags={"symbol": "NQ"})
    assert second.cache_hit
    assert first.artifact.tags == {"symbol": "ES", "variant": "a"}
    assert second.artifact.tags == {"symbol": "NQ"}
    hits = [e for e in models.events if e.event == "cache_hit" and e.model == name]
    assert [e.symbol for e in hits] == ["NQ"]


def test_a_training_that_fails_is_repeated(data: Datasets, store: Store) -> None:
    trainer = AutonomousModelTrainer("faulty", store)
    for _ in range(2):
        with pytest.raises(RuntimeError, match="no luck in fit"):
            trainer.train(data, HPOParams({"fault": "fit"}))
    assert store.ls() == []


def test_what_cannot_be_trained_is_refused_as_by_the_function(data: Datasets) -> None:
    trainer = AutonomousEnsembleTrainer("mean", bases=["logreg", "logreg"])
    with pytest.raises(InputError, match="twice"):
        trainer.train(data)


# --- the legacy mapping ---------------------------------------------------------------------


@pytest.mark.parametrize("name", BOTH)
@pytest.mark.parametrize("kept", [True, False])
def test_the_legacy_mapping_is_flat_complete_and_finite(
    name: str, kept: bool, data: Datasets, store: Store
) -> None:
    outcome = trainer_for(name, store if kept else None).train(data, ONE)
    said, artifact = outcome.to_legacy_dict(), outcome.artifact
    figures = {
        f"{split}_{figure}" for split in ("train", "val", "test") for figure in metric_names()
    }
    assert {"train_f1_buy", "val_roc_auc", "test_expectancy"} <= figures
    assert figures <= set(said)
    assert {key: said[key] for key in said if key not in figures} == {
        "_via_harness": True,
        "model": name,
        "kind": artifact.kind,
        "theta": artifact.theta,
        "decision": artifact.decision.status,
        "best_iteration": None,
        "health": artifact.health.verdict,
        "content_key": artifact.content_key,
        "cache_hit": False if kept else None,
        "seconds": outcome.seconds,
    }
    assert said["test_roc_auc"] == artifact.metrics["test"].roc_auc
    assert said["val_n"] == len(data.val)
    assert all(isinstance(v, str | bool | int | float | None) for v in said.values())
    assert all(math.isfinite(v) for v in said.values() if isinstance(v, float))
    assert json.loads(json.dumps(said, allow_nan=False)) == said


def test_an_undefined_figure_is_none(datasets: Datasets, models: Any) -> None:
    unpaid = replace(datasets, payoff=None)
    said = AutonomousModelTrainer("logreg").train(unpaid).to_legacy_dict()
    assert said["test_expectancy"] is None
    assert said["test_roc_auc"] is not None


def test_the_iterations_of_a_boosted_model_are_in_the_mapping(
    datasets: Datasets, models: Any
) -> None:
    hpo = HPOParams({"n_steps": 20})
    said = AutonomousModelTrainer("descent").train(datasets, hpo).to_legacy_dict()
    assert 1 <= said["best_iteration"] <= 20


# --- names ----------------------------------------------------------------------------------


def test_the_name_says_which_trainer_it_is(store: Store, models: Any) -> None:
    policy = TrainingPolicy.adr0089()
    assert trainer_for("logreg", store, policy) == AutonomousModelTrainer(
        "logreg", store, policy=policy
    )
    assert trainer_for("mean", store, policy) == AutonomousEnsembleTrainer(
        "mean", store, policy=policy
    )


@pytest.mark.parametrize(
    ("trainer", "lines"),
    [
        (AutonomousModelTrainer, ["Did you mean 'logreg'", "pip install cvn-model-logrge"]),
        (AutonomousEnsembleTrainer, ["pip install cvn-ensembles"]),
        (trainer_for, ["pip install cvn-model-logrge", "pip install cvn-ensembles"]),
    ],
)
def test_an_unknown_name_is_refused_when_the_trainer_is_made(
    trainer: Any, lines: list[str], refused: Any
) -> None:
    with refused(PluginNotInstalledError, "plugin_not_installed") as caught:
        trainer("logrge")
    assert all(line in str(caught.value) for line in lines)


def test_a_trainer_is_of_one_kind(models: Any) -> None:
    with pytest.raises(PluginNotInstalledError, match="the model 'mean'"):
        AutonomousModelTrainer("mean")
    with pytest.raises(PluginNotInstalledError, match="the ensemble 'logreg'"):
        AutonomousEnsembleTrainer("logreg")


def test_a_name_that_a_model_and_an_ensemble_share_is_refused_until_one_is_blocked(
    monkeypatch: pytest.MonkeyPatch, models: Any, site: Any
) -> None:
    site.add("acme-models", "cvn_harness.models.v1", {"mean": "acme_mean"})
    with pytest.raises(PluginConflictError, match="model of acme-models"):
        trainer_for("mean")
    monkeypatch.setenv("CVN_PLUGINS_BLOCK", "acme-models")
    MODEL_REGISTRY.refresh()
    ENSEMBLE_REGISTRY.refresh()
    assert isinstance(trainer_for("mean"), AutonomousEnsembleTrainer)


def test_what_is_installed_and_cannot_be_used_is_not_called_missing(
    monkeypatch: pytest.MonkeyPatch, models: Any
) -> None:
    monkeypatch.setenv("CVN_PLUGINS_BLOCK", "sample-models")
    for name in BOTH:
        with pytest.raises(PluginBlockedError, match="CVN_PLUGINS_BLOCK"):
            trainer_for(name)
