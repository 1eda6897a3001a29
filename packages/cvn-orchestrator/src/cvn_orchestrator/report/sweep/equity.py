"""Equity: what the signals of all symbols and folds earned on test, at each cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np
import plotly.graph_objects as go
import polars as pl

from cvn_harness_core import Array
from cvn_orchestrator.report.page import Cell, Plot, Section, Table
from cvn_orchestrator.report.sweep.drawing import VARIANTS, axes, digits, line, reference, safe
from cvn_orchestrator.report.sweep.found import Sweep
from cvn_orchestrator.report.sweep.judged import NO_MONEY, Judged
from cvn_orchestrator.report.sweep.shown import figure, mean
from cvn_orchestrator.results.frames import trades_frame
from cvn_orchestrator.results.reading import Place

_POINTS = 400  # of a line

ByCost: TypeAlias = Mapping[str, Mapping[str, float | None]]


def equity_section(sweep: Sweep, judged: Judged, variants: Sequence[str]) -> Section:
    """Return the running sum of net returns by day, a plot a cost, and money by cost."""
    if not sweep.money:
        why = "No cell is done" if not sweep.done else NO_MONEY[0].upper() + NO_MONEY[1:]
        return Section("Equity", note=f"{why}: there is no equity to draw.")
    frame = _daily(sweep)
    if frame.is_empty():
        why = sweep.nothing or f"{sweep.of_common} No cell gave a signal on test".lstrip()
        return Section("Equity", note=f"{why}, so there is nothing to add up.")
    earning = set(frame["variant"])
    drawable = [name for name in variants if name in earning]
    shown = drawable[:VARIANTS]
    plots = [
        Plot(
            "Running sum of net returns, one unit a signal, all symbols together; test days only.",
            _curves(sweep, frame, cost, shown),
            f"Equity after a cost of {cost:g}" + (" (the main one)" if not at else ""),
        )
        for at, cost in enumerate(judged.costs)
    ]
    note = f"{sweep.of_common} A day that several folds test counts in each of them. ".lstrip()
    note += (
        f"The data's returns hold a cost of {sweep.own_cost:g} already."
        if sweep.payoff is not None
        else "Costs come on top of what the data's returns hold already."
    )
    if len(shown) < len(drawable):
        note += f" Drawn are the {len(shown)} variants with a signal that stand highest."
    table = Table(
        f"After the main cost of {judged.costs[0]:g}; per cell: means of the cells where defined",
        (
            "variant",
            "net in all",
            "largest fall of the sum",
            "days with a signal",
            "win rate, per cell",
            "profit factor, per cell",
            "Sortino, per cell",
        ),
        [_row(sweep, frame, judged.costs[0], name) for name in variants if sweep.of(name)],
    )
    return Section("Equity", note=note, figures=plots, tables=[table])


def _daily(sweep: Sweep) -> pl.DataFrame:
    """Return signals of common cells and their sum before cost, by variant and day."""
    pairs = [
        (Place(0, found.row.symbol, found.row.fold, found.row.variant), found.row.trades)
        for found in sweep.common
        if found.row.trades is not None
    ]
    return (
        trades_frame(pairs)
        .with_columns(day=pl.col("time").dt.date(), gross=pl.col("net") + sweep.own_cost)
        .group_by("variant", "day")
        .agg(pl.len().alias("signals"), pl.col("gross").sum())
        .sort("day")
    )


def _net(frame: pl.DataFrame, cost: float, variant: str) -> tuple[list[str], Array]:
    """Return days with a signal, and what they earned after cost, (n,)."""
    mine = frame.filter(pl.col("variant") == variant)
    net = (mine["gross"] - cost * mine["signals"]).to_numpy()
    return [str(day) for day in mine["day"]], net


def _curves(sweep: Sweep, frame: pl.DataFrame, cost: float, variants: Sequence[str]) -> go.Figure:
    drawn = axes("day of the signal", "net return (data's unit)")
    for at, name in enumerate(sweep.variants):
        days, net = _net(frame, cost, name)
        if name not in variants or not days:
            continue
        total = np.cumsum(net)
        step = -(-len(days) // _POINTS)
        some = [*range(step - 1, len(days) - 1, step), len(days) - 1]
        drawn.add_scatter(
            x=[days[one] for one in some],
            y=digits([float(total[one]) for one in some]),
            mode="lines",
            line={**line(at), "shape": "hv"},
            name=safe(name),
            hovertemplate=f"{safe(name)}<br>%{{x}}: %{{y:+.2f}}<extra></extra>",
        )
    reference(drawn, y=0, says="")
    drawn.update_xaxes(type="date")
    return drawn


def _row(sweep: Sweep, frame: pl.DataFrame, cost: float, variant: str) -> list[str | Cell]:
    cells = sweep.common_of(variant)
    days, net = _net(frame, cost, variant)
    if not days:
        none = Cell("-", "no signal")
        return [variant, none, none, "0", none, none, none]
    equity = np.concatenate([[0.0], np.cumsum(net)])
    fall = float((np.maximum.accumulate(equity) - equity).max())

    def average(name: str) -> Cell:
        known = [
            named[name] for found in cells if name in (named := _at(found.row.by_cost, cost) or {})
        ]
        why = "undefined in every cell" if known else "not kept at this cost"
        if abs(cost - sweep.own_cost) < 1e-12:
            why = sweep.why(variant, name)
            if mean(known) is None:
                known = [found.test(name) for found in cells]
        return figure(mean(known), ".3f", why)

    return [
        variant,
        f"{float(net.sum()):+,.2f}",
        f"{fall:,.2f}",
        f"{len(days):,}",
        average("win_rate"),
        average("profit_factor"),
        average("sortino"),
    ]


def _at(by_cost: ByCost, cost: float) -> Mapping[str, float | None] | None:
    for text, named in by_cost.items():
        try:
            if abs(float(text) - cost) < 1e-12:
                return named
        except ValueError:
            continue
    return None
