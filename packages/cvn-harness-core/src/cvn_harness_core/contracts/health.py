"""Whether a fit deserves trust: a verdict with its reasons and figures."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Literal, TypeAlias

from cvn_harness_core.contracts.checks import real
from cvn_harness_core.contracts.read_only import freeze
from cvn_harness_core.errors import FitError

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
    max_psi
        The highest population stability index that a feature may have between train and
        validation, on top of what samples of that size have by chance once in a thousand times.
        0.25 is the customary mark of a major shift (Siddiqi, 2006).
    max_prevalence_shift
        How many times higher, or lower, the odds of a positive label may be on validation than on
        train; 1 or more. A difference that chance explains (|z| of 3.29 or less, of two
        proportions) is no reason whatever the ratio.
    """

    min_best_iteration: float = 3
    min_score_std: float = 1e-3
    min_distinct_scores: float = 0.01
    max_auc_gap: float = 0.35
    max_auc: float = 0.98
    max_psi: float = 0.25
    max_prevalence_shift: float = 1.5

    def __post_init__(self) -> None:
        for name in (f.name for f in fields(self)):
            value = getattr(self, name)
            low = 1 if name == "max_prevalence_shift" else 0
            object.__setattr__(self, name, real(f"HealthLimits.{name}", value, low=low))


@dataclass(frozen=True)
class TrainingHealth:
    """The verdict on one fit.

    ``reasons`` holds codes: ``constant_scores`` and ``shallow`` make a fit unhealthy;
    ``at_ceiling``, ``few_distinct_scores``, ``narrow_scores``, ``overfit``, ``too_good``,
    ``undefined_curve``, ``covariate_shift``, ``prevalence_shift`` and ``weight_inflated`` make it
    suspect.
    ``figures`` holds what they were judged by; an undefined one is None.
    ``worst_psi`` holds the population stability index of the features that differ most between
    train and validation, at most five, worst first, whether or not that is a reason for doubt.
    """

    verdict: Verdict
    reasons: tuple[str, ...] = ()
    figures: dict[str, float | None] = field(default_factory=dict)
    worst_psi: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # A bundle keeps its keys in alphabetical order.
        worst = sorted(self.worst_psi.items(), key=lambda item: (-item[1], item[0]))
        object.__setattr__(self, "worst_psi", dict(worst))
        freeze(self)

    def require_usable(self, who: str) -> None:
        """Raise FitError ``training_unhealthy``, with reasons and figures, if it is unhealthy."""
        if self.verdict != "unhealthy":
            return
        known = {name: value for name, value in self.figures.items() if value is not None}
        figures = ", ".join(f"{name} {value:.4g}" for name, value in known.items())
        message = (
            f"{who}: the fit is unhealthy: {', '.join(self.reasons)} ({figures}). Look at the data "
            "and the parameters; TrainingPolicy(on_unhealthy='report') returns it all the same."
        )
        raise FitError("training_unhealthy", message)
