"""Scores of training rows by models that had not seen them."""

from __future__ import annotations

from typing import Any

import numpy as np

from cvn_harness_core.contracts.datasets import Datasets
from cvn_harness_core.contracts.model import FitRequest, ModelAdapter, ModelSpec
from cvn_harness_core.contracts.out_of_fold import ForwardFold, OutOfFoldScores
from cvn_harness_core.contracts.split import Array
from cvn_harness_core.folds.parts import fold_parts
from cvn_harness_core.nodes.class_balance import ClassBalance
from cvn_harness_core.nodes.fit import Scores
from cvn_harness_core.policy import TrainingPolicy
from cvn_harness_core.scoring import positive_scores
from cvn_harness_core.weighting import weigh_classes


def out_of_fold(
    datasets: Datasets,
    spec: ModelSpec,
    adapter: ModelAdapter,
    policy: TrainingPolicy,
    class_balance: ClassBalance,
    fit_request: FitRequest,
    forward_folds: tuple[ForwardFold, ...],
    keep_fold: Any,
    prepare: Any,
) -> OutOfFoldScores | None:
    """Fit once per fold, by the same request, and score the stretch after it; None without folds.

    ``keep_fold`` is a ``store.folds.KeepFold``: what it has kept is not fitted again.

    Raises InputError ``labels_one_class`` where a fold has one class only.
    """
    if not forward_folds:
        return None
    scores = []
    for number, part in enumerate(fold_parts(datasets, forward_folds), start=1):

        def score(part: Datasets = part) -> Array:
            weighed = weigh_classes(part, spec, policy, class_balance.positive_weight)
            fitted = adapter.fit(prepare(weighed.without_test(), fit_request), fit_request)
            return positive_scores(adapter, fitted.native, part.test.X, fit_request.n_threads)

        scores.append(keep_fold(number, score))
    rows = np.concatenate([fold.scored for fold in forward_folds])
    return OutOfFoldScores(
        rows,
        np.concatenate(scores),
        tuple(fold.proof for fold in forward_folds),
        n_unscored=len(datasets.train) - rows.size,
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
