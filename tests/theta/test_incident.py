"""The incident in small: `benchmarks/theta_study.py` has the figures over 200 seeds."""

from __future__ import annotations

import numpy as np
import pytest

from cvn_harness_core import ExpectedValue, F1Grid, Fixed, TrainingPolicy

from . import weak_signal as weak

MODELS = ("xgboost", "lightgbm", "catboost")
SEEDS = range(6)


@pytest.mark.parametrize("model", MODELS)
def test_the_original_rule_buys_half_of_all_rows_and_loses(model: str) -> None:
    fits = [weak.fit(weak.world(s), model, weak.weighted(corrected=False), s) for s in SEEDS]
    done = [weak.by_rule(F1Grid(), fit)["stationary"] for fit in fits]
    assert np.mean([result.buy_rate for result in done]) > 0.35
    assert sum(result.net < 0 for result in done) >= len(done) - 1
    assert np.mean([result.net for result in done]) < -20
    assert all(fit.artifact.theta is not None for fit in fits)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("corrected", [False, True], ids=["weight_1", "weight_corrected"])
def test_the_economic_policy_does_not(model: str, corrected: bool) -> None:
    policy = weak.weighted(corrected=True) if corrected else TrainingPolicy.economic()
    fits = [weak.fit(weak.world(s), model, policy, s) for s in SEEDS]
    done = [weak.by_rule(ExpectedValue(), fit)["stationary"] for fit in fits]
    for fit, result in zip(fits, done, strict=True):
        assert fit.artifact.decision.rule == "expected_value"
        assert (fit.artifact.theta is None) == result.no_trade
        assert fit.artifact.metrics["test"].buy_rate == result.buy_rate
        assert result.buy_rate < 0.2
    assert sum(result.no_trade for result in done) <= len(done) / 3
    assert np.mean([result.net for result in done]) > 2.0
    assert sum(result.net < 0 for result in done) <= 1


def test_a_strong_signal_is_not_held_back() -> None:
    fit = weak.fit(weak.world(0, weak.STRONG), "xgboost", TrainingPolicy.economic(), 0)
    future = fit.futures["stationary"]
    assert weak.by_rule(ExpectedValue(), fit)["stationary"].net > 0.96 * weak.best_in_hindsight(
        future
    )
    assert weak.by_rule(Fixed(0.9), fit)["stationary"].net < 0.5 * weak.best_in_hindsight(future)
