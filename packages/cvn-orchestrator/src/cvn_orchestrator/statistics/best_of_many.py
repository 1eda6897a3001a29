"""Whether the best of many variants is better than chance makes the best of many."""

from __future__ import annotations

import numpy as np

from cvn_harness_core import Array

MEMBERSHIP = 0.05
DRAWS = 999


def superior_predictive_ability(
    net: Array, *, block: int, seed: int, draws: int = DRAWS
) -> float | None:
    """Return the p value that no variant earns more than the baseline.

    Parameters
    ----------
    net
        (n, k): daily net returns, the baseline's first.

    Returns
    -------
    float or None
        Hansen's consistent p value, the real sample counted in; None without a variant whose
        returns differ from the baseline's.

    Notes
    -----
    Hansen (2005), "A test for superior predictive ability", by ``arch``, with the stationary
    bootstrap. ``arch`` compares the differences as they are, Hansen divides each by its deviation;
    here they are divided before, so that a loud variant does not drown the others.
    """
    from arch.bootstrap import SPA

    gains = net[:, 1:] - net[:, :1]
    spread = gains.std(axis=0)
    gains = gains[:, spread > 0] / spread[spread > 0]
    if not gains.shape[1]:
        return None
    test = SPA(np.zeros(len(gains)), -gains, block_size=block, reps=draws, seed=seed)
    test.compute()
    return float((1 + test.pvalues["consistent"] * draws) / (1 + draws))


def confidence_set(
    net: Array, *, block: int, seed: int, draws: int = DRAWS, size: float = MEMBERSHIP
) -> tuple[int, ...] | None:
    """Return the columns of ``net`` (n, k) among which the best one lies with 95 % confidence.

    None for fewer than two columns, or where two columns are the same, between which there is
    nothing to tell. Hansen, Lunde and Nason (2011), "The model confidence set", by ``arch``, with
    the statistic T-max: the other one, T-R, trips in ``arch`` over columns of equal mean, which
    payoffs of a few fixed sizes bring about.
    """
    from arch.bootstrap import MCS

    if net.shape[1] < 2 or np.unique(net, axis=1).shape[1] < net.shape[1]:
        return None
    test = MCS(-net, size, reps=draws, block_size=block, method="max", seed=seed)
    test.compute()
    kept = test.pvalues["Pvalue"] > size
    return tuple(sorted(int(column) for column in test.pvalues.index[kept].to_numpy()))
