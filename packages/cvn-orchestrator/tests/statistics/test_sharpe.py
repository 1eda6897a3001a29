"""Sharpe ratios, against worked examples of Bailey and Lopez de Prado, as others cite them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cvn_harness_core import InputError
from cvn_orchestrator.statistics import (
    SharpeRatio,
    deflated_sharpe,
    expected_maximum_sharpe,
    minimum_track_record,
    probabilistic_sharpe,
    sharpe_ratio,
)
from cvn_orchestrator.statistics.luck import luck

# "The deflated Sharpe ratio" (2014), a numerical example: five years of 250 days, annualised
# Sharpe ratio 2.5, variance of the trials' annualised ratios 1/2.
FOUND = SharpeRatio(2.5 / math.sqrt(250), -3.0, 10.0, 1250)
VARIANCE = 0.5 / 250


def test_the_published_deflated_sharpe_ratio_is_reproduced() -> None:
    assert expected_maximum_sharpe(100, VARIANCE) == pytest.approx(0.1132, abs=5e-5)
    assert deflated_sharpe(FOUND, n_trials=100, variance=VARIANCE) == pytest.approx(
        0.9004, abs=5e-5
    )
    assert deflated_sharpe(FOUND, n_trials=46, variance=VARIANCE) == pytest.approx(0.9505, abs=5e-5)


def test_normal_returns_would_have_passed_after_88_trials_as_published() -> None:
    normal = SharpeRatio(FOUND.value, 0.0, 3.0, FOUND.n)
    assert deflated_sharpe(normal, n_trials=88, variance=VARIANCE) == pytest.approx(
        0.9505, abs=5e-5
    )


def test_the_published_probabilistic_sharpe_ratios_are_reproduced() -> None:
    # "The Sharpe ratio efficient frontier" (2012): two years of monthly returns.
    assert probabilistic_sharpe(SharpeRatio(0.458, 0.0, 3.0, 24)) == pytest.approx(0.982, abs=5e-4)
    skewed = SharpeRatio(0.458, -2.448, 10.164, 24)
    assert probabilistic_sharpe(skewed) == pytest.approx(0.913, abs=5e-4)


@pytest.mark.parametrize(
    ("per_year", "skewness", "kurtosis", "years"),
    [
        (250, 0.0, 3.0, 2.73),
        (52, 0.0, 3.0, 2.83),
        (12, 0.0, 3.0, 3.24),
        (12, -0.72, 5.78, 4.99),
    ],
)
def test_the_published_minimum_track_records_are_reproduced(
    per_year: int, skewness: float, kurtosis: float, years: float
) -> None:
    # The same paper: an annualised ratio of 2 against 1, at 95 %.
    sharpe = SharpeRatio(2 / math.sqrt(per_year), skewness, kurtosis, 100)
    length = minimum_track_record(sharpe, 1 / math.sqrt(per_year))
    assert length is not None
    assert length / per_year == pytest.approx(years, abs=0.005)


def test_the_best_of_many_without_skill_shows_about_what_is_expected() -> None:
    best = np.random.default_rng(0).normal(size=(4000, 50)).max(axis=1).mean()
    assert expected_maximum_sharpe(50, 1.0) == pytest.approx(best, rel=0.02)


@given(
    st.floats(-1, 1),
    st.floats(-3, 3),
    st.floats(0, 20),
    st.integers(2, 5000),
    st.integers(1, 10_000),
)
def test_more_trials_never_make_a_sharpe_ratio_more_credible(
    value: float, skewness: float, excess: float, n: int, n_trials: int
) -> None:
    sharpe = SharpeRatio(value, skewness, skewness**2 + 1 + excess, n)
    once = probabilistic_sharpe(sharpe)
    few = deflated_sharpe(sharpe, n_trials=n_trials, variance=1 / n)
    many = deflated_sharpe(sharpe, n_trials=2 * n_trials + 1, variance=1 / n)
    assert 0 <= many <= few <= once <= 1
    assert deflated_sharpe(sharpe, n_trials=1, variance=1 / n) == once


@given(st.floats(0.01, 1), st.floats(-2, 2), st.floats(0.1, 20))
def test_a_track_record_of_the_minimum_length_reaches_the_confidence(
    value: float, skewness: float, excess: float
) -> None:
    kurtosis = skewness**2 + 1 + excess
    length = minimum_track_record(SharpeRatio(value, skewness, kurtosis, 100))
    assert length is not None
    if length > 1:
        reached = probabilistic_sharpe(SharpeRatio(value, skewness, kurtosis, length))
        assert reached == pytest.approx(0.95)


def test_no_track_record_shows_that_a_losing_ratio_exceeds_zero() -> None:
    assert minimum_track_record(SharpeRatio(-0.1, 0.0, 3.0, 100)) is None


def test_moments_are_those_of_scipy() -> None:
    from scipy.stats import kurtosis, skew

    returns = np.random.default_rng(1).gamma(2.0, size=500)
    found = sharpe_ratio(returns)
    assert found is not None
    assert found.value == pytest.approx(returns.mean() / returns.std())
    assert found.skewness == pytest.approx(skew(returns))
    assert found.kurtosis == pytest.approx(kurtosis(returns, fisher=False))
    assert found.n == 500


def test_returns_that_overlap_are_worth_fewer_dates() -> None:
    net = np.random.default_rng(2).normal(0.2, 1, size=400)
    independent = float(net.std(ddof=1)) / 20
    free, tied = luck(net, independent, 50), luck(net, 2 * independent, 50)
    assert free is not None
    assert tied is not None
    assert (free.sharpe.n, tied.sharpe.n) == (pytest.approx(400), pytest.approx(100))
    assert tied.hurdle > free.hurdle
    assert tied.deflated < free.deflated
    assert luck(net, independent / 2, 50) == free  # never worth more than there are
    assert luck(np.zeros(400), 0.0, 50) is None


def test_one_trade_in_many_years_has_moments_all_the_same() -> None:
    found = sharpe_ratio(np.eye(1, 100_000, 5)[0])
    assert found is not None
    assert 0 <= probabilistic_sharpe(found) <= 1


@pytest.mark.parametrize("returns", [[], [1.0], [0.0, 0.0], [0.1] * 30])
def test_returns_that_do_not_vary_have_no_sharpe_ratio(returns: list[float]) -> None:
    assert sharpe_ratio(np.array(returns)) is None


def test_impossible_moments_and_trials_are_refused() -> None:
    with pytest.raises(InputError, match="kurtosis"):
        SharpeRatio(0.1, 2.0, 3.0, 100)
    with pytest.raises(InputError, match="n_trials=0"):
        expected_maximum_sharpe(0, 1.0)
