"""Test rows of many cells at once: what was earned, what did better, and how sure that is.

The frames are rows that ``run`` tested, of whichever policy, models or ensembles are in question.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import polars as pl
from arch.bootstrap import MovingBlockBootstrap

from cvn_harness_core import Array
from cvn_orchestrator.demo.market import HORIZON

DRAWS = 400

_BOUGHT = pl.col("bought").cast(pl.Float64)
_EDGE = float(np.finfo(np.float64).eps)
_SCORE = pl.col("score").clip(_EDGE, 1.0 - _EDGE)

EARNED = 1000 * _BOUGHT * pl.col("net_return")
"""A thousand times what a row earned, in ATR net: its mean is what 1,000 rows earned."""

LOG_LOSS = -pl.when(pl.col("label") == 1).then(_SCORE).otherwise(1.0 - _SCORE).log()
"""A row's log loss in nats; scores are clipped as scikit-learn clips them."""


class Estimate(NamedTuple):
    """A figure, and the ends of its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Pooled:
    """What was bought on all these test rows; money in ATR, net.

    ``expectancy`` is that of a signal, None where nothing was bought. ``earned`` is the sum over
    signals for each 1,000 test rows, whether or not they were bought.
    """

    rows: int
    signals: int
    precision: float | None
    expectancy: Estimate | None
    earned: float

    def sentence(self, break_even: float) -> str:
        """Return the verdict, in the words of ``Tradability.sentence``."""
        if self.expectancy is None:
            return "Not tradable: nothing was bought."
        net, low, high = self.expectancy
        head = "Tradable on test" if low > 0 else "Not tradable" if high < 0 else "Unproven"
        return (
            f"{head}: {self.signals:,} signals earned {net:+.4f} a trade net (95 % "
            f"{low:+.4f} to {high:+.4f}), with precision {self.precision:.3f} against a "
            f"break-even of {break_even:.3f} net."
        )


def pooled(tested: pl.DataFrame) -> Pooled:
    """Return the figures of all these test rows together."""
    hit, net = _BOUGHT * pl.col("label"), _BOUGHT * pl.col("net_return")
    days = _by_day(tested, bought=_BOUGHT, hits=hit, net=net)
    rows, signals, hits, earned = (float(column.to_numpy().sum()) for column in days.drop("date"))
    return Pooled(
        rows=int(rows),
        signals=int(signals),
        precision=hits / signals if signals else None,
        expectancy=_ratio(days["net"], days["bought"]) if signals else None,
        earned=1000 * earned / rows,
    )


def difference(tested: pl.DataFrame, other: pl.DataFrame, figure: pl.Expr = EARNED) -> Estimate:
    """Return the mean of a row's figure less its mean on ``other``: the same rows, paired by day.

    Both frames have as many rows of each day.
    """
    own, others = _by_day(tested, figure=figure), _by_day(other, figure=figure)
    assert own.select("date", "rows").equals(others.select("date", "rows"))
    return _ratio(own["figure"] - others["figure"], own["rows"])


def _by_day(tested: pl.DataFrame, **figures: pl.Expr) -> pl.DataFrame:
    """Return each test day's ``date``, number of ``rows`` and sums of figures, in order of time."""
    sums = {name: figure.sum() for name, figure in figures.items()}
    return tested.group_by("date").agg(pl.len().cast(pl.Float64).alias("rows"), **sums).sort("date")


def _ratio(total: pl.Series, of: pl.Series) -> Estimate:
    """Return the sum of one column of days over that of another.

    The interval is of a moving-block bootstrap over days. A block is as long as a trade may last,
    and symbols, models and folds of one day stay together: neither overlapping trades nor copies
    of one decision pass for independent evidence. Kuensch (1989), "The jackknife and the bootstrap
    for general stationary observations".
    """

    def ratio(total: Array, of: Array) -> Array:
        return np.array([total.sum() / of.sum()])

    columns = total.to_numpy(), of.to_numpy()
    size = min(HORIZON, total.len())
    with np.errstate(invalid="ignore"):
        drawn = MovingBlockBootstrap(size, *columns, seed=0).apply(ratio, DRAWS)
    low, high = np.nanquantile(drawn, [0.025, 0.975])
    return Estimate(float(ratio(*columns)[0]), float(low), float(high))
