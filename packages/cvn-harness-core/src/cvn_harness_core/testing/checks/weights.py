"""Checks of the weights of rows and of classes."""

from __future__ import annotations

import math

import numpy as np
from sklearn.metrics import log_loss

from cvn_harness_core import F1Capped, Split, TrainingPolicy
from cvn_harness_core.contracts.probability import undo_weight
from cvn_harness_core.contracts.split import Array
from cvn_harness_core.testing.check import check
from cvn_harness_core.testing.model_subject import ModelUnderTest
from cvn_harness_core.testing.synthetic import synthetic_datasets, unseen_rows
from cvn_harness_core.testing.verdict import largest_gap, require, skip

_FIT = "pass train.weight to the library in ModelAdapter.prepare or fit"
_EVALUATION = "pass val.weight to the library with the validation rows"


def _random_weights(size: int) -> Array:
    return np.random.default_rng(8).uniform(0.1, 3.0, size)


@check("same_seed")
def weights_in_fit(model: ModelUnderTest) -> None:
    """Other weights of the training rows, other scores; rows of weight nothing have no say."""

    def weigh(name: str, X: Array, y: Array) -> Split:
        return Split(X, y, weight=_random_weights(y.size) if name == "train" else None)

    gap = largest_gap(
        model.train(synthetic_datasets(weigh)).predict_proba(unseen_rows()), model.scores
    )
    require(gap > 0.0, "other scores from other sample weights", "the same bits", _FIT)

    def ignored(*, turned: bool) -> Array:
        def change(name: str, X: Array, y: Array) -> Split:
            if name != "train":
                return Split(X, y)
            odd = np.arange(y.size) % 2 == 1
            return Split(X, np.where(odd & turned, 1 - y, y), weight=np.where(odd, 0.0, 1.0))

        return model.train(synthetic_datasets(change)).predict_proba(unseen_rows())

    gap = largest_gap(ignored(turned=True), ignored(turned=False))
    require(
        gap < 1e-9,
        "labels that do not matter where they weigh nothing",
        f"scores that differ by {gap:g}",
        _FIT,
    )


@check()
def weights_in_evaluation(model: ModelUnderTest) -> None:
    """The stopping metric on validation is weighted as its rows are."""
    metrics = model.spec.stopping_metrics
    if not metrics:
        skip(f"{model.name} declares no stopping_metrics")

    def weigh(name: str, X: Array, y: Array) -> Split:
        return Split(X, y, weight=_random_weights(y.size) if name == "val" else None)

    datasets = synthetic_datasets(weigh)
    artifact = model.train(datasets)
    said, plain = artifact.learning_curve.val_best, model.artifact.learning_curve.val_best
    if said is None:
        skip(f"{model.name} keeps no learning curve")
    require(said != plain, "another metric with other weights", f"{said} with both", _EVALUATION)
    if next(iter(metrics)) == "log_loss":
        val = datasets.val
        expected = log_loss(val.y, artifact.predict_proba(val.X)[:, 1], sample_weight=val.weight)
        require(
            math.isclose(said, expected, rel_tol=1e-4),
            f"a weighted log loss of {expected:.6f} on validation",
            f"{said:.6f} on the learning curve",
            _EVALUATION,
        )


@check("same_seed")
def class_balance(model: ModelUnderTest) -> None:
    """Positives that weigh more inflate the scores, which the artifact says, or undoes to the bit.

    Automatically they weigh negatives over positives.
    """
    labels = synthetic_datasets().train.y
    inflated = model.train(policy=_weighed(prior_correction=False))
    kinds = (model.artifact.probability.kind, inflated.probability.kind)
    weight = inflated.probability.positive_weight
    require(
        kinds == ("raw", "weight_inflated")
        and math.isclose(weight, (labels == 0).sum() / (labels == 1).sum()),
        "raw scores, and weight_inflated ones by negatives over positives",
        f"{model.artifact.probability} and {inflated.probability}",
        "do not replace the nodes of class_balance",
    )
    scores = inflated.predict_proba(unseen_rows())[:, 1]
    before, after = model.scores[:, 1].mean(), scores.mean()
    require(
        after > before,
        "a larger mean score from heavier positives",
        f"{before:.4f} before and {after:.4f} after",
        "name the library's weight of positives in ModelSpec.positive_weight_param, or leave "
        "that None to have the sample weights multiplied",
    )
    corrected = model.train(policy=_weighed(prior_correction=True))
    wanted = undo_weight(scores, corrected.probability.positive_weight)
    gap = largest_gap(wanted, corrected.predict_proba(unseen_rows())[:, 1])
    require(
        corrected.probability.kind == "prior_corrected" and gap == 0.0,
        "prior_corrected scores: those of the weighed fit with the weight undone",
        f"{corrected.probability} scores that are {gap:g} off",
        "let validation decide nothing in a fit without early stopping",
    )


def _weighed(*, prior_correction: bool) -> TrainingPolicy:
    return TrainingPolicy(
        theta=F1Capped(),
        class_balance="auto",
        prior_correction=prior_correction,
        early_stopping=None,
    )
