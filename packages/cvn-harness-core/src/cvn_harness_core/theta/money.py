"""What a right and a wrong signal are worth, and the precision that pays for both."""

from __future__ import annotations

from dataclasses import dataclass

from cvn_harness_core.contracts.theta import ThetaEvidence


@dataclass(frozen=True)
class Money:
    """Mean net returns of a signal on a positive and on a negative row, in the payoff's unit."""

    gain: float
    loss: float

    @property
    def break_even(self) -> float:
        """The precision at which the expectancy is zero; above 1 where even gains lose."""
        return -self.loss / (self.gain - self.loss)


def money_of(evidence: ThetaEvidence) -> Money | None:
    """Return the money of some evidence; None where neither returns nor a payoff are known.

    The payoff's, where there are no returns: ``tp - cost`` and ``-sl - cost``. Else the realised
    means, since trades that time ends are worth neither.
    """
    if evidence.returns is None:
        if evidence.payoff is None:
            return None
        payoff = evidence.payoff
        return Money(payoff.take_profit - payoff.cost, -payoff.stop_loss - payoff.cost)
    positive = evidence.y == 1
    return Money(
        float(evidence.returns[positive].mean()), float(evidence.returns[~positive].mean())
    )


def default_band(prevalence: float, break_even: float) -> tuple[float, float]:
    """Return the buy rates that a rule may choose from, by prevalence and break-even.

    Whoever buys more than ``prevalence / break_even`` of the rows has a precision below break-even
    even if every positive is among them, so that is the largest rate; a hundredth of it, the rate
    of a model that leaves almost everything that there is, is the least. Where every row pays
    (``break_even <= prevalence``), all may be bought.
    """
    most = 1.0 if break_even <= prevalence else prevalence / break_even
    return most / 100.0, most
