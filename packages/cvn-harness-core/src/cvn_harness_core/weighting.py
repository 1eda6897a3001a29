"""Positives weighed in the data, where the library does not do it itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from cvn_harness_core.contracts.datasets import Datasets
from cvn_harness_core.contracts.model import ModelSpec
from cvn_harness_core.contracts.split import Split
from cvn_harness_core.policy import TrainingPolicy


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
