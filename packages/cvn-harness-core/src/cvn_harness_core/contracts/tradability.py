"""Whether the signals of an artifact would have paid: a verdict with its evidence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Verdict: TypeAlias = Literal["tradable", "unproven", "not_tradable", "unknown"]
Interval: TypeAlias = tuple[float, float]


@dataclass(frozen=True)
class Tradability:
    """The verdict on one artifact, from its test rows.

    ``tradable``: the 95 % interval of net expectancy on test lies above zero. ``not_tradable``: no
    theta was feasible, or the interval lies below zero. ``unproven``: neither, or fewer than 30
    signals on test. ``unknown``: neither returns nor a payoff are known, or there are no test rows.

    Parameters
    ----------
    verdict, sentence
        The verdict, and what it rests on, for people.
    break_even, gross_break_even
        The precision that pays, net and before cost; None without a payoff.
    precision, precision_interval
        Of the signals on test, with the 95 % interval of Wilson (1927).
    expectancy, expectancy_interval
        Mean net return of a signal on test, with the 95 % interval of a block bootstrap over time.
    best_theta, best_expectancy
        The theta with the best net expectancy on the rows that theta was picked on, among cuts with
        at least 30 signals, whatever the rule's constraints.
    """

    verdict: Verdict
    sentence: str
    break_even: float | None = None
    gross_break_even: float | None = None
    precision: float | None = None
    precision_interval: Interval | None = None
    expectancy: float | None = None
    expectancy_interval: Interval | None = None
    best_theta: float | None = None
    best_expectancy: float | None = None
