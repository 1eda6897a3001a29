"""Figures of the net returns that signals would have earned."""

from __future__ import annotations

import numpy as np

from cvn_harness_core.contracts.payoff import Payoff
from cvn_harness_core.contracts.split import Array, Split
from cvn_harness_core.metrics.classification import NO_SIGNALS, Figures, Reasons

NO_MONEY = "neither returns nor a payoff is known"
NAMES = ("win_rate", "expectancy", "profit_factor", "sortino", "max_drawdown")


def net_returns(split: Split, payoff: Payoff | None) -> Array | None:
    """Return each row's net return if it were traded, (n,), or None if unknown.

    Realised returns where the split has them; else the payoff: ``take_profit - cost`` for a
    positive label and ``-stop_loss - cost`` for a negative one.
    """
    if split.returns is not None:
        return split.returns
    if payoff is None:
        return None
    return np.where(split.y == 1, payoff.take_profit, -payoff.stop_loss) - payoff.cost


def trading_figures(
    signals: Array, returns: Array | None, time: Array | None
) -> tuple[Figures, Reasons]:
    """Return win_rate, expectancy, profit_factor, sortino and max_drawdown, and reasons.

    ``signals`` is boolean (n,), ``returns`` (n,) net, ``time`` (n,) orders the equity curve; rows
    are taken in order where it is None.
    """
    if returns is None:
        return dict.fromkeys(NAMES), dict.fromkeys(NAMES, NO_MONEY)
    if not signals.any():
        return dict.fromkeys(NAMES), dict.fromkeys(NAMES, NO_SIGNALS)
    if time is not None:
        order = np.argsort(time, kind="stable")
        signals, returns = signals[order], returns[order]
    traded = returns[signals]
    losses = np.minimum(traded, 0.0)
    mean, lost = float(traded.mean()), float(-losses.sum())
    downside = float(np.sqrt(np.mean(losses**2)))
    equity = np.concatenate([[0.0], np.cumsum(traded)])
    gained = float(np.maximum(traded, 0.0).sum())
    figures: Figures = {
        "win_rate": float((traded > 0).mean()),
        "expectancy": mean,
        "profit_factor": _ratio(gained, lost),
        "sortino": _ratio(mean, downside),
        "max_drawdown": float((np.maximum.accumulate(equity) - equity).max()),
    }
    why = "losses too small to divide by" if lost else "no losing signal"
    return figures, {name: why for name, value in figures.items() if value is None}


def _ratio(numerator: float, denominator: float) -> float | None:
    with np.errstate(all="ignore"):
        ratio = float(np.float64(numerator) / np.float64(denominator))
    return ratio if np.isfinite(ratio) else None
