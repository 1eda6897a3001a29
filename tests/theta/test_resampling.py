"""The block bootstrap against arch's, which the core does not import because it takes seconds."""

from __future__ import annotations

import numpy as np
import pytest
from arch.bootstrap import MovingBlockBootstrap

from cvn_harness_core import Payoff, ThetaEvidence
from cvn_harness_core.theta.resampling import Blocks, resample, times_drawn


@pytest.mark.parametrize(("n", "length"), [(12, 3), (100, 7), (839, 10), (50, 25), (30, 1)])
def test_the_same_generator_draws_the_same_blocks_as_arch(n: int, length: int) -> None:
    ours = times_drawn(Blocks(np.arange(n), n, length), np.random.default_rng(5), 20)
    theirs = MovingBlockBootstrap(length, np.arange(n), seed=np.random.default_rng(5))
    counted = [np.bincount(data[0][0], minlength=n) for data in theirs.bootstrap(20)]
    assert (ours == np.array(counted)).all()


def test_what_cuts_buy_in_a_sample_is_what_the_drawn_rows_would_have_bought() -> None:
    rng = np.random.default_rng(0)
    n = 300
    scores = np.round(rng.random(n), 2)
    y = (rng.random(n) < scores).astype(np.int8)
    returns = rng.normal(size=n)
    rows = ThetaEvidence(scores, y, returns=returns, payoff=Payoff(1.0, 1.0))
    cuts = rows.cuts[np.arange(0, rows.cuts.theta.size, 7)]
    blocks = Blocks(np.arange(n), n, 8)
    ours = resample(rows, cuts, blocks, draws=10, seed=3)
    theirs = MovingBlockBootstrap(8, np.arange(n), seed=np.random.default_rng(3))
    for draw, data in enumerate(theirs.bootstrap(10)):
        drawn = data[0][0]
        for j, theta in enumerate(cuts.theta):
            bought = drawn[scores[drawn] >= theta]
            assert ours.n_signals[draw, j] == bought.size
            assert ours.true_positives[draw, j] == y[bought].sum()
            assert ours.score_sum[draw, j] == pytest.approx(scores[bought].sum())
            assert ours.return_sum is not None
            assert ours.return_sum[draw, j] == pytest.approx(returns[bought].sum())
        assert ours.n[draw] == n
        assert ours.n_positive[draw] == y[drawn].sum()


def test_rows_of_one_moment_are_drawn_together() -> None:
    stamp = np.repeat(np.arange(20), 3)
    times = times_drawn(Blocks(stamp, 20, 4), np.random.default_rng(0), 5)
    assert times.shape == (5, 20)
    assert (times.sum(axis=1) == 20).all()
