"""Which rows stop the boosting, which calibrate, which decide theta: settled before any fit."""

from __future__ import annotations

from dataclasses import replace

from cvn_harness_core.contracts.datasets import Datasets
from cvn_harness_core.contracts.model import ModelSpec
from cvn_harness_core.contracts.out_of_fold import ForwardFold
from cvn_harness_core.folds.forward import forward_folds as lay_folds
from cvn_harness_core.folds.holdout import Holdout, divide_holdout
from cvn_harness_core.nodes.class_balance import ClassBalance
from cvn_harness_core.policy import TrainingPolicy
from cvn_harness_core.weighting import weigh_classes


def forward_folds(datasets: Datasets, policy: TrainingPolicy) -> tuple[ForwardFold, ...]:
    """Return the forward folds over the training rows; none if the policy asks for none."""
    if policy.out_of_fold is None:
        return ()
    return lay_folds(datasets.train, policy.out_of_fold)


def holdout(
    datasets: Datasets, policy: TrainingPolicy, forward_folds: tuple[ForwardFold, ...]
) -> Holdout:
    """Return who uses which of the rows that are not fitted on."""
    return divide_holdout(datasets, policy.calibration, forward_folds, policy.embargo)


def training_data(
    datasets: Datasets,
    spec: ModelSpec,
    policy: TrainingPolicy,
    class_balance: ClassBalance,
    holdout: Holdout,
) -> Datasets:
    """Return what the fit sees: validation cut to the rows that stop it, classes weighed."""
    if holdout.stopping is not None:
        datasets = replace(datasets, val=datasets.val.take(holdout.stopping))
    return weigh_classes(datasets, spec, policy, class_balance.positive_weight)
