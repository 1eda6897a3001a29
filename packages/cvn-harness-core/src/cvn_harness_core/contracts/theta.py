"""The decision threshold: what a rule is given, and what it must return."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias, runtime_checkable

from cvn_harness_core.contracts.checks import real
from cvn_harness_core.contracts.payoff import Payoff
from cvn_harness_core.contracts.split import Array

NoTradeReason: TypeAlias = Literal["no_cut_within_buy_rate_cap", "no_positive_found"]

MAX_CURVE_POINTS = 512


@dataclass(frozen=True)
class ThetaCurve:
    """What each threshold would have done on the rows it was picked from; one entry per point.

    Points stand in order of rising theta. ``precision`` is None where nothing is bought.
    """

    theta: tuple[float, ...]
    n_signals: tuple[int, ...]
    buy_rate: tuple[float, ...]
    precision: tuple[float | None, ...]
    recall: tuple[float, ...]
    f1: tuple[float, ...]


@dataclass(frozen=True)
class ThetaDecision:
    """What a rule decided: a threshold, or not to trade, and the evidence.

    Parameters
    ----------
    rule
        The rule's name.
    theta
        Signals are rows with p >= theta; None means NO_TRADE: no row ever signals.
    reason
        Why there is no theta (a code), or None.
    max_buy_rate
        The cap that the rule obeyed, if any.
    n, n_signals, buy_rate, f1
        On the validation rows the decision was made on.
    curve
        The alternatives that were weighed, at most 512 points.
    """

    rule: str
    theta: float | None
    reason: NoTradeReason | None
    n: int
    n_signals: int
    buy_rate: float
    f1: float
    max_buy_rate: float | None = None
    curve: ThetaCurve | None = None

    def __post_init__(self) -> None:
        if self.theta is not None:
            setting = f"the theta of the rule {self.rule!r}"
            object.__setattr__(self, "theta", real(setting, self.theta, low=0))

    @property
    def status(self) -> Literal["TRADE", "NO_TRADE"]:
        """Whether the artifact may signal at all."""
        return "NO_TRADE" if self.theta is None else "TRADE"


@dataclass(frozen=True)
class ThetaEvidence:
    """What a rule decides from: validation rows, never those of test.

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
    """

    scores: Array
    y: Array
    returns: Array | None = None
    payoff: Payoff | None = None


@runtime_checkable
class ThetaRule(Protocol):
    """A way to pick theta. Rules are frozen dataclasses: their fields are their settings."""

    @property
    def name(self) -> str:
        """The name that events and artifacts carry."""

    def decide(self, evidence: ThetaEvidence) -> ThetaDecision:
        """Return the decision; NO_TRADE with a reason where nothing is feasible."""
