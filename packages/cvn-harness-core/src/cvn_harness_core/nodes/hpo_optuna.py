"""The nodes of a search's trial, laid over those of a training."""

from __future__ import annotations

from typing import Any

import numpy as np

from cvn_harness_core.contracts.datasets import Datasets
from cvn_harness_core.contracts.model import ModelAdapter
from cvn_harness_core.contracts.split import Array
from cvn_harness_core.contracts.theta import ThetaDecision, ThetaEvidence
from cvn_harness_core.nodes.fit import Scores
from cvn_harness_core.scoring import positive_scores
from cvn_harness_core.search.objective import value_of

SAMPLE = 64
"""How many scores a trial keeps."""


def native_scores(adapter: ModelAdapter, native: Any, datasets: Datasets, n_threads: int) -> Scores:
    """Score validation only: of train and test a trial needs nothing."""
    nothing = np.empty(0)
    scores = positive_scores(adapter, native, datasets.val.X, n_threads)
    return Scores(nothing, scores, nothing)


def trial_value(objective: Any, theta_evidence: ThetaEvidence, theta_sweep: ThetaDecision) -> float:
    """Return what the trial is worth."""
    return value_of(objective, theta_evidence, theta_sweep)


def trial_scores(theta_evidence: ThetaEvidence) -> Array:
    """Return a sample of the scores, evenly spaced by rank, (at most 64,)."""
    scores = np.sort(theta_evidence.scores)
    at = np.linspace(0, scores.size - 1, min(SAMPLE, scores.size)).astype(int)
    sample: Array = scores[at]
    return sample
