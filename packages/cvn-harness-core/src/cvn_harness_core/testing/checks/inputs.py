"""Checks of the features that a model must cope with, and leave alone."""

from __future__ import annotations

import numpy as np
import pytest

from cvn_harness_core import InputError, Split
from cvn_harness_core.contracts.split import Array
from cvn_harness_core.testing.subject import ModelUnderTest
from cvn_harness_core.testing.synthetic import UNSEEN_ROWS, synthetic_datasets
from cvn_harness_core.testing.verdict import require


class InputChecks(ModelUnderTest):
    """Real features are accepted, and never written to."""

    @pytest.mark.parametrize("oddity", ["missing", "missing throughout", "constant", "duplicate"])
    def test_odd_features_are_accepted(self, oddity: str) -> None:
        """Real features have gaps, and some say nothing."""

        def change(_: str, X: Array, y: Array) -> Split:
            if oddity == "missing":
                X[np.random.default_rng(9).random(X.shape) < 0.1] = np.nan
            else:
                column = {"missing throughout": np.nan, "constant": 1.0, "duplicate": X[:, 0]}
                X[:, 5] = column[oddity]
            return Split(X, y)

        auc = self.train(synthetic_datasets(change)).metrics["train"].roc_auc or 0.0
        require(auc > 0.6, "a model that learns all the same", auc, "let NaN mean missing")

    def test_single_precision_is_accepted(self) -> None:
        """X may be float32; the model then refuses float64, rather than round it unseen."""
        artifact = self.train(synthetic_datasets(lambda _, X, y: Split(X.astype(np.float32), y)))
        seen = artifact.predict_proba(UNSEEN_ROWS.astype(np.float32)).dtype
        require(seen == np.float64, "float64 scores", seen, "do not replace the node scores")
        with pytest.raises(InputError, match="float32"):
            artifact.predict_proba(UNSEEN_ROWS)

    def test_inputs_are_left_as_they_were(self) -> None:
        """Neither training nor scoring writes into the caller's arrays."""
        given: list[Array] = []

        def remember(_: str, X: Array, y: Array) -> Split:
            weight = np.linspace(0.5, 2.0, y.size)
            given.extend((X, y, weight))
            return Split(X, y, weight=weight)

        datasets = synthetic_datasets(remember)
        copies = [array.copy() for array in given]
        self.train(datasets).predict_proba(given[0])
        changed = [i for i, (a, b) in enumerate(zip(given, copies, strict=True)) if (a != b).any()]
        require(
            not changed,
            "inputs that are never written to",
            f"{len(changed)} of {len(given)} arrays changed",
            "copy before changing in ModelAdapter.prepare, fit and predict_proba",
        )
