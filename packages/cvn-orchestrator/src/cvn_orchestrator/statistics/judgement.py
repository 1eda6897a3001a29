"""What is said of a sweep in the end: plain values, for a table, a report or JSON."""

from __future__ import annotations

from dataclasses import dataclass

from cvn_orchestrator.statistics.comparison import Comparison
from cvn_orchestrator.statistics.coverage import Coverage, Signals
from cvn_orchestrator.statistics.estimate import Estimate
from cvn_orchestrator.statistics.family import Family
from cvn_orchestrator.statistics.luck import Luck
from cvn_orchestrator.statistics.verdict import Rules, Verdict


@dataclass(frozen=True)
class AtCost:
    """Net return of a signal after a cost."""

    cost: float
    expectancy: Estimate


@dataclass(frozen=True, kw_only=True)
class VariantJudgement:
    """The verdict on one variant, and what it rests on.

    Parameters
    ----------
    verdict, sentence
        The verdict, and why, with figures, for people.
    reasons
        The deciding reason, then the figures beside it.
    signals
        How many it gave.
    comparisons
        One for each metric; none for the baseline.
    at_costs
        Net return of a signal after each cost, the main one first.
    tradable_p
        p value of net expectancy after the main cost, adjusted over all variants.
    luck
        Its Sharpe ratio against what luck gives the best of all trials; None where its daily
        returns do not vary.
    """

    variant: str
    verdict: Verdict
    sentence: str
    reasons: tuple[str, ...]
    signals: Signals
    comparisons: tuple[Comparison, ...]
    at_costs: tuple[AtCost, ...]
    tradable_p: float | None
    luck: Luck | None


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """The verdicts on a sweep.

    Parameters
    ----------
    sentence
        All in one, for people.
    variants
        The baseline first, then the others by name.
    coverage, n_trials, rules
        What there was, out of how many trials ever run, and the limits of the verdicts.
    cost
        The main cost of a signal, which the verdicts are made at.
    n_dates, block, draws
        Of the bootstrap: test dates, mean length of a block in dates, samples.
    family
        Whether picking the best means anything.
    """

    sentence: str
    baseline: str
    variants: tuple[VariantJudgement, ...]
    coverage: Coverage
    n_trials: int
    rules: Rules
    cost: float
    n_dates: int
    block: int
    draws: int
    family: Family

    def of(self, variant: str) -> VariantJudgement:
        """Return the judgement on a variant; KeyError for an unknown one."""
        return {one.variant: one for one in self.variants}[variant]
