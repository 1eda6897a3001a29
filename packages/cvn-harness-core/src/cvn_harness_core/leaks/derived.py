"""Who used which rows, derived again from the data, the recorded policy and the bases' scores."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from cvn_harness_core.artifact.ensemble import Combined
from cvn_harness_core.artifact.trained import TrainedArtifact
from cvn_harness_core.contracts.calibration import Calibration
from cvn_harness_core.contracts.datasets import Datasets
from cvn_harness_core.contracts.out_of_fold import ForwardFold, OutOfFold, OutOfFoldScores
from cvn_harness_core.contracts.split import Array
from cvn_harness_core.errors import InputError
from cvn_harness_core.folds.forward import forward_folds
from cvn_harness_core.folds.holdout import Holdout, divide_holdout
from cvn_harness_core.nodes.ensemble import ensemble_rows, uncalibrated, unseen_base_scores
from cvn_harness_core.plugins.registry import ENSEMBLE_REGISTRY
from cvn_harness_core.policy import EarlyStopping, TrainingPolicy
from cvn_harness_core.theta.fixed import Fixed


@dataclass(frozen=True, eq=False)
class Derived:
    """The rows of one artifact, as numbers within the training split, and of its bases.

    A model has ``folds`` and may have ``calibration`` rows; an ensemble has ``bases``, the
    (n_train, k) out-of-fold probabilities of those, and ``learning`` rows if it learns.
    """

    artifact: TrainedArtifact
    policy: TrainingPolicy
    unseen: OutOfFoldScores
    theta: Array
    holdout: Holdout | None = None
    folds: tuple[ForwardFold, ...] = ()
    bases: tuple[Derived, ...] = ()
    base_scores: Array | None = None
    learning: Array | None = None

    @property
    def calibration(self) -> Array | None:
        """The rows that calibrated a model, if they could."""
        return None if self.holdout is None else self.holdout.calibration

    def all(self) -> Iterator[Derived]:
        """Yield this one and everything below it."""
        yield self
        for base in self.bases:
            yield from base.all()


def derive(artifact: TrainedArtifact, datasets: Datasets) -> Derived:
    """Return the rows of an artifact and of everything below it.

    Raises InputError ``out_of_fold_missing`` where one has no out-of-fold scores.
    """
    unseen, policy = artifact.out_of_fold_scores, recorded_policy(artifact.policy)
    if unseen is None:
        message = f"{artifact.name} has no out-of-fold scores: there is nothing to check."
        raise InputError("out_of_fold_missing", message)
    if not isinstance(artifact.native, Combined):
        assert policy.out_of_fold is not None
        folds = forward_folds(datasets.train, policy.out_of_fold)
        holdout = divide_holdout(datasets, policy.calibration, folds, policy.embargo)
        return Derived(artifact, policy, unseen, holdout.theta, holdout, folds)
    bases = dict(zip(artifact.bases, artifact.native.bases, strict=True))
    below = tuple(derive(base, datasets) for base in bases.values())
    scores = unseen_base_scores(bases, datasets)
    spec = ENSEMBLE_REGISTRY[artifact.name]
    rows = ensemble_rows(scores, uncalibrated(bases), spec, datasets, policy)
    return Derived(
        artifact,
        policy,
        unseen,
        rows.theta,
        bases=below,
        base_scores=scores,
        learning=rows.learning,
    )


def recorded_policy(facts: dict[str, Any]) -> TrainingPolicy:
    """Return an artifact's policy as far as scores depend on it: its rule of theta is not read."""
    folds, calibration, stopping = (
        facts[name] for name in ("out_of_fold", "calibration", "early_stopping")
    )
    if folds is not None:
        folds = OutOfFold(**{**folds, "embargo": timedelta(seconds=folds["embargo"])})
    return TrainingPolicy(
        theta=Fixed(0.5),
        class_balance=facts["class_balance"],
        prior_correction=facts["prior_correction"],
        calibration=None if calibration is None else Calibration(**calibration),
        out_of_fold=folds,
        early_stopping=None if stopping is None else EarlyStopping(**stopping),
    )
