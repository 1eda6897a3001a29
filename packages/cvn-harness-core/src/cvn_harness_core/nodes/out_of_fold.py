"""Scores of training rows by models that had not seen them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

import numpy as np

from cvn_harness_core.contracts.datasets import Datasets
from cvn_harness_core.contracts.model import FitRequest, ModelAdapter, ModelSpec
from cvn_harness_core.contracts.out_of_fold import ForwardFold, OutOfFoldScores
from cvn_harness_core.contracts.split import Array
from cvn_harness_core.errors import HarnessError
from cvn_harness_core.events.log import RunLog
from cvn_harness_core.nodes.class_balance import ClassBalance, weigh_classes
from cvn_harness_core.nodes.fit import Scores
from cvn_harness_core.policy import TrainingPolicy
from cvn_harness_core.scoring import positive_scores
from cvn_harness_core.store.disk import Store
from cvn_harness_core.store.key import Key

_SCORES = "scores.npz"


KeepFold: TypeAlias = Callable[[int, Callable[[], Array]], Array]
"""Returns a fold's scores, (m,) float64, by its number: kept ones, else those that are made."""


def keep_nothing(number: int, score: Callable[[], Array]) -> Array:  # noqa: ARG001
    """Make the scores."""
    return score()


def keep_in(
    store: Store,
    key: Callable[[int], Key],
    log: RunLog,
    number: int,
    score: Callable[[], Array],
) -> Array:
    """Return the scores that the store has, else make them and keep them at once.

    So a kill costs at most the fit in flight.
    """
    from cvn_harness_core.store.arrays import decode, encode

    found = store.compute(
        key(number), lambda: ({}, {_SCORES: encode({"scores": score()})}), log=log
    )
    scores: Array = decode(found.entry.files[_SCORES])["scores"]
    return scores


def out_of_fold(
    datasets: Datasets,
    spec: ModelSpec,
    adapter: ModelAdapter,
    policy: TrainingPolicy,
    class_balance: ClassBalance,
    fit_request: FitRequest,
    forward_folds: tuple[ForwardFold, ...],
    keep_fold: KeepFold,
) -> OutOfFoldScores | None:
    """Fit once per fold, by the same request, and score the stretch after it; None without folds.

    Raises InputError ``labels_one_class`` where a fold has one class only.
    """
    if not forward_folds:
        return None
    train, scores = datasets.train, []
    for number, fold in enumerate(forward_folds, start=1):
        try:
            part = replace(
                datasets,
                train=train.take(fold.train),
                val=train.take(fold.stopping),
                test=train.take(fold.scored),
            )
        except HarnessError as error:
            where = f"forward fold {number} of {len(forward_folds)}"
            raise error.at(where) from None

        def score(part: Datasets = part) -> Array:
            weighed = weigh_classes(part, spec, policy, class_balance.positive_weight)
            fitted = adapter.fit(adapter.prepare(weighed, fit_request), fit_request)
            return positive_scores(adapter, fitted.native, part.test.X, fit_request.n_threads)

        scores.append(keep_fold(number, score))
    rows = np.concatenate([fold.scored for fold in forward_folds])
    return OutOfFoldScores(
        rows,
        np.concatenate(scores),
        tuple(fold.proof for fold in forward_folds),
        n_unscored=len(train) - rows.size,
    )


def unseen_scores(
    native_scores: Scores, out_of_fold: OutOfFoldScores | None, datasets: Datasets
) -> Array:
    """Return the library's scores of the split that ``holdout`` numbers, (n,); NaN for unscored."""
    if out_of_fold is None:
        return native_scores.val
    scores = np.full(len(datasets.train), np.nan)
    scores[out_of_fold.rows] = out_of_fold.scores
    return scores
