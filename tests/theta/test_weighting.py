"""The class weight of the incident, with the three libraries: undone exactly, and no early end.

LightGBM was trained with positives 4.7 times as heavy and validated on rows that were not. Its
validation loss could only rise, and it stopped at the first iteration.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from sklearn.metrics import log_loss

from cvn_harness_core import Probability, TrainingPolicy
from cvn_harness_core.contracts.probability import undo_weight
from cvn_harness_core.scoring import positive_scores

from .weak_signal import PARAMS, WEIGHT, Fit, World, fit, weighted, world

MODELS = tuple(PARAMS)


@cache
def data() -> World:
    return world(0)


@cache
def done(model: str, how: str) -> Fit:
    policy = {
        "corrected": weighted(corrected=True),
        "inflated": weighted(corrected=False),
        "unweighted": TrainingPolicy(),
    }[how]
    return fit(data(), model, policy, seed=0)


@pytest.mark.parametrize("model", MODELS)
def test_the_weight_is_undone_to_the_bit(model: str) -> None:
    artifact = done(model, "corrected").artifact
    assert artifact.probability == Probability("prior_corrected", WEIGHT)
    X = data().stationary[0]
    native = positive_scores(artifact.adapter, artifact.native, X, 1)
    np.testing.assert_array_equal(artifact.predict_proba(X)[:, 1], undo_weight(native, WEIGHT))
    assert native.mean() > artifact.predict_proba(X)[:, 1].mean() + 0.2


@pytest.mark.parametrize("model", MODELS)
def test_the_recorded_validation_loss_weighs_positives_once(model: str) -> None:
    """Once, whether the library's own parameter weighs validation or the harness must."""
    artifact = done(model, "corrected").artifact
    X, y = data().val
    native = positive_scores(artifact.adapter, artifact.native, X, 1)
    wanted = log_loss(y, native, sample_weight=np.where(y == 1, WEIGHT, 1.0))
    twice = log_loss(y, native, sample_weight=np.where(y == 1, WEIGHT**2, 1.0))
    recorded = artifact.learning_curve.val_best
    assert recorded == pytest.approx(wanted, rel=1e-5)
    assert abs(wanted - log_loss(y, native)) > 0.005
    assert abs(wanted - twice) > 0.005


def test_lightgbm_stops_at_once_if_validation_is_not_weighed_and_else_does_not() -> None:
    incident, cured = done("lightgbm", "inflated").artifact, done("lightgbm", "corrected").artifact
    assert incident.best_iteration is not None
    assert incident.best_iteration <= 2
    assert "shallow" in incident.health.reasons
    assert cured.best_iteration is not None
    assert cured.best_iteration > 20
    assert "shallow" not in cured.health.reasons


@pytest.mark.parametrize("model", MODELS)
def test_corrected_scores_are_as_honest_as_those_of_an_unweighted_fit(model: str) -> None:
    corrected, inflated, plain = (
        done(model, how).artifact.metrics["test"].brier
        for how in ("corrected", "inflated", "unweighted")
    )
    assert corrected == pytest.approx(plain, abs=0.002)
    assert inflated is not None
    assert plain is not None
    assert inflated > plain + 0.003
