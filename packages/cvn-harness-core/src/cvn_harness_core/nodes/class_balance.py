"""How much positives weigh, and what that does to the scores' meaning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cvn_harness_core.contracts.datasets import Datasets
from cvn_harness_core.contracts.model import ModelSpec
from cvn_harness_core.contracts.params import ResolvedParam
from cvn_harness_core.contracts.probability import Probability
from cvn_harness_core.policy import TrainingPolicy


@dataclass(frozen=True)
class ClassBalance:
    """The weight of positives relative to negatives, and who asked for it.

    ``replaced`` is what the policy asked for where the user's weight stands in its place.
    """

    positive_weight: float
    source: Literal["none", "auto", "policy", "user"]
    replaced: float | None = None


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
    wanted = _of_policy(datasets, policy)
    if given is not None and given.source != "default" and isinstance(given.value, int | float):
        replaced = None if wanted.source == "none" else wanted.positive_weight
        return ClassBalance(float(given.value), "user", replaced)
    return wanted


def _of_policy(datasets: Datasets, policy: TrainingPolicy) -> ClassBalance:
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
