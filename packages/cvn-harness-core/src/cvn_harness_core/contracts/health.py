"""Whether a fit deserves trust: a verdict with its reasons and figures."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Literal, TypeAlias

from cvn_harness_core.contracts.checks import real

Verdict: TypeAlias = Literal["healthy", "suspect", "unhealthy"]


@dataclass(frozen=True)
class HealthLimits:
    """Where a figure becomes a reason for doubt.

    Parameters
    ----------
    min_best_iteration
        A model that needs fewer boosting iterations than this, of many, has learnt nothing that
        validation confirms.
    min_score_std
        The least spread (standard deviation) of validation scores.
    min_distinct_scores
        The least share of distinct values among validation scores, in [0, 1].
    max_auc_gap
        The most that ROC AUC on train may exceed the one on validation.
    max_auc
        The highest ROC AUC on validation that is believed; above it, look for the label or the
        outcome among the features.
    """

    min_best_iteration: float = 3
    min_score_std: float = 1e-3
    min_distinct_scores: float = 0.01
    max_auc_gap: float = 0.35
    max_auc: float = 0.98

    def __post_init__(self) -> None:
        for name in (f.name for f in fields(self)):
            value = getattr(self, name)
            object.__setattr__(self, name, real(f"HealthLimits.{name}", value, low=0))


@dataclass(frozen=True)
class TrainingHealth:
    """The verdict on one fit.

    ``reasons`` holds codes: ``constant_scores`` and ``shallow`` make a fit unhealthy;
    ``at_ceiling``, ``few_distinct_scores``, ``narrow_scores``, ``overfit``, ``too_good`` and
    ``undefined_curve`` make it suspect.
    ``figures`` holds what they were judged by; an undefined one is None.
    """

    verdict: Verdict
    reasons: tuple[str, ...] = ()
    figures: dict[str, float | None] = field(default_factory=dict)
