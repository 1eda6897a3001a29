"""Paired differences of a metric between a variant and the baseline, over the same cells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from cvn_harness_core import Array
from cvn_orchestrator.statistics.estimate import Estimate, by_t
from cvn_orchestrator.statistics.metrics import MONEY, SCORES
from cvn_orchestrator.statistics.results import CELL, SweepResults

FEWEST_CELLS = 3
FEWEST_FOLDS = 3
OVERLAPPING = "test windows of folds overlap"


@dataclass(frozen=True, eq=False)
class Paired:
    """Gains of a variant in one metric, cell by cell: positive where it is the better one.

    Parameters
    ----------
    gains
        (n,) of the cells in which both have a figure.
    folds
        (n,) the fold of each.
    """

    gains: Array
    folds: Array


@dataclass(frozen=True)
class Effect:
    """Cohen's d of paired differences, mean over standard deviation; None with a ``reason``."""

    d: float | None = None
    reason: str | None = None


def cell_figures(results: SweepResults, cost: float) -> pl.DataFrame:
    """Return finished cells with their scores, and ``net_return`` and ``expectancy`` after cost.

    ``net_return`` is here the sum over a cell's signals, 0 without any; ``expectancy`` is null
    then.
    """
    net = results.trades.group_by(CELL).agg(
        (pl.col("gross") - cost).sum().alias("net_return"),
        (pl.col("gross") - cost).mean().alias("expectancy"),
    )
    return (
        results.cells.filter(pl.col("state") == "done")
        .select(*CELL, *results.scores)
        .join(net, on=CELL, how="left")
        .with_columns(pl.col("net_return").fill_null(0.0))
    )


def paired(figures: pl.DataFrame, metric: str, variant: str, baseline: str) -> Paired:
    """Return the gains of ``variant`` over cells where both have the metric, in order."""
    where = ["symbol", "fold"]
    mine, theirs = (
        figures.filter(pl.col("variant") == name).select(*where, pl.col(metric).cast(pl.Float64))
        for name in (variant, baseline)
    )
    both = mine.join(theirs, on=where, suffix="_baseline").drop_nulls().sort(where)
    sign = SCORES.get(metric, 1)
    gains = sign * (both[metric] - both[f"{metric}_baseline"]).to_numpy()
    return Paired(gains, both["fold"].to_numpy())


def effect_size(pairs: Paired) -> Effect:
    """Return d over cells (Cohen, 1988, "Statistical power analysis": d_z of matched pairs)."""
    n = pairs.gains.size
    if n < FEWEST_CELLS:
        return Effect(reason=f"{n} cells have the metric for both; {FEWEST_CELLS} are needed")
    spread = float(pairs.gains.std(ddof=1))
    if spread <= 1e-12 * max(1.0, float(np.abs(pairs.gains).max())):
        return Effect(reason="the difference is the same in every cell")
    return Effect(float(pairs.gains.mean()) / spread)


def mean_over_folds(pairs: Paired, *, overlapping: bool = False) -> Estimate:
    """Return the mean gain with a t interval and p value, folds as the only independent units.

    Symbols of a fold share their dates, so a fold gives one figure, the mean of its cells. The t
    statistic over few independent groups, with as many degrees of freedom as groups less one, keeps
    its size whatever the dependence within a group and however groups differ in variance (Ibragimov
    and Mueller, 2010, "t-statistic based correlation and heterogeneity robust inference"). A
    bootstrap of so few folds would not. Folds whose test windows are ``overlapping``, as those of
    combinatorial splits, are no independent groups: there is neither interval nor p value.
    """
    folds = np.unique(pairs.folds)
    if not folds.size:
        return Estimate(reason="no cell has the metric for both")
    means = np.array([pairs.gains[pairs.folds == fold].mean() for fold in folds])
    value = float(means.mean())
    if overlapping:
        return Estimate(value, reason=OVERLAPPING)
    if folds.size < FEWEST_FOLDS:
        return Estimate(value, reason=f"fewer than {FEWEST_FOLDS} folds")
    error = float(means.std(ddof=1)) / float(np.sqrt(folds.size))
    return by_t(value, error, folds.size - 1)


def metrics_of(results: SweepResults) -> tuple[str, ...]:
    """Return the metrics that a sweep can be compared by, money first."""
    return (*MONEY, *results.scores)
