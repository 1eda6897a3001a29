"""Checks of the weights of rows and of classes."""

from __future__ import annotations

import math

import numpy as np

from cvn_harness_core import F1Capped, Split, TrainingPolicy
from cvn_harness_core.contracts.probability import undo_weight
from cvn_harness_core.contracts.split import Array
from cvn_harness_core.testing.subject import ModelUnderTest
from cvn_harness_core.testing.synthetic import UNSEEN_ROWS, synthetic_datasets
from cvn_harness_core.testing.verdict import largest_gap, require

_WEIGHTS = "pass train.weight to the library in ModelAdapter.prepare or fit"


def _weighed(*, prior_correction: bool) -> TrainingPolicy:
    return TrainingPolicy(
        theta=F1Capped(),
        class_balance="auto",
        prior_correction=prior_correction,
        early_stopping=None,
    )


class WeightChecks(ModelUnderTest):
    """Weights reach the library, and the artifact says what they did to the scores."""

    def test_sample_weights_reach_the_fit(self) -> None:
        """Other weights of the training rows, other scores."""

        def weigh(name: str, X: Array, y: Array) -> Split:
            weight = np.random.default_rng(8).uniform(0.1, 3.0, y.size)
            return Split(X, y, weight=weight if name == "train" else None)

        gap = largest_gap(
            self.train(synthetic_datasets(weigh)).predict_proba(UNSEEN_ROWS), self._scores
        )
        require(gap > 0.0, "other scores from other sample weights", "the same bits", _WEIGHTS)

    def test_rows_without_weight_have_no_say(self) -> None:
        """Half of the training labels are turned over, and do no harm where they weigh nothing."""

        def auc(weight_of_wrong: float) -> float:
            def change(name: str, X: Array, y: Array) -> Split:
                if name != "train":
                    return Split(X, y)
                wrong = np.arange(y.size) % 2 == 1
                weight = np.where(wrong, weight_of_wrong, 1.0)
                return Split(X, np.where(wrong, 1 - y, y), weight=weight)

            return self.train(synthetic_datasets(change, n=1500)).metrics["val"].roc_auc or 0.0

        ignored, believed = auc(0.0), auc(1.0)
        require(
            ignored > believed + 0.05,
            "wrong labels to do no harm where they weigh nothing",
            f"ROC AUC {ignored:.3f} on validation with their weight 0, {believed:.3f} with 1",
            _WEIGHTS,
        )

    def test_automatic_class_balance_inflates_the_scores_and_says_so(self) -> None:
        """Positives weigh negatives over positives, and the artifact says what that does."""
        labels = synthetic_datasets().train.y
        balanced = self.train(policy=_weighed(prior_correction=False))
        kinds = (self.artifact.probability.kind, balanced.probability.kind)
        weight = balanced.probability.positive_weight
        require(
            kinds == ("raw", "weight_inflated")
            and math.isclose(weight, (labels == 0).sum() / (labels == 1).sum()),
            "raw scores, and weight_inflated ones by negatives over positives",
            f"{self.artifact.probability} and {balanced.probability}",
            "do not replace the nodes of class_balance",
        )
        before, after = self._scores[:, 1].mean(), balanced.predict_proba(UNSEEN_ROWS)[:, 1].mean()
        require(
            after > before,
            "a larger mean score from heavier positives",
            f"{before:.4f} before and {after:.4f} after",
            "name the library's weight of positives in ModelSpec.positive_weight_param, or leave "
            "that None to have the sample weights multiplied",
        )

    def test_an_undone_class_weight_gives_probabilities(self) -> None:
        """To the ceiling the fit is the same, and its scores are corrected to the bit."""
        inflated = self.train(policy=_weighed(prior_correction=False))
        corrected = self.train(policy=_weighed(prior_correction=True))
        weight = corrected.probability.positive_weight
        wanted = undo_weight(inflated.predict_proba(UNSEEN_ROWS)[:, 1], weight)
        gap = largest_gap(wanted, corrected.predict_proba(UNSEEN_ROWS)[:, 1])
        require(
            corrected.probability.kind == "prior_corrected" and gap == 0.0,
            "prior_corrected scores: those of the weighed fit with the weight undone",
            f"{corrected.probability} scores that are {gap:g} off",
            "let validation decide nothing in a fit without early stopping",
        )

    @property
    def _scores(self) -> Array:
        return self.artifact.predict_proba(UNSEEN_ROWS)
