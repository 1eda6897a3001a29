"""Whether out-of-fold scores could have known the future: the proof, derived again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from typing import Any

import numpy as np
from sklearn.metrics import roc_auc_score

from cvn_harness_core.artifact.ensemble import Combined, EnsembleAdapter
from cvn_harness_core.artifact.trained import TrainedArtifact
from cvn_harness_core.contracts.datasets import Datasets
from cvn_harness_core.contracts.out_of_fold import OutOfFold
from cvn_harness_core.contracts.split import Array, Split
from cvn_harness_core.errors import InputError
from cvn_harness_core.folds.forward import forward_folds
from cvn_harness_core.nodes.ensemble import ensemble_rows, uncalibrated, unseen_base_scores
from cvn_harness_core.plugins.registry import ENSEMBLE_REGISTRY
from cvn_harness_core.policy import TrainingPolicy

MAX_AUC = 0.98
"""The highest ROC AUC that out-of-fold scores, or one feature, are believed to have."""


@dataclass(frozen=True)
class LeakReport:
    """What was checked, and every fault that was found, in words; sound where there is none."""

    checked: tuple[str, ...]
    faults: tuple[str, ...]

    @property
    def sound(self) -> bool:
        """Whether nothing was found."""
        return not self.faults


def check_leaks(
    artifact: TrainedArtifact, datasets: Datasets, *, max_auc: float = MAX_AUC
) -> LeakReport:
    """Derive an artifact's proof again from the data that it was trained on.

    Checked are, of the artifact and of its bases: that every fold's train ends before its stopping
    begins, and that before what it scores, by label ends, as recorded; of an ensemble also that
    early stopping, calibration, learning and theta have rows of their own, one after the other, and
    that its scores of theta's rows are what its bases' out-of-fold scores combine to, bit for bit.
    And, since no stamp shows a feature that was computed from the future: that neither the
    out-of-fold scores nor any single feature tell the labels of the scored rows better than a ROC
    AUC of ``max_auc``.

    Raises InputError ``out_of_fold_missing`` for an artifact without out-of-fold scores, and
    ``data_differ`` for other data than it was trained on.
    """
    if artifact.out_of_fold_scores is None:
        message = f"{artifact.name} has no out-of-fold scores: there is nothing to check."
        raise InputError("out_of_fold_missing", message)
    if artifact.datasets_digest != datasets.digest:
        message = f"{artifact.name} was trained on other data; check it with those."
        raise InputError("data_differ", message)
    checked, faults = ["folds", "scores", "features"], [*_of_models(artifact, datasets, max_auc)]
    if isinstance(artifact.native, Combined):
        checked.append("rows")
        faults += _of_rows(artifact, artifact.native, datasets)
    rows = artifact.out_of_fold_scores.rows
    faults += _of_features(datasets, rows, max_auc)
    return LeakReport(tuple(checked), tuple(dict.fromkeys(faults)))


def _of_models(artifact: TrainedArtifact, datasets: Datasets, max_auc: float) -> Iterator[str]:
    """Yield the faults of every model below, folds and scores."""
    unseen = artifact.out_of_fold_scores
    if unseen is None:
        yield f"{artifact.name} has no out-of-fold scores"
        return
    y = datasets.train.y[unseen.rows]
    if y.min() != y.max():
        auc = float(roc_auc_score(y, unseen.scores))
        if auc > max_auc:
            yield (
                f"the out-of-fold scores of {artifact.name} have a ROC AUC of {auc:.4f}: it knows "
                "the labels that it scores"
            )
    if isinstance(artifact.native, Combined):
        for base in artifact.native.bases:
            yield from _of_models(base, datasets, max_auc)
        return
    yield from _of_folds(artifact, datasets.train)


def _of_folds(artifact: TrainedArtifact, train: Split) -> Iterator[str]:
    settings = _settings(artifact.policy["out_of_fold"])
    folds = forward_folds(train, settings)
    if tuple(fold.proof for fold in folds) != artifact.out_of_fold:
        yield f"the folds that {artifact.name} recorded are not those of its data and policy"
    assert train.time is not None
    ends = train.time if train.label_end is None else train.label_end
    gap = np.timedelta64(settings.embargo)
    for number, fold in enumerate(folds, start=1):
        for earlier, later in pairwise((fold.train, fold.stopping, fold.scored)):
            latest, first = ends[earlier].max(), train.time[later].min()
            if not latest + gap < first:
                yield f"fold {number} of {artifact.name}: a label ends at {latest}, after {first}"


def _of_rows(artifact: TrainedArtifact, native: Combined, datasets: Datasets) -> Iterator[str]:
    bases = dict(zip(artifact.bases, native.bases, strict=True))
    scores = unseen_base_scores(bases, datasets)
    spec = ENSEMBLE_REGISTRY[artifact.name]
    policy = TrainingPolicy(out_of_fold=_settings(artifact.policy["out_of_fold"]))
    rows = ensemble_rows(scores, uncalibrated(bases), spec, datasets, policy)
    unseen = artifact.out_of_fold_scores
    assert unseen is not None
    if not np.array_equal(rows.theta, unseen.rows):
        yield f"theta of {artifact.name} was picked on other rows than its data and bases give"
        return
    train = datasets.train
    assert train.time is not None
    ends = train.time if train.label_end is None else train.label_end
    gap = np.timedelta64(policy.embargo)
    began = train.time[rows.theta].min()
    if rows.learning is not None and not ends[rows.learning].max() + gap < began:
        yield f"rows that {artifact.name} learnt from reach into those that theta was picked on"
    assert isinstance(artifact.adapter, EnsembleAdapter)
    again = artifact.adapter.combiner.combine(native.learnt, scores[rows.theta])
    if not np.array_equal(np.asarray(again, dtype=np.float64), unseen.scores):
        yield f"the scores of {artifact.name} are not what its bases' out-of-fold scores combine to"


def _of_features(datasets: Datasets, rows: Array, max_auc: float) -> Iterator[str]:
    train = datasets.train
    for j, name in enumerate(datasets.feature_names):
        values = train.X[rows, j]
        known = np.isfinite(values)
        y = train.y[rows][known]
        if not y.size or y.min() == y.max():
            continue
        auc = float(roc_auc_score(y, values[known]))
        if max(auc, 1.0 - auc) > max_auc:
            yield f"the feature {name!r} alone tells the labels of the scored rows (AUC {auc:.4f})"


def _settings(facts: dict[str, Any] | None) -> OutOfFold:
    if facts is None:  # an ensemble's own policy; its bases then have the default
        return OutOfFold()
    return OutOfFold(
        n_folds=facts["n_folds"],
        embargo=timedelta(seconds=facts["embargo"]),
        stopping_share=facts["stopping_share"],
    )
