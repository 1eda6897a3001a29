"""The best of many, by libraries' tests."""

from __future__ import annotations

import numpy as np

from cvn_orchestrator.statistics import confidence_set, superior_predictive_ability
from cvn_orchestrator.statistics.family import family_figures


def returns(edge: float, seed: int = 0) -> np.ndarray:
    net = np.random.default_rng(seed).normal(size=(400, 6))
    net[:, 4] += edge
    return net


def test_a_real_edge_is_superior_and_alone_in_the_confidence_set() -> None:
    net = returns(0.6)
    p = superior_predictive_ability(net, block=2, seed=0)
    assert p is not None
    assert 0 < p < 0.01
    assert confidence_set(net, block=2, seed=0) == (4,)


def test_noise_is_not() -> None:
    found = [
        superior_predictive_ability(returns(0, s), block=2, draws=99, seed=s) for s in range(30)
    ]
    assert np.mean([p < 0.05 for p in found if p is not None]) < 0.2
    members = confidence_set(returns(0), block=2, seed=0)
    assert members is not None
    assert len(members) > 3


def test_a_loud_variant_does_not_drown_a_quiet_one() -> None:
    net = returns(0.6)
    net[:, 5] *= 50
    p = superior_predictive_ability(net, block=2, seed=0)
    assert p is not None
    assert p < 0.01


def test_equal_seeds_give_equal_figures() -> None:
    net = returns(0.1)
    once, again = (superior_predictive_ability(net, block=3, seed=7) for _ in range(2))
    assert once == again


def test_variants_that_are_the_baseline_leave_nothing_to_tell() -> None:
    net = np.repeat(returns(0)[:, :1], 3, axis=1)
    assert superior_predictive_ability(net, block=2, seed=0) is None
    assert confidence_set(net, block=2, seed=0) is None


def test_variants_of_equal_mean_are_both_in_the_set() -> None:
    one = np.tile([1.0, -0.5], 100)
    assert confidence_set(np.column_stack([one, one[::-1]]), block=2, seed=0) == (0, 1)


def test_where_nothing_trades_there_is_nothing_to_pick() -> None:
    family = family_figures(np.zeros((200, 3)), ("a", "b", "c"), block=2, seed=0)
    assert (family.superior_p, family.confidence_set, family.overfitting) == (None, None, None)
    assert (
        family.undefined["overfitting"] == "every variant earns the same: there is nothing to pick"
    )
