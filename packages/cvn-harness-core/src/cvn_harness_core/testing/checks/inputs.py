"""Checks of the features and labels that a model must cope with, and leave alone."""

from __future__ import annotations

from typing import Any

import numpy as np

from cvn_harness_core import FeatureVersion, InputError, Split
from cvn_harness_core.contracts.split import Array
from cvn_harness_core.testing.check import check
from cvn_harness_core.testing.model_subject import ModelUnderTest
from cvn_harness_core.testing.synthetic import NAMES, synthetic_datasets, unseen_rows
from cvn_harness_core.testing.verdict import expecting, largest_gap, refusal, require

_GUARDS = "leave datasets and artifacts as they are: they guard the features"
_ODDITIES = ("missing values", "missing throughout", "constant", "duplicate")


@check()
def odd_columns(model: ModelUnderTest) -> None:
    """Missing values, features missing throughout, constant and duplicate ones are accepted."""
    usual = model.artifact.metrics["train"].roc_auc or 0.0
    for oddity in _ODDITIES:
        expected, mend = f"a model that learns all the same of: {oddity}", "let NaN mean missing"

        def change(_: str, X: Array, y: Array, oddity: str = oddity) -> Split:
            if oddity == "missing values":
                X[np.random.default_rng(9).random(X.shape) < 0.1] = np.nan
            else:
                column = {"missing throughout": np.nan, "constant": 1.0, "duplicate": X[:, 0]}
                X[:, 5] = column[oddity]
            return Split(X, y)

        with expecting(expected, mend):
            auc = model.train(synthetic_datasets(change)).metrics["train"].roc_auc or 0.0
        seen = f"a ROC AUC of {auc:.3f} on its own rows, and {usual:.3f} without"
        require(auc > usual - 0.1, expected, seen, mend)


@check()
def single_precision(model: ModelUnderTest) -> None:
    """X may be float32; the model then refuses float64, rather than round it unseen."""
    with expecting("a training on float32", "accept float32 in prepare, fit and predict_proba"):
        artifact = model.train(synthetic_datasets(lambda _, X, y: Split(X.astype(np.float32), y)))
        scores = artifact.predict_proba(unseen_rows().astype(np.float32))
    seen = scores.dtype
    require(seen == np.float64, "float64 scores", seen, "do not replace the node native_scores")
    with refusal(InputError) as refused:
        artifact.predict_proba(unseen_rows())
    require("float32" in refused.said, "float64 to be refused", refused.said, _GUARDS)


@check()
def tiny_data(model: ModelUnderTest) -> None:
    """Two dozen rows are enough to be trained on, if not to learn from."""
    with expecting(
        "a training on 24 rows, validated on 20",
        "let fit cope with few rows: the harness judges whether it learnt anything",
    ):
        model.train(synthetic_datasets(sizes={"train": 24, "val": 20, "test": 20}))


@check()
def imbalanced_data(model: ModelUnderTest) -> None:
    """One positive in a hundred rows is enough to be trained on."""

    def rare(_: str, X: Array, y: Array) -> Split:
        return Split(X, np.where(np.cumsum(y) <= len(y) // 100, y, 0))

    with expecting(
        "a training on six positives among 600 rows",
        "let fit cope with few positives: no stratification or minimum of its own",
    ):
        model.train(synthetic_datasets(rare))


@check()
def inputs_untouched(model: ModelUnderTest) -> None:
    """Neither training nor scoring writes into the caller's arrays."""
    given: list[Array] = []

    def remember(_: str, X: Array, y: Array) -> Split:
        X[::5, 1] = np.nan
        weight = np.linspace(0.5, 2.0, y.size)
        given.extend((X, y, weight))
        return Split(X, y, weight=weight)

    datasets, asked = synthetic_datasets(remember), unseen_rows()
    asked[::5, 1] = np.nan
    given.append(asked)
    copies = [array.copy() for array in given]
    with expecting("read-only inputs to be read only", "copy before changing"):
        model.train(datasets).predict_proba(asked)
    changed = [
        i
        for i, (a, b) in enumerate(zip(given, copies, strict=True))
        if not np.array_equal(a, b, equal_nan=True)
    ]
    require(
        not changed,
        "inputs that are never written to",
        f"{len(changed)} of {len(given)} arrays changed",
        "copy before changing in ModelAdapter.prepare, fit and predict_proba",
    )


@check("same_seed")
def feature_order(model: ModelUnderTest) -> None:
    """Names do not reorder features, and other features than the trained ones are refused."""
    backwards = tuple(reversed(NAMES))
    artifact = model.train(synthetic_datasets(names=backwards))
    gap = largest_gap(artifact.predict_proba(unseen_rows()), model.scores)
    require(
        gap == 0.0,
        "the same bits from the same columns under other names",
        f"a difference of {gap:g}",
        "keep the columns in the order of X; do not sort or select them by name",
    )
    trained = model.artifact.feature_version
    others: dict[str, tuple[str, Array, Any]] = {
        "one feature less": ("feature_width", unseen_rows()[:, 1:], None),
        "another order": (
            "feature_order",
            unseen_rows(),
            FeatureVersion(trained.name, backwards, "float64"),
        ),
        "another version": (
            "feature_version",
            unseen_rows(),
            FeatureVersion("another", trained.feature_names, "float64"),
        ),
    }
    for what, (code, X, version) in others.items():
        with refusal(InputError) as refused:
            model.artifact.predict_proba(X, feature_version=version)
        require(refused.said.startswith(code), f"{what}: {code}", refused.said, _GUARDS)
