"""A variant's Sharpe ratio against what luck gives the best of all trials."""

from __future__ import annotations

from dataclasses import dataclass

from cvn_harness_core import Array
from cvn_orchestrator.statistics.sharpe import (
    SharpeRatio,
    expected_maximum_sharpe,
    minimum_track_record,
    probabilistic_sharpe,
    sharpe_ratio,
)


@dataclass(frozen=True, kw_only=True)
class Luck:
    """The Sharpe ratio of daily net returns and how likely it is more than luck.

    Parameters
    ----------
    sharpe
        Of a date's net return, dates without a signal included, not annualised; its ``n`` is how
        many independent dates the returns are worth.
    hurdle
        What the best of all trials is expected to show without skill.
    probabilistic, deflated
        Probability that the true ratio exceeds zero, and that it exceeds the hurdle.
    track_record
        Independent dates that it takes to show, with 95 %, that the true ratio exceeds zero; None
        where the ratio does not.
    """

    sharpe: SharpeRatio
    hurdle: float
    probabilistic: float
    deflated: float
    track_record: float | None


def luck(net: Array, mean_error: float, n_trials: int) -> Luck | None:
    """Return it for daily net returns (n,); None where they do not vary.

    Parameters
    ----------
    mean_error
        Standard error of their mean, by the bootstrap over blocks of dates.
    n_trials
        Trials ever run.

    Notes
    -----
    The published ratios take returns to be independent; signals' returns overlap where labels do.
    So n is divided by how much the variance of the mean exceeds that of independent dates, if it
    does. The hurdle needs the variance of the trials' estimated ratios. Here it is that of trials
    without skill, 1 / (n - 1): the returns of a search's trials are not at hand, and the variance
    over a few variants grows with the very edge that is to be shown, until no edge passes.
    """
    worth = float(net.size)
    if mean_error > 0:
        worth *= min(1.0, float(net.var(ddof=1)) / net.size / mean_error**2)
    sharpe = sharpe_ratio(net, max(2.0, worth))
    if sharpe is None:
        return None
    hurdle = expected_maximum_sharpe(n_trials, 1 / (sharpe.n - 1))
    return Luck(
        sharpe=sharpe,
        hurdle=hurdle,
        probabilistic=probabilistic_sharpe(sharpe),
        deflated=probabilistic_sharpe(sharpe, hurdle),
        track_record=minimum_track_record(sharpe),
    )
