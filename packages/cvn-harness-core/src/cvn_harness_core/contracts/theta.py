"""The decision threshold: what a rule is given, what it chooses, and what is kept of it."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Literal, Protocol, TypeAlias, runtime_checkable

import numpy as np

from cvn_harness_core.contracts.calibration import EvidenceSource
from cvn_harness_core.contracts.checks import real
from cvn_harness_core.contracts.cuts import Cuts, all_cuts
from cvn_harness_core.contracts.payoff import Payoff
from cvn_harness_core.contracts.probability import Probability
from cvn_harness_core.contracts.read_only import freeze
from cvn_harness_core.contracts.split import Array, read_only_view

MAX_CURVE_POINTS = 512

RateAlarm: TypeAlias = Literal["above_band", "below_band", "above_predicted", "below_predicted"]


@dataclass(frozen=True)
class ThetaEvidence:
    """What a rule decides from: rows that the model was not fitted on, and never those of test.

    No array of it can be written to: the figures of validation are of the same arrays.

    Parameters
    ----------
    scores
        (n,) probabilities of the positive class, float64.
    y
        (n,) labels in {0, 1}.
    returns
        (n,) realised net returns, where known.
    payoff
        Where known.
    time, label_end
        (n,) when each row was known and decided, where known: they order the rows and say how
        much their labels overlap.
    probability
        What the scores are.
    n_train
        How many rows the probabilities rest on: those that the model was fitted on or, where it is
        fewer, its calibrator, its forward folds on average, or what an ensemble learnt from.
    source
        Where the rows come from.
    """

    scores: Array
    y: Array
    returns: Array | None = None
    payoff: Payoff | None = None
    time: Array | None = None
    label_end: Array | None = None
    probability: Probability = field(default_factory=lambda: Probability("raw"))
    n_train: int = 0
    source: EvidenceSource = "validation"

    def __post_init__(self) -> None:
        _protect(self)

    @cached_property
    def cuts(self) -> Cuts:
        """Every cut that the distinct scores allow, in order of rising theta; counted once."""
        cuts = all_cuts(self.scores, self.y, self.returns)
        _protect(cuts)
        return cuts


def _protect(record: ThetaEvidence | Cuts) -> None:
    """Make the arrays of a record read-only, without a copy."""
    for field_ in fields(record):
        value = getattr(record, field_.name)
        if isinstance(value, np.ndarray):
            object.__setattr__(record, field_.name, read_only_view(value))


@dataclass(frozen=True)
class ThetaChoice:
    """What a rule returns. Only the first two are needed; the rest is evidence that is kept.

    Parameters
    ----------
    theta
        Signals are rows with p >= theta; None means NO_TRADE: no row ever signals.
    reason
        Why there is no theta: a short code in snake case. None where there is one.
    best_theta
        Where the rule's objective is largest, before it prefers a more stable cut.
    band
        The least and largest buy rate that the rule allows.
    feasible
        (k,) boolean, over ``evidence.cuts``: which cuts satisfy the rule's constraints.
    interval
        Of the cut that is best in each draw of the bootstrap: the 5 % and 95 % points. Theta may
        lie above, where the rule prefers a more stable cut.
    predicted_expectancy
        What the rule expects a signal to earn net.
    figures
        What it weighed, by name.
    """

    theta: float | None
    reason: str | None = None
    best_theta: float | None = None
    band: tuple[float, float] = (0.0, 1.0)
    feasible: Array | None = None
    interval: tuple[float, float] | None = None
    predicted_expectancy: float | None = None
    figures: dict[str, float | None] = field(default_factory=dict)


@runtime_checkable
class ThetaRule(Protocol):
    """A way to pick theta. Rules are frozen dataclasses: their fields are their settings."""

    @property
    def name(self) -> str:
        """The name that events and artifacts carry."""

    def decide(self, evidence: ThetaEvidence) -> ThetaChoice:
        """Return the choice; no theta, and a reason, where nothing is feasible."""


@dataclass(frozen=True)
class ThetaCurve:
    """What each threshold would have done on the rows it was picked from; one entry per point.

    Points stand in order of rising theta, at most 512 of them, exact, the chosen one included.
    ``precision`` is None where nothing is bought. ``expectancy`` holds, for each of ``costs``, the
    mean net return of a signal at that round-trip cost; both are empty where no money is known.
    ``feasible`` says which points satisfy the rule's constraints.
    """

    theta: tuple[float, ...]
    n_signals: tuple[int, ...]
    buy_rate: tuple[float, ...]
    precision: tuple[float | None, ...]
    recall: tuple[float, ...]
    f1: tuple[float, ...]
    feasible: tuple[bool, ...] = ()
    costs: tuple[float, ...] = ()
    expectancy: tuple[tuple[float | None, ...], ...] = ()


@dataclass(frozen=True)
class ThetaDecision:
    """What was decided, and on what evidence: part of every artifact.

    Parameters
    ----------
    rule
        The rule's name.
    theta, reason, best_theta, interval, predicted_expectancy, figures
        As the rule chose; see ``ThetaChoice``.
    source
        ``validation`` or ``out_of_fold``: the rows that it was decided on.
    n, n_signals, buy_rate, precision, f1, expectancy
        On those rows, at theta; of no signal where there is none.
    min_buy_rate, max_buy_rate
        The band.
    curve
        The alternatives.
    """

    rule: str
    theta: float | None
    reason: str | None
    n: int
    n_signals: int
    buy_rate: float
    f1: float
    precision: float | None = None
    expectancy: float | None = None
    source: EvidenceSource = "validation"
    best_theta: float | None = None
    interval: tuple[float, float] | None = None
    min_buy_rate: float = 0.0
    max_buy_rate: float = 1.0
    predicted_expectancy: float | None = None
    figures: dict[str, float | None] = field(default_factory=dict)
    curve: ThetaCurve | None = None

    def __post_init__(self) -> None:
        freeze(self)
        if self.theta is not None:
            setting = f"the theta of the rule {self.rule!r}"
            object.__setattr__(self, "theta", real(setting, self.theta, low=0))

    @property
    def status(self) -> Literal["TRADE", "NO_TRADE"]:
        """Whether the artifact may signal at all."""
        return "NO_TRADE" if self.theta is None else "TRADE"


@dataclass(frozen=True)
class ThetaOutcome:
    """What was predicted for theta, and what became of it on test, if there are test rows.

    ``alarm`` is a code where the realised buy rate left the band, or is more than 2.5 times, or
    less than 1/2.5 of, the predicted one and that is no sampling noise (z above 3.29).
    """

    predicted_buy_rate: float
    realised_buy_rate: float | None
    predicted_expectancy: float | None
    realised_expectancy: float | None
    alarm: RateAlarm | None = None
