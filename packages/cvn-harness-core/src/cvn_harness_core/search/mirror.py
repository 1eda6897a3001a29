"""What the sampler is shown: the same trials in the same order, whenever they really ended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from cvn_harness_core.contracts.search import TrialRecord
from cvn_harness_core.search.objective import Direction

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler
    from optuna.trial import FrozenTrial, Trial

OPTUNA_STATES = {"complete": "COMPLETE", "pruned": "PRUNED", "failed": "FAIL"}


class Mirror:
    """A study in memory that one sampler learns from, asked and told in one order.

    Trials of an earlier run are asked for again, and come out the same: no sampler's state has to
    be kept. With one trial at a time and no pruning they are those of a plain loop of Optuna's.

    Parameters
    ----------
    direction
        Of the objective.
    sign
        What the stopping metric is multiplied by to be better in that direction.
    sampler, seed
        Optuna's kind, and the search's seed.
    """

    def __init__(self, direction: Direction, *, sign: float, sampler: str, seed: int) -> None:
        import optuna

        self._study = optuna.create_study(direction=direction, sampler=_sampler(sampler, seed))
        self._sign = sign
        self.n_told = 0

    def ask(self) -> Trial:
        """Return a new trial to sample; it runs until it is told of."""
        return self._study.ask()

    def frozen(self, number: int) -> FrozenTrial:
        """Return a trial as it is."""
        return self._study.get_trials(deepcopy=False)[number]

    def tell(self, record: TrialRecord) -> None:
        """Show the result of the trial after the last one that was told of."""
        import optuna

        trial = optuna.Trial(self._study, self.frozen(record.number)._trial_id)  # noqa: SLF001
        for step, value in record.reports:
            trial.report(self._sign * value, step)
        self._study.tell(
            record.number,
            record.value if record.state == "complete" else None,
            state=optuna.trial.TrialState[OPTUNA_STATES[record.state]],
        )
        self.n_told += 1

    def advance(self, records: Mapping[int, TrialRecord], until: int) -> None:
        """Show every result up to that number, excluding it, in order."""
        for number in range(self.n_told, until):
            self.tell(records[number])


def as_running(trial: FrozenTrial) -> FrozenTrial:
    """Return a trial with its parameters and without anything that came of it."""
    import optuna

    return optuna.trial.create_trial(
        state=optuna.trial.TrialState.RUNNING,
        params=trial.params,
        distributions=trial.distributions,
    )


def _sampler(kind: str, seed: int) -> BaseSampler:
    from optuna import samplers

    if kind == "random":
        return samplers.RandomSampler(seed=seed)
    return samplers.TPESampler(seed=seed)
