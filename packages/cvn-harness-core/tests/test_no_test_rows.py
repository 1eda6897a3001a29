"""Data that are judged elsewhere have no test rows, and nothing is said of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cvn_harness_core import (
    Calibration,
    Datasets,
    HPOParams,
    InputError,
    OutOfFold,
    Payoff,
    Range,
    Store,
    TrainedArtifact,
    TrainingPolicy,
    check_leaks,
    train_ensemble,
    train_one,
)

PAYOFF = Payoff(1.5, 0.5, cost=0.05)


def untested(parts: Any, names: Any, **changes: Any) -> Datasets:
    arguments: dict[str, Any] = {**parts, "feature_names": names, "payoff": PAYOFF, **changes}
    return Datasets.from_arrays(**{**arguments, "test": None})


def test_there_are_no_figures_of_test_no_verdict_and_no_alarm(
    models: Any, parts: Any, names: Any
) -> None:
    artifact = train_one("logreg", untested(parts, names))
    assert list(artifact.metrics) == ["train", "val"]
    assert artifact.tradability.verdict == "unknown"
    assert artifact.tradability.sentence == "Tradability is unknown: there are no test rows."
    assert (artifact.outcome.realised_buy_rate, artifact.outcome.realised_expectancy) == (
        None,
        None,
    )
    assert artifact.outcome.predicted_buy_rate == artifact.decision.buy_rate
    told = {event.event for event in models.events}
    assert "theta_alarm" not in told
    assert "training_complete" in told


def test_it_is_the_model_that_is_trained_beside_a_test_split(
    models: Any, parts: Any, names: Any
) -> None:
    untold = train_one("logreg", untested(parts, names))
    arguments: dict[str, Any] = {**parts, "feature_names": names, "payoff": PAYOFF}
    tested = train_one("logreg", Datasets.from_arrays(**arguments))
    X = parts["test"]["X"]
    assert (untold.predict_proba(X) == tested.predict_proba(X)).all()
    assert untold.theta == tested.theta
    assert {n: untold.metrics[n] for n in ("train", "val")} == {
        n: tested.metrics[n] for n in ("train", "val")
    }


@pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
def test_calibration_and_forward_folds_do_without(
    method: Any, models: Any, parts: Any, names: Any, tmp_path: Path
) -> None:
    policy = TrainingPolicy(
        calibration=Calibration(method, min_rows=20), out_of_fold=OutOfFold(n_folds=2)
    )
    data = untested(parts, names)
    store = Store(tmp_path / "store")
    artifact = train_one("logreg", data, policy=policy, store=store)
    assert train_one("logreg", data, policy=policy, store=store).metrics == artifact.metrics
    assert check_leaks(artifact, data).sound
    loaded = TrainedArtifact.load(artifact.save(tmp_path / "bundle"))
    assert loaded.outcome == artifact.outcome
    assert loaded.tradability == artifact.tradability


def test_an_ensemble_does_without(models: Any, parts: Any, names: Any) -> None:
    artifact = train_ensemble("mean", untested(parts, names))
    assert list(artifact.metrics) == ["train", "val"]
    scores = artifact.predict_proba(parts["test"]["X"])
    assert np.isfinite(scores).all()


def test_the_rest_is_checked_as_ever(parts: Any, names: Any) -> None:
    late = parts["val"]["time"][0] - np.arange(300, 0, -1) * np.timedelta64(1, "D")
    leaking = {**parts["train"], "time": late, "label_end": late + np.timedelta64(3, "D")}
    with pytest.raises(InputError, match="labels of train reach into val") as caught:
        untested({**parts, "train": leaking}, names)
    assert caught.value.code == "split_leak"


def test_no_rows_have_no_content(parts: Any, names: Any) -> None:
    data = untested(parts, names)
    assert [name for name, _ in data.splits()] == ["train", "val"]
    assert {name.partition(".")[0] for name in data.content()} == {"train", "val"}
    assert data.test.X.shape == (0, len(names))


@pytest.mark.parametrize("settings", [{}, {"out_of_fold": OutOfFold(n_folds=2)}])
@pytest.mark.parametrize("n_trials", [0, 2])
def test_no_adapter_sees_the_rows_that_it_is_judged_on(
    models: Any, parts: Any, names: Any, settings: dict[str, Any], n_trials: int
) -> None:
    from sample_models.logistic import FITS

    if n_trials:
        pytest.importorskip("optuna")
    given: dict[str, Any] = {**parts, "feature_names": names, "payoff": PAYOFF}
    datasets, n = Datasets.from_arrays(**given), len(FITS)
    space = {"C": Range(0.1, 1.0)}
    run = HPOParams(n_trials=n_trials, space=space) if n_trials else HPOParams()
    artifact = train_one("logreg", datasets, run, policy=TrainingPolicy(**settings))
    assert "test" in artifact.metrics
    seen = [prepared for prepared, _ in FITS[n:]]
    assert len(seen) >= max(1, n_trials)
    assert {len(one.test) for one in seen} == {0}
    assert {one.test.X.shape[1] for one in seen} == {len(names)}


def test_data_without_their_test_share_the_arrays_of_the_rest(parts: Any, names: Any) -> None:
    whole = Datasets.from_arrays(**parts, feature_names=names)
    cut = whole.without_test()
    assert (cut.train, cut.val, cut.feature_version) == (
        whole.train, whole.val, whole.feature_version,
    )  # fmt: skip
    assert [name for name, _ in cut.splits()] == ["train", "val"]
    assert len(whole.test) == len(parts["test"]["y"])
