"""All variants together: whether picking the best of them means anything."""

from __future__ import annotations

from dataclasses import dataclass, field

from cvn_harness_core import Array
from cvn_orchestrator.statistics.best_of_many import confidence_set, superior_predictive_ability
from cvn_orchestrator.statistics.overfitting import (
    N_BLOCKS,
    Overfitting,
    probability_of_overfitting,
)
from cvn_orchestrator.statistics.resampling import FEWEST_DATES


@dataclass(frozen=True, kw_only=True)
class Family:
    """Figures of daily net returns over all variants; None with the reason in ``undefined``.

    Parameters
    ----------
    superior_p
        p value of Hansen's SPA test: no variant earns more than the baseline.
    confidence_set
        The variants among which the one that earns most lies with 95 % confidence.
    overfitting
        Of picking the variant with the best Sharpe ratio.
    undefined
        Name of each of these that is None, and why.
    """

    superior_p: float | None = None
    confidence_set: tuple[str, ...] | None = None
    overfitting: Overfitting | None = None
    undefined: dict[str, str] = field(default_factory=dict)


def family_figures(net: Array, variants: tuple[str, ...], *, block: int, seed: int) -> Family:
    """Return the figures of daily net returns (n, k), the baseline's first."""
    names = ("superior_p", "confidence_set", "overfitting")
    n_dates, k = net.shape
    if k < 2:
        return Family(undefined=dict.fromkeys(names, "there is one variant"))
    if n_dates < FEWEST_DATES:
        few = f"fewer than {FEWEST_DATES} test dates"
        return Family(undefined=dict.fromkeys(names, few))
    undefined: dict[str, str] = {}
    superior_p = superior_predictive_ability(net, block=block, seed=seed)
    if superior_p is None:
        undefined["superior_p"] = "every variant earns the same as the baseline"
    best = confidence_set(net, block=block, seed=seed)
    if best is None:
        undefined["confidence_set"] = "two variants earn the same on every date"
    overfitting = None
    if n_dates < 2 * N_BLOCKS:
        undefined["overfitting"] = f"fewer than {2 * N_BLOCKS} test dates"
    elif (net == net[:, :1]).all():
        undefined["overfitting"] = "every variant earns the same: there is nothing to pick"
    else:
        overfitting = probability_of_overfitting(net)
    return Family(
        superior_p=superior_p,
        confidence_set=None if best is None else tuple(variants[index] for index in best),
        overfitting=overfitting,
        undefined=undefined,
    )
