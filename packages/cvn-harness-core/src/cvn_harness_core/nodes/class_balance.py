"""How much positives weigh, and what that does to the scores' meaning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from cvn_harness_core.contracts.datasets import Datasets
from cvn_harness_core.contracts.model import ModelSpec
from cvn_harness_core.contracts.params import ResolvedParam
from cvn_harness_core.contracts.probability import Probability
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


def probability(class_balance: ClassBalance) -> Probability:
    """Return the kind of the scores: inflated by any weight but 1."""
    weight = class_balance.positive_weight
    return Probability("raw") if weight == 1.0 else Probability("weight_inflated", weight)


def training_data(datasets: Datasets, spec: ModelSpec, class_balance: ClassBalance) -> Datasets:
    """Return the data to train on: reweighted where the library has no weight for positives."""
    if spec.positive_weight_param is not None or class_balance.positive_weight == 1.0:
        return datasets
    train = datasets.train
    balance = np.where(train.y == 1, class_balance.positive_weight, 1.0)
    return datasets.with_train_weight(balance if train.weight is None else balance * train.weight)
