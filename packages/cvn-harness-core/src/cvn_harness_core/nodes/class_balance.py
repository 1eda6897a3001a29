"""How much positives weigh, and what that does to the scores' meaning."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from cvn_harness_core.contracts.datasets import Datasets
from cvn_harness_core.contracts.model import ModelSpec
from cvn_harness_core.contracts.params import ResolvedParam
from cvn_harness_core.contracts.probability import Probability
from cvn_harness_core.contracts.split import Split
from cvn_harness_core.policy import TrainingPolicy


@dataclass(frozen=True)
class ClassBalance:
    """The weight of positives relative to negatives, and who asked for it."""

    positive_weight: float
    source: Literal["none", "auto", "policy", "user"]


def class_balance(
    datasets: Datasets,
    spec: ModelSpec,
    policy: TrainingPolicy,
    parameters: dict[str, ResolvedParam],
) -> ClassBalance:
    """Return the weight of positives: the user's parameter, else the policy's.

    ``auto`` is negatives over positives among the training labels.
    """
    given = parameters.get(spec.positive_weight_param or "")
    if given is not None and given.source == "user" and isinstance(given.value, int | float):
        return ClassBalance(float(given.value), "user")
    if policy.class_balance == "none":
        return ClassBalance(1.0, "none")
    if policy.class_balance == "auto":
        positives = int(datasets.train.y.sum())
        return ClassBalance((len(datasets.train) - positives) / positives, "auto")
    return ClassBalance(float(policy.class_balance), "policy")


def uncalibrated(class_balance: ClassBalance, policy: TrainingPolicy) -> Probability:
    """Return the kind of the scores before any calibration."""
    weight = class_balance.positive_weight
    if weight == 1.0:
        return Probability("raw")
    return Probability("prior_corrected" if policy.prior_correction else "weight_inflated", weight)


def weigh_classes(
    datasets: Datasets, spec: ModelSpec, policy: TrainingPolicy, positive_weight: float
) -> Datasets:
    """Return the data to train on, positives weighed where the library does not do it itself.

    Validation is weighed too under ``prior_correction``: otherwise early stopping would watch the
    loss of inflated scores on rows that are not, and end at once (or never).
    """
    if positive_weight == 1.0:
        return datasets
    train, val = datasets.train, datasets.val
    has_parameter = spec.positive_weight_param is not None
    if not has_parameter:
        train = _weighed(train, positive_weight)
    if policy.prior_correction and not (has_parameter and spec.weighs_validation):
        val = _weighed(val, positive_weight)
    return replace(datasets, train=train, val=val)


def _weighed(split: Split, positive_weight: float) -> Split:
    balance = np.where(split.y == 1, positive_weight, 1.0)
    return replace(split, weight=balance if split.weight is None else balance * split.weight)
