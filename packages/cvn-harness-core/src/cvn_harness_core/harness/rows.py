"""Whether the rows suffice: by labels, time, weights and policy alone, before the first fit."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from cvn_harness_core.contracts.datasets import Datasets
from cvn_harness_core.contracts.out_of_fold import OutOfFold
from cvn_harness_core.contracts.probability import Probability
from cvn_harness_core.contracts.split import Array, Split
from cvn_harness_core.errors import HarnessError
from cvn_harness_core.folds.parts import fold_parts
from cvn_harness_core.harness.planning import Training, of_base
from cvn_harness_core.nodes.ensemble import ensemble_rows
from cvn_harness_core.nodes.holdout import forward_folds
from cvn_harness_core.policy import TrainingPolicy

Laid = dict[OutOfFold, Array]


def require_rows(training: Training) -> None:
    """Raise what the training's nodes, or those of a base, would raise after some of the fits.

    That is ``time_missing``, ``history_too_short``, ``labels_one_class`` and ``weights_invalid`` of
    forward folds and of an ensemble's division of their rows. Where a plugin replaces these nodes
    by its own, nothing is known beforehand. A search whose trials are measured on forward folds has
    these folds, whether or not the policy has any.
    """
    _scored_rows(training, {})


def _scored_rows(training: Training, laid: Laid) -> Array | None:
    """Return the training rows that will have an out-of-fold score; None where that is unknown."""
    if training.kind == "ensemble":
        return _rows_of_ensemble(training, laid)
    if _replaces(training, "forward_folds", "out_of_fold"):
        return None
    datasets, policy = training.request.datasets, training.policy
    if training.search is not None:
        from cvn_harness_core.search.trial import trial_policy

        try:
            _scored_by(trial_policy(policy, training.search.settings), datasets, laid)
        except HarnessError as error:
            raise error.at("HPOParams(evaluate_on='forward_folds')") from error
    return _scored_by(policy, datasets, laid)


def _scored_by(policy: TrainingPolicy, datasets: Datasets, laid: Laid) -> Array | None:
    settings = policy.out_of_fold
    if settings is None:
        return None
    if settings not in laid:
        folds = forward_folds(datasets, policy)
        for _ in fold_parts(_without_features(datasets), folds):
            pass
        laid[settings] = np.concatenate([fold.scored for fold in folds])
    return laid[settings]


def _rows_of_ensemble(training: Training, laid: Laid) -> Array | None:
    datasets, known = training.request.datasets, True
    scores = np.full((len(datasets.train), len(training.bases)), np.nan)
    for column, (name, base) in enumerate(training.bases.items()):
        try:
            rows = _scored_rows(base, laid)
        except HarnessError as error:
            raise of_base(error, name, training.spec.name) from error
        known = known and rows is not None
        scores[rows, column] = 0.0
    if not known or _replaces(training, "unseen_base_scores", "ensemble_rows", "out_of_fold"):
        return None
    theta: Array = _node(
        ensemble_rows,
        unseen_base_scores=scores,
        uncalibrated=Probability("raw"),
        ensemble=training.spec,
        datasets=datasets,
        policy=training.policy,
    ).theta
    return theta


def _node(function: Callable[..., Any], **values: Any) -> Any:
    """Call a node with those of the values that it asks for, as the driver does."""
    return function(**{name: values[name] for name in inspect.signature(function).parameters})


def _replaces(training: Training, *nodes: str) -> bool:
    return any(hasattr(training.spec.dag, node) for node in nodes)


def _without_features(datasets: Datasets) -> Datasets:
    """Return the same rows with one feature, so that dividing them costs no copy of X."""

    def thin(split: Split) -> Split:
        return replace(split, X=np.zeros((len(split), 1)))

    return replace(
        datasets,
        train=thin(datasets.train),
        val=thin(datasets.val),
        test=thin(datasets.test),
        feature_names=("none",),
        feature_version="none",
    )
