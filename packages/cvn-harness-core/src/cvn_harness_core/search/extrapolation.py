"""Ending a trial that cannot catch up, even if it went on gaining as fast as it did."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from cvn_harness_core.contracts.search import TrialRecord
from cvn_harness_core.search.objective import Direction

LEADERS = 0.1
"""The quantile of the complete trials' best values that a trial must be able to reach."""

MARGIN = 1.2
"""How much more than its last doubling of iterations each further doubling is taken to gain."""

_ENOUGH = 4


class Extrapolation:
    """Watches one trial beside the complete ones of those before it.

    Boosting gains less and less from each doubling of its iterations. A trial is ended when its
    best value so far, and for every doubling up to the ceiling 1.2 times what the last one gained,
    would not reach the best tenth of the complete trials, of which there must be four. Compared
    with judging trials at equal iterations, this holds a small learning rate against a trial much
    less, though not never: one that has hardly begun to gain at a fiftieth of the ceiling is ended.

    Parameters
    ----------
    earlier
        The trials whose results it was asked for with.
    ceiling
        How many iterations the boosting may take.
    direction
        Which way the stopping metric is better.
    """

    def __init__(
        self, earlier: Sequence[TrialRecord], *, ceiling: int, direction: Direction
    ) -> None:
        self._sign = 1.0 if direction == "minimize" else -1.0
        finals = [
            self._sign * trial.curve.val_best
            for trial in earlier
            if trial.state == "complete" and trial.curve and trial.curve.val_best is not None
        ]
        self._wanted = float(np.quantile(finals, LEADERS)) if len(finals) >= _ENOUGH else None
        self._ceiling, self._first = ceiling, max(8, ceiling // 50)
        self._every = max(1, ceiling // 120)
        self._best: list[float] = []
        self.pruned = False

    def watch(self, iteration: int, value: float) -> bool:
        """Return whether the boosting is to end after this iteration."""
        own = self._sign * float(value)
        self._best.append(min(own, self._best[-1]) if self._best else own)
        due = self._first <= iteration < self._ceiling and iteration % self._every == 0
        if due and self._wanted is not None:
            best, half = self._best[-1], self._best[iteration // 2 - 1]
            doublings = math.log2(self._ceiling / iteration)
            self.pruned = best - MARGIN * (half - best) * doublings > self._wanted
        return self.pruned

    @property
    def reports(self) -> tuple[tuple[int, float], ...]:
        """The best value when it was ended: what the sampler is told of it."""
        return ((len(self._best), self._sign * self._best[-1]),) if self.pruned else ()

    @property
    def rungs(self) -> dict[str, float]:
        """Nothing: there are no rungs."""
        return {}
