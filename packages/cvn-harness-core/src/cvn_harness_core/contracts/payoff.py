"""What a signal earns when it is right and loses when it is wrong."""

from __future__ import annotations

from dataclasses import dataclass

from cvn_harness_core.contracts.checks import real
from cvn_harness_core.errors import InputError


@dataclass(frozen=True)
class Payoff:
    """A fixed payoff per signal, all three in one unit (ATR multiples, per cent, EUR).

    Parameters
    ----------
    take_profit, stop_loss
        What a right signal earns and what a wrong one loses, both positive, before cost.
    cost
        The round trip: fees, spread and slippage, not negative.
    """

    take_profit: float
    stop_loss: float
    cost: float = 0.0

    def __post_init__(self) -> None:
        put = object.__setattr__
        for name in ("take_profit", "stop_loss"):
            value = real(f"Payoff.{name}", getattr(self, name), low=0, open_low=True)
            put(self, name, value)
        put(self, "cost", real("Payoff.cost", self.cost, low=0))
        if self.cost >= self.take_profit:
            message = (
                f"Payoff.cost ({self.cost}) is not below take_profit ({self.take_profit}): even a "
                "right signal would lose. Check that both are in the same unit."
            )
            raise InputError("setting_invalid", message)

    @property
    def break_even(self) -> float:
        """The precision at which the expectancy is zero, net of cost.

        Setting ``p * tp - (1 - p) * sl - cost`` to zero gives ``(sl + cost) / (tp + sl)``.
        """
        return (self.stop_loss + self.cost) / (self.take_profit + self.stop_loss)

    @property
    def gross_break_even(self) -> float:
        """The precision at which the expectancy is zero before cost: ``sl / (tp + sl)``."""
        return self.stop_loss / (self.take_profit + self.stop_loss)
