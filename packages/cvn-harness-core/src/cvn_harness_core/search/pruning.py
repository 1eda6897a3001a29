"""Ending a trial early, by Optuna's pruners, from within the boosting."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cvn_harness_core.contracts.hpo import Pruner
from cvn_harness_core.contracts.search import TrialRecord
from cvn_harness_core.search.extrapolation import Extrapolation
from cvn_harness_core.search.mirror import OPTUNA_STATES
from cvn_harness_core.search.objective import Direction

if TYPE_CHECKING:
    from optuna.pruners import BasePruner
    from optuna.trial import FrozenTrial

REDUCTION = 3


def watcher(
    kind: Pruner,
    earlier: Sequence[TrialRecord],
    number: int,
    *,
    ceiling: int,
    direction: Direction,
) -> Extrapolation | Pruning | None:
    """Return what watches a trial; None for no pruning."""
    if kind == "none":
        return None
    if kind == "extrapolation":
        return Extrapolation(earlier, ceiling=ceiling, direction=direction)
    return Pruning(kind, earlier, number, ceiling=ceiling, direction=direction)


class Pruning:
    """Watches one trial beside earlier ones, as Optuna's pruner of that name does.

    Trials that may run at the same time are not seen, so that it does not matter which ends first.

    Parameters
    ----------
    earlier
        The trials whose results it was asked for with.
    number
        Of this trial.
    ceiling
        How many iterations the boosting may take.
    direction
        Which way the stopping metric is better.
    """

    def __init__(
        self,
        kind: Pruner,
        earlier: Sequence[TrialRecord],
        number: int,
        *,
        ceiling: int,
        direction: Direction,
    ) -> None:
        import optuna

        self._steps = frozenset(_steps(kind, ceiling))
        study = optuna.create_study(
            study_name="cvn", direction=direction, pruner=_pruner(kind, ceiling)
        )
        study.add_trials([_frozen(trial) for trial in earlier])
        for _ in range(len(earlier), number):  # nothing is known of them
            study.add_trial(optuna.trial.create_trial(state=optuna.trial.TrialState.FAIL))
        self._study, self._trial = study, study.ask()
        self.pruned = False

    def watch(self, iteration: int, value: float) -> bool:
        """Return whether the boosting is to end after this iteration."""
        if iteration in self._steps:
            self._trial.report(value, iteration)
            self.pruned = self._trial.should_prune()
        return self.pruned

    @property
    def reports(self) -> tuple[tuple[int, float], ...]:
        """What was reported: iteration and value, in order."""
        return tuple(sorted(self._frozen.intermediate_values.items()))

    @property
    def rungs(self) -> dict[str, float]:
        """What successive halving remembers of the rungs that were completed."""
        return dict(self._frozen.system_attrs)

    @property
    def _frozen(self) -> FrozenTrial:
        return self._study.get_trials(deepcopy=False)[self._trial.number]


def _steps(kind: Pruner, ceiling: int) -> set[int]:
    if kind == "hyperband":
        first = _first_rung(ceiling)
        return {first * REDUCTION**k for k in range(20) if first * REDUCTION**k < ceiling}
    every = max(1, ceiling // 20)
    return set(range(every, ceiling, every))


def _first_rung(ceiling: int) -> int:
    return max(1, ceiling // REDUCTION**3)


def _pruner(kind: Pruner, ceiling: int) -> BasePruner:
    from optuna import pruners

    if kind == "hyperband":
        return pruners.HyperbandPruner(
            min_resource=_first_rung(ceiling), max_resource=ceiling, reduction_factor=REDUCTION
        )
    return pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=ceiling // 20)


def _frozen(trial: TrialRecord) -> FrozenTrial:
    import optuna

    return optuna.trial.create_trial(
        state=optuna.trial.TrialState[OPTUNA_STATES[trial.state]],
        value=trial.value if trial.state == "complete" else None,
        intermediate_values=dict(trial.reports),
        system_attrs=dict(trial.rungs),
    )
