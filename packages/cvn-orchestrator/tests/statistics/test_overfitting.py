"""The probability of backtest overfitting where the answer is known."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import linregress, norm

from cvn_harness_core import InputError
from cvn_orchestrator.statistics import probability_of_overfitting


def noise(seed: int, n: int = 1000, k: int = 100) -> np.ndarray:
    """Return daily returns of strategies whose Sharpe ratio is exactly 0 over all dates."""
    returns = np.random.default_rng(seed).normal(size=(n, k))
    return (returns - returns.mean(axis=0)) / returns.std(axis=0)


def test_strategies_of_equal_ratio_overfit_in_full() -> None:
    # By construction: what a strategy earns in one half it loses in the other, one for one.
    found = probability_of_overfitting(noise(0), n_blocks=8)
    assert found.n_splits == math.comb(8, 4)
    assert found.probability > 0.98
    assert found.probability_of_loss == 1.0
    assert found.slope == pytest.approx(-1, abs=0.1)


def r_normal(seed: int, n: int) -> np.ndarray:
    """Return what R's `set.seed(seed); rnorm(n)` does: the Mersenne twister, by inversion."""
    state, key = seed, []
    for number in range(50 + 625):
        state = (69069 * state + 1) % 2**32
        if number > 50:
            key.append(state)
    twister = np.random.MT19937()
    twister.state = {
        "bit_generator": "MT19937",
        "state": {"key": np.array(key, dtype=np.uint32), "pos": 624},
    }
    high, low = (twister.random_raw(2 * n) * 2.3283064365386963e-10).reshape(n, 2).T
    drawn: np.ndarray = norm.ppf((np.floor(2**27 * high) + low) / 2**27)
    return drawn


def test_the_worked_example_of_the_package_pbo_is_reproduced() -> None:
    """The vignette of the R package pbo (M. Barry), after the first test case of the paper.

    Published: p_bo 1, p_loss 1, adjusted R2 0.97, and -0.0030456, which is called a slope and is
    the intercept of the ratio here on that there.
    """
    assert r_normal(42, 3) == pytest.approx([1.37095845, -0.56469817, 0.36312841], abs=1e-8)
    returns = r_normal(765, 100 * 2400).reshape(100, 2400).T
    returns = returns / returns.std(axis=0, ddof=1) / math.sqrt(252)
    returns = returns - returns.mean(axis=0) - 0.03 / 252
    found = probability_of_overfitting(returns, n_blocks=8)
    assert (found.probability, found.probability_of_loss, found.n_splits) == (1.0, 1.0, 70)

    here, there = np.array([_best_of(returns, half) for half in combinations(range(8), 4)]).T
    of_here = linregress(there, here)
    assert of_here.intercept == pytest.approx(-0.0030456, abs=5e-8)
    assert 1 - (1 - of_here.rvalue**2) * 69 / 68 == pytest.approx(0.97, abs=5e-3)
    assert found.slope == pytest.approx(linregress(here, there).slope, rel=1e-9)


def _best_of(returns: np.ndarray, blocks: tuple[int, ...]) -> tuple[float, float]:
    """Return the best Sharpe ratio in a half of eight blocks, and the same strategy's elsewhere."""
    inside = np.isin(np.arange(len(returns)) * 8 // len(returns), blocks)
    here, there = (
        r.mean(axis=0) / r.std(axis=0, ddof=1) for r in (returns[inside], returns[~inside])
    )
    best = int(here.argmax())
    return float(here[best]), float(there[best])


def test_one_strategy_with_a_ratio_of_one_a_year_lowers_it_and_two_more() -> None:
    full, low, none = (
        np.mean(
            [
                probability_of_overfitting(
                    noise(seed) + np.eye(1, 100, 17) * ratio / math.sqrt(252), n_blocks=8
                ).probability
                for seed in range(5)
            ]
        )
        for ratio in (0, 1, 2)
    )
    assert full > 0.98
    assert low < 0.9
    assert none < 0.2


def test_pure_noise_is_about_a_coin() -> None:
    found = [
        probability_of_overfitting(np.random.default_rng(seed).normal(size=(500, 20)), 10)
        for seed in range(40)
    ]
    assert np.mean([each.probability for each in found]) == pytest.approx(0.5, abs=0.1)


def test_a_dominating_strategy_is_no_overfit() -> None:
    returns = np.random.default_rng(2).normal(size=(400, 6))
    returns[:, 3] = returns.max(axis=1) + 5
    found = probability_of_overfitting(returns)
    assert (found.probability, found.probability_of_loss, found.n_splits) == (0, 0, 12_870)


@settings(max_examples=25)
@given(
    arrays(float, (24, 4), elements=st.floats(-1, 1, width=32)),
    st.floats(0.01, 100),
    st.permutations(range(4)),
)
def test_scale_does_not_matter(returns: np.ndarray, scale: float, order: list[int]) -> None:
    found = probability_of_overfitting(returns, 6)
    assert 0 <= found.probability <= 1
    if np.unique(np.abs(returns)).size == returns.size:  # without ties order does not, either
        again = probability_of_overfitting(returns[:, order] * scale, 6)
        assert again.probability == pytest.approx(found.probability, abs=0.11)


def test_it_is_what_its_definition_says_step_by_step() -> None:
    from itertools import combinations

    returns = np.random.default_rng(5).normal(size=(60, 5))
    blocks = np.split(returns, 6)
    below = []
    for chosen in combinations(range(6), 3):
        here = np.vstack([blocks[i] for i in chosen])
        there = np.vstack([blocks[i] for i in range(6) if i not in chosen])
        best = (here.mean(axis=0) / here.std(axis=0)).argmax()
        ratio = there.mean(axis=0) / there.std(axis=0)
        relative = (ratio <= ratio[best]).sum() / 6
        below.append(math.log(relative / (1 - relative)) <= 0)
    found = probability_of_overfitting(returns, 6)
    assert found.probability == np.mean(below)


def test_a_variant_that_never_trades_has_a_ratio_of_zero() -> None:
    returns = np.zeros((100, 2))
    returns[:, 0] = np.random.default_rng(0).normal(-1, 0.1, size=100)
    found = probability_of_overfitting(returns, 4)
    assert (found.probability, found.probability_of_loss, found.slope) == (0, 0, None)


@pytest.mark.parametrize(("shape", "n_blocks"), [((100, 1), 4), ((100, 3), 5), ((7, 3), 4)])
def test_what_cannot_be_halved_is_refused(shape: tuple[int, int], n_blocks: int) -> None:
    with pytest.raises(InputError) as caught:
        probability_of_overfitting(np.zeros(shape), n_blocks)
    assert caught.value.code == "setting_invalid"
