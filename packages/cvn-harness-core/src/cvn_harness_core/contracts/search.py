"""What a search did, trial by trial: enough to ask why without training again."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from cvn_harness_core.contracts.curve import CurveSummary
from cvn_harness_core.contracts.params import ParamValue
from cvn_harness_core.contracts.read_only import freeze
from cvn_harness_core.contracts.space import Choice, Dimension

TrialState = Literal["complete", "pruned", "failed"]


@dataclass(frozen=True, kw_only=True)
class SearchedDimension:
    """What was tried for one parameter: a range, or the values of a choice.

    Parameters
    ----------
    low, high, log, step
        As in ``Range``, integers for an ``int`` parameter; None (False) for a choice.
    choices
        As in ``Choice``; None for a range.
    """

    low: int | float | None = None
    high: int | float | None = None
    log: bool = False
    step: float | None = None
    choices: tuple[ParamValue, ...] | None = None

    @classmethod
    def of(cls, dimension: Dimension) -> SearchedDimension:
        """Return the record of a declared dimension."""
        if isinstance(dimension, Choice):
            return cls(choices=dimension.values)
        return cls(low=dimension.low, high=dimension.high, log=dimension.log, step=dimension.step)


@dataclass(frozen=True, kw_only=True)
class TrialRecord:
    """One trial of a search.

    Parameters
    ----------
    number
        From 0, in the order in which trials were asked for.
    state
        ``pruned`` trials were ended by the pruner, ``failed`` ones by an error.
    params
        What was searched, by canonical names; conditional ones only where they were tried.
    value
        Of the objective; None unless the trial is complete.
    curve
        Real best iteration, ceiling, and the learning curve in summary; None of forward folds.
    theta, buy_rate
        What the policy's rule picks on the rows that the objective is measured on, and the share of
        them that it buys; theta None for NO_TRADE.
    scores
        At most 64 of those rows' scores, evenly spaced by rank, from the lowest to the highest.
    seconds
        Wall time.
    peak_bytes
        The process's peak resident memory while the trial ran; None where it cannot be told.
    attempts
        How often it was begun: 2 where a process died in the first attempt.
    code, message
        Why it failed.
    reports, rungs
        What the pruner saw: the stopping metric on validation by iteration, and by completed rung.
    """

    number: int
    state: TrialState
    params: dict[str, ParamValue]
    value: float | None = None
    curve: CurveSummary | None = None
    theta: float | None = None
    buy_rate: float | None = None
    scores: tuple[float, ...] = ()
    seconds: float = 0.0
    peak_bytes: int | None = None
    attempts: int = 1
    code: str | None = None
    message: str | None = None
    reports: tuple[tuple[int, float], ...] = ()
    rungs: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        freeze(self)


@dataclass(frozen=True, kw_only=True)
class SearchRecord:
    """A search, finished or under way.

    Parameters
    ----------
    study
        Its name; the default one is the model's name and what the study depends on.
    storage
        Where its trials are kept, without a password; None for memory.
    objective, direction, evaluate_on, sampler, pruner, max_concurrent
        As asked for; the direction is ``maximize`` or ``minimize``.
    space
        What was searched, by parameter.
    best
        The number of the best trial; None if none is complete yet.
    value
        Its value; None if there is none.
    trials
        All that ended, in order.
    n_trials_on_data
        Finished trials of all searches on these data that the store and the storage know of, this
        one's included: what a correction for multiple testing has to count.
    seconds
        Wall time of this run, without trials of earlier runs; None if it was read from a storage.
    replaced_ranges
        By parameter, the ranges of the configuration that were not searched, since a later place
        or the user replaced them, each with its place: ``[8, 64] log (hpo.toml [lightgbm])``. As
        they were where it was trained; not known of a search that was read from a storage.
    """

    study: str
    storage: str | None
    objective: str
    direction: Literal["maximize", "minimize"]
    evaluate_on: str
    sampler: str
    pruner: str
    max_concurrent: int
    space: dict[str, SearchedDimension]
    best: int | None
    value: float | None
    trials: tuple[TrialRecord, ...]
    n_trials_on_data: int
    seconds: float | None
    replaced_ranges: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        freeze(self)

    @property
    def best_trial(self) -> TrialRecord | None:
        """The best trial; None if none is complete yet."""
        return next((trial for trial in self.trials if trial.number == self.best), None)

    def count(self, state: TrialState) -> int:
        """Return how many trials ended so."""
        return sum(trial.state == state for trial in self.trials)
