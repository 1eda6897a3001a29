"""Predicting with anything but what the model was trained on is an error that says so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from cvn_harness_core import Datasets, FeatureVersion, InputError, TrainedArtifact, train_one

FRAMES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "pandas": pd.DataFrame,
    "polars": pl.DataFrame,
    "pyarrow": pa.table,
}


@pytest.fixture(scope="module")
def kept() -> dict[str, TrainedArtifact]:
    """What was trained once for all tests of this file."""
    return {}


@pytest.fixture
def artifact(models: Any, datasets: Datasets, kept: dict[str, TrainedArtifact]) -> TrainedArtifact:
    if "artifact" not in kept:
        kept["artifact"] = train_one("logreg", datasets)
    return kept["artifact"]


@pytest.fixture
def single(models: Any, datasets: Datasets) -> TrainedArtifact:
    """A model of single-precision features."""
    parts = {name: (s.X.astype(np.float32), s.y) for name, s in datasets.splits()}
    return train_one("logreg", Datasets.from_arrays(**parts, feature_names=datasets.feature_names))


def columns(X: np.ndarray, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: X[:, i] for i, name in enumerate(names)}


# --- what is returned -----------------------------------------------------------------------


@pytest.mark.parametrize("name", ["logreg", "descent"])
def test_probabilities_are_two_columns_that_add_up(
    name: str, models: Any, datasets: Datasets
) -> None:
    X = datasets.test.X
    p = train_one(name, datasets).predict_proba(X)
    assert p.shape == (len(X), 2)
    assert p.dtype == np.float64
    np.testing.assert_allclose(p.sum(axis=1), 1.0, atol=1e-15)
    assert (p >= 0).all()


def test_signals_are_int8_at_or_above_theta(artifact: TrainedArtifact, datasets: Datasets) -> None:
    X = datasets.val.X
    signals = artifact.predict(X)
    assert signals.dtype == np.int8
    np.testing.assert_array_equal(signals, artifact.predict_proba(X)[:, 1] >= artifact.theta)
    assert signals.sum() == artifact.decision.n_signals
    assert artifact.signals(np.array([0.0, artifact.theta, 1.0])).tolist() == [0, 1, 1]


def test_a_row_scores_the_same_alone(artifact: TrainedArtifact, datasets: Datasets) -> None:
    X = datasets.test.X
    alone = np.vstack([artifact.predict_proba(X[i : i + 1]) for i in range(20)])
    np.testing.assert_allclose(alone, artifact.predict_proba(X)[:20], rtol=1e-14)


def test_no_rows_are_no_predictions(artifact: TrainedArtifact) -> None:
    empty = np.empty((0, 4))
    assert artifact.predict_proba(empty).shape == (0, 2)
    assert artifact.predict_proba(empty).dtype == np.float64
    assert artifact.predict(empty).shape == (0,)
    assert artifact.predict(empty).dtype == np.int8


def test_the_input_is_not_changed(artifact: TrainedArtifact, datasets: Datasets) -> None:
    X = datasets.test.X.copy()
    before = X.copy()
    artifact.predict_proba(X)
    np.testing.assert_array_equal(X, before)
    assert X.flags.writeable


@pytest.mark.parametrize("library", FRAMES)
def test_a_frame_predicts_as_its_matrix_does(
    library: str, artifact: TrainedArtifact, datasets: Datasets
) -> None:
    X = datasets.test.X
    frame = FRAMES[library](columns(X, datasets.feature_names))
    np.testing.assert_array_equal(artifact.predict_proba(frame), artifact.predict_proba(X))
    np.testing.assert_array_equal(artifact.predict(frame), artifact.predict(X))


@pytest.mark.parametrize("library", FRAMES)
def test_a_frame_without_rows_is_no_predictions(
    library: str, artifact: TrainedArtifact, datasets: Datasets
) -> None:
    frame = FRAMES[library](columns(np.empty((0, 4)), datasets.feature_names))
    assert artifact.predict_proba(frame).shape == (0, 2)


def test_lists_whole_numbers_and_single_precision_are_converted(
    artifact: TrainedArtifact,
) -> None:
    rows = [[1, 2, 3, 4], [0, -1, 0, 1]]
    wanted = artifact.predict_proba(np.array(rows, dtype=np.float64))
    for given in (rows, np.array(rows), np.array(rows, dtype=np.float32)):
        np.testing.assert_array_equal(artifact.predict_proba(given), wanted)


# --- what is refused ------------------------------------------------------------------------


@pytest.mark.parametrize("width", [0, 1, 3, 5])
@pytest.mark.parametrize("rows", [0, 3])
def test_another_width_is_refused(width: int, rows: int, artifact: TrainedArtifact) -> None:
    with pytest.raises(InputError, match=f"X has {width} columns .* trained on 4") as caught:
        artifact.predict_proba(np.zeros((rows, width)))
    assert caught.value.code == "feature_width"


@pytest.mark.parametrize(
    ("given", "code", "said"),
    [
        (("spread", "momentum", "volume", "hour"), "feature_order", "feature 0 is 'spread'"),
        (("momentum", "spread", "volume", "Hour"), "feature_order", "feature 3 is 'Hour'"),
        (("momentum", "spread", "volume"), "feature_width", r"missing: \['hour'\]"),
        (
            ("momentum", "spread", "volume", "hour", "day"),
            "feature_width",
            r"unexpected: \['day'\]",
        ),
    ],
)
@pytest.mark.parametrize("library", FRAMES)
def test_a_frame_of_other_columns_is_refused(
    library: str, given: tuple[str, ...], code: str, said: str, artifact: TrainedArtifact
) -> None:
    frame = FRAMES[library](columns(np.zeros((3, len(given))), given))
    for predict in (artifact.predict_proba, artifact.predict):
        with pytest.raises(InputError, match=said) as caught:
            predict(frame)
        assert caught.value.code == code


@pytest.mark.parametrize("library", FRAMES)
def test_a_frame_with_text_is_refused(library: str, artifact: TrainedArtifact) -> None:
    table = columns(np.zeros((2, 4)), artifact.feature_version.feature_names)
    with pytest.raises(InputError, match="'hour'") as caught:
        artifact.predict(FRAMES[library](table | {"hour": ["ten", "eleven"]}))
    assert caught.value.code == "features_not_numeric"


def test_a_frame_with_numbers_for_names_is_refused(artifact: TrainedArtifact) -> None:
    with pytest.raises(InputError):
        artifact.predict(pd.DataFrame(np.zeros((2, 4))))


@pytest.mark.parametrize(
    ("name", "dtype"), [("sample-2", "float64"), ("sample-1", "float32"), ("", "float64")]
)
def test_another_feature_version_is_refused(
    name: str, dtype: str, artifact: TrainedArtifact
) -> None:
    names = artifact.feature_version.feature_names
    X = np.zeros((2, 4))
    with pytest.raises(InputError, match="'sample-1'") as caught:
        artifact.predict(X, feature_version=FeatureVersion(name, names, dtype))
    assert caught.value.code == "feature_version"
    artifact.predict(X, feature_version=FeatureVersion("sample-1", names, "float64"))


def test_another_feature_version_is_refused_even_without_rows(
    artifact: TrainedArtifact,
) -> None:
    names = artifact.feature_version.feature_names
    with pytest.raises(InputError):
        artifact.predict(
            np.empty((0, 4)), feature_version=FeatureVersion("sample-2", names, "float64")
        )


def test_double_precision_is_refused_by_a_model_of_single(
    single: TrainedArtifact, datasets: Datasets
) -> None:
    X = datasets.test.X
    table = columns(X, datasets.feature_names)
    for given in (X, *(make(table) for make in FRAMES.values()), X.tolist()):
        with pytest.raises(InputError, match=r"X.astype\('float32'\)") as caught:
            single.predict(given)
        assert caught.value.code == "features_dtype"
    assert single.predict_proba(X.astype(np.float32)).dtype == np.float64


@pytest.mark.parametrize(
    ("X", "code"),
    [
        (np.zeros(4), "shape_invalid"),
        (np.zeros((2, 4, 1)), "shape_invalid"),
        ([], "shape_invalid"),
        (5.0, "shape_invalid"),
        ([[np.inf, 0, 0, 0]], "features_infinite"),
        ([["a", "b", "c", "d"]], "features_not_numeric"),
        (np.zeros((2, 4), dtype=object), "features_not_numeric"),
        (None, "shape_invalid"),
    ],
    ids=str,
)
def test_what_is_no_matrix_of_numbers_is_refused(
    X: object, code: str, artifact: TrainedArtifact
) -> None:
    with pytest.raises(InputError) as caught:
        artifact.predict_proba(X)
    assert caught.value.code == code


def test_scores_that_are_no_probabilities_are_refused_at_prediction_too(
    models: Any, datasets: Datasets
) -> None:
    """Logistic regression gives NaN for a missing feature if nothing stops it."""
    artifact = train_one("descent", datasets)
    X = datasets.test.X.copy()
    X[3, 1] = np.nan
    with pytest.raises(InputError, match="NaN") as caught:
        artifact.predict(X)
    assert caught.value.code == "scores_not_finite"
