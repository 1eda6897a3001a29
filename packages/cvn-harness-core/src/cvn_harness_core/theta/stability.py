"""Of cuts that are about as good as the best, the higher one; and where theta may lie."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from cvn_harness_core.contracts.checks import integer
from cvn_harness_core.contracts.cuts import Cuts
from cvn_harness_core.contracts.split import Array
from cvn_harness_core.contracts.theta import ThetaEvidence
from cvn_harness_core.errors import InputError
from cvn_harness_core.theta.resampling import blocks_of, resample, spread

Objective = Callable[[Cuts], Array]
INTERVAL = (0.05, 0.95)


@dataclass(frozen=True)
class Bootstrap:
    """How a rule judges its own stability: a moving-block bootstrap over time.

    Parameters
    ----------
    draws
        How many samples.
    block
        Stamps in a block; None takes what labels overlap, at least the cube root of all stamps.
    seed
        Of the draws.
    """

    draws: int = 200
    block: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "draws", integer("Bootstrap.draws", self.draws, low=10))
        put(self, "seed", integer("Bootstrap.seed", self.seed, low=0))
        if self.block is not None:
            put(self, "block", integer("Bootstrap.block", self.block, low=1))


def check_bootstrap(rule: str, given: object) -> None:
    """Raise InputError ``setting_invalid`` unless ``given`` is a Bootstrap or None."""
    if not isinstance(given, Bootstrap | None):
        message = f"{rule}.bootstrap is {given!r}; it must be Bootstrap(...), or None."
        raise InputError("setting_invalid", message)


@dataclass(frozen=True)
class Pick:
    """The best cut and the one to take, by index, and what the bootstrap says of theta.

    ``standard_error`` is that of the objective's difference between the two.
    """

    best: int
    chosen: int
    interval: tuple[float, float] | None = None
    standard_error: float | None = None


def unusable(evidence: ThetaEvidence, bootstrap: Bootstrap | None) -> str | None:
    """Return why no cut can be told from another, as a reason code; None if they can."""
    if evidence.cuts.theta.size == 1:
        return "scores_constant"
    if bootstrap is not None and not blocks_of(evidence, bootstrap.block).enough:
        return "too_few_rows"
    return None


def pick(
    evidence: ThetaEvidence, feasible: Array, objective: Objective, bootstrap: Bootstrap | None
) -> Pick:
    """Return the highest feasible cut within one standard error of the best.

    The standard error is the bootstrap's, of the difference to the best in the same draw. The rule
    of Breiman et al. (1984), "Classification and regression trees", where the simpler model is
    preferred; here it is the cut that trades less. At most 512 cuts are compared, all of them ones
    that the scores allow. Without a bootstrap the best is taken, of equals the higher.

    Parameters
    ----------
    feasible
        (k,) boolean over ``evidence.cuts``; at least one holds.
    objective
        What the rule maximises, for each cut, (k,) or (draws, k).
    """
    cuts = evidence.cuts
    candidates = np.flatnonzero(feasible)
    value = objective(cuts[candidates])
    best = int(candidates[value.size - 1 - np.argmax(value[::-1])])
    if bootstrap is None:
        return Pick(best, best)
    kept = spread(candidates, best)
    some = cuts[kept]
    at_best = int(np.searchsorted(kept, best))
    blocks = blocks_of(evidence, bootstrap.block)
    samples = resample(evidence, some, blocks, draws=bootstrap.draws, seed=bootstrap.seed)
    drawn, seen = objective(samples), objective(some)
    error = (drawn - drawn[:, [at_best]]).std(axis=0)
    chosen = int(np.flatnonzero(seen >= seen[at_best] - error)[-1])
    low, high = np.quantile(some.theta[drawn.argmax(axis=1)], INTERVAL)
    return Pick(best, int(kept[chosen]), (float(low), float(high)), float(error[chosen]))
