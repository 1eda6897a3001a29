"""One policy over every test window at once: what it earned, and how sure that is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl
from arch.bootstrap import MovingBlockBootstrap

from cvn_harness_core import Array
from cvn_orchestrator.demo.market import HORIZON

Interval = tuple[float, float]
Statistic = Callable[..., Array]

DRAWS = 400


@dataclass(frozen=True)
class Pooled:
    """A policy on every test row of every cell; money in ATR, net.

    ``earned`` is the sum over signals for each 1,000 test rows, whether or not they were bought.
    ``interval`` is the 95 % interval of ``expectancy``, None where nothing was bought.
    """

    policy: str
    rows: int
    signals: int
    precision: float | None
    expectancy: float | None
    interval: Interval | None
    earned: float

    def sentence(self, break_even: float) -> str:
        """Return the verdict, in the words of ``Tradability.sentence``."""
        if self.interval is None:
            return f"Not tradable: {self.policy} bought nothing."
        low, high = self.interval
        head = "Tradable on test" if low > 0 else "Not tradable" if high < 0 else "Unproven"
        return (
            f"{head}: {self.signals:,} signals earned {self.expectancy:+.4f} a trade net (95 % "
            f"{low:+.4f} to {high:+.4f}), with precision {self.precision:.3f} against a "
            f"break-even of {break_even:.3f} net."
        )


def pooled(tested: pl.DataFrame, policy: str) -> Pooled:
    """Return one policy's figures over the test rows that ``run`` returns."""
    days = _by_day(tested, policy)
    rows, signals, hits, earned = (float(column.sum()) for column in days)
    interval = None
    if signals:
        _, bought, _, net = days
        interval = _interval(
            (net, bought), lambda net, bought: np.array([net.sum() / bought.sum()])
        )
    return Pooled(
        policy=policy,
        rows=int(rows),
        signals=int(signals),
        precision=hits / signals if signals else None,
        expectancy=earned / signals if signals else None,
        interval=interval,
        earned=1000 * earned / rows,
    )


def difference(tested: pl.DataFrame, policy: str, other: str) -> tuple[float, Interval]:
    """Return how much more a policy earned than another for each 1,000 rows, with its interval."""
    rows, _, _, net = _by_day(tested, policy)
    more = net - _by_day(tested, other)[3]
    interval = _interval(
        (more, rows), lambda more, rows: 1000 * np.array([more.sum() / rows.sum()])
    )
    return float(1000 * more.sum() / rows.sum()), interval


def _by_day(tested: pl.DataFrame, policy: str) -> tuple[Array, ...]:
    """Return test rows, signals, hits and net returns of each test day, in order of time."""
    bought = pl.col("bought").cast(pl.Float64)
    days = (
        tested.filter(pl.col("policy") == policy)
        .group_by("date")
        .agg(
            pl.len().cast(pl.Float64).alias("rows"),
            bought.sum().alias("signals"),
            (bought * pl.col("label")).sum().alias("hits"),
            (bought * pl.col("net_return")).sum().alias("net"),
        )
        .sort("date")
    )
    return tuple(days[name].to_numpy() for name in ("rows", "signals", "hits", "net"))


def _interval(columns: tuple[Array, ...], statistic: Statistic) -> Interval:
    """Return the 95 % interval of a statistic by a moving-block bootstrap over days.

    A block is as long as a trade may last, and symbols, models and folds of one day stay together:
    neither overlapping trades nor copies of one decision pass for independent evidence. Kuensch
    (1989), "The jackknife and the bootstrap for general stationary observations".
    """
    size = min(HORIZON, columns[0].size)
    with np.errstate(invalid="ignore"):
        drawn = MovingBlockBootstrap(size, *columns, seed=0).apply(statistic, DRAWS)
    low, high = np.nanquantile(drawn, [0.025, 0.975])
    return float(low), float(high)
