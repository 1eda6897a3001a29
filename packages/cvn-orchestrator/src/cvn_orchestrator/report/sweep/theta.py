"""Theta curves: what every threshold would have done where theta was picked."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

import plotly.graph_objects as go

from cvn_orchestrator import words
from cvn_orchestrator.report.page import Cell, Plot, Section, Table
from cvn_orchestrator.report.sweep.drawing import (
    CELLS,
    VARIANTS,
    axes,
    colour,
    digits,
    reference,
    safe,
    thinned,
)
from cvn_orchestrator.report.sweep.found import Found, Sweep
from cvn_orchestrator.report.sweep.shown import counted
from cvn_orchestrator.results.facts import Curve, Facts

_FEWEST = 10  # signals below which precision and return are noise

Curved = tuple[Found, Facts, Curve]


def theta_section(sweep: Sweep, variants: Sequence[str]) -> Section:
    """Return precision and net return by theta, a line a cell, and what was decided."""
    curved: dict[str, list[Curved]] = {}
    for found, facts in sweep.facts:
        if facts.theta.curve is not None:
            curved.setdefault(found.row.variant, []).append((found, facts, facts.theta.curve))
    table = Table(
        "What was decided, in all cells that are done. Alarms: buying more or less often on test "
        "than predicted, or allowed",
        ("variant", "cells", "theta", "never trade", "rules", "alarms on test"),
        [_decided(sweep, name) for name in variants if sweep.of(name)],
    )
    if not curved:
        why = "No cell is done" if not sweep.done else "No cell's row has a theta curve"
        return Section(
            "Theta", note=f"{why}, so none is drawn.", tables=[table] if sweep.done else []
        )
    shown = [name for name in variants if name in curved][:VARIANTS]
    note = (
        "A line a cell that is done, on the rows that theta was picked on (validation or "
        f"out-of-fold, never test), where {_FEWEST} or more rows signal; crosses are the chosen "
        "thetas."
    )
    if len(shown) < len(curved):
        note += f" Drawn are the {len(shown)} variants that stand highest, of {len(curved)}."
    plots = [plot for name in shown for plot in _plots(sweep, name, curved[name])]
    return Section("Theta", note=note, figures=plots, tables=[table])


def _plots(sweep: Sweep, variant: str, cells: Sequence[Curved]) -> list[Plot]:
    some = [cells[at] for at in thinned(len(cells), CELLS)]
    left = f"; {len(some)} of {len(cells)} cells" if len(some) < len(cells) else ""
    first = axes("theta", "precision (share of signals right)")
    _lines(sweep, first, some, None)
    known = [facts.theta.break_even for _, facts, _ in cells if facts.theta.break_even is not None]
    payoff = sweep.payoff
    level = payoff.break_even if payoff else median(known) if known else None
    says = "The break-even is not known, as no money is"
    if payoff:
        says = (
            "Above the dashed line signals would pay for stops and costs if each ended at its take "
            "profit or stop; where trades can end otherwise, only net returns tell"
        )
    elif known:
        says = (
            "Dashed: the precision that theta's rule holds to pay, by the mean win and loss on "
            "these rows (median over cells)"
        )
    if level is not None:
        reference(first, y=level, says=f"break-even {level:.3f}")
    plots = [Plot(f"{says}{left}.", first, f"{variant}: precision by theta")]
    if any(curve.expectancy for _, _, curve in some):
        second = axes("theta", "net return of a signal (data's unit)")
        _lines(sweep, second, some, sweep.own_cost)
        reference(second, y=0, says="break-even")
        says = f"After the data's own cost of {sweep.own_cost:g}{left}."
        plots.append(Plot(says, second, f"{variant}: net return of a signal by theta"))
    return plots


def _lines(sweep: Sweep, drawn: go.Figure, cells: Sequence[Curved], cost: float | None) -> None:
    symbols = list(dict.fromkeys(found.row.symbol for found in sweep.done))
    named: set[str] = set()
    marks: list[tuple[float, float | None]] = []
    for found, _, curve in cells:
        y = list(curve.precision)
        if cost is not None:
            if not curve.expectancy:
                continue
            at = min(range(len(curve.costs)), key=lambda one: abs(curve.costs[one] - cost))
            y = list(curve.expectancy[at])
        enough = [n >= _FEWEST for n in curve.n_signals]
        symbol = found.row.symbol
        drawn.add_scatter(
            x=[theta for theta, some in zip(curve.theta, enough, strict=True) if some],
            y=[value for value, some in zip(y, enough, strict=True) if some],
            mode="lines",
            name=safe(symbol),
            legendgroup=safe(symbol),
            showlegend=symbol not in named,
            line={"color": colour(symbols.index(symbol)), "width": 1.5},
            opacity=0.8,
            hovertemplate=f"{safe(symbol)}, fold {found.row.fold}<br>theta %{{x:.4f}}: "
            "%{y:.4f}<extra></extra>",
        )
        named.add(symbol)
        theta = found.row.theta
        if theta is not None:
            nearest = min(range(len(y)), key=[abs(one - theta) for one in curve.theta].__getitem__)
            marks.append((curve.theta[nearest], y[nearest]))
    drawn.add_scatter(
        x=[x for x, _ in marks],
        y=digits([y for _, y in marks]),
        mode="markers",
        name="chosen theta",
        marker={"symbol": "x-thin", "size": 10, "line": {"width": 2.5, "color": "#868e98"}},
        hovertemplate="chosen theta %{x:.4f}: %{y:.4f}<extra></extra>",
    )


def _decided(sweep: Sweep, variant: str) -> list[str | Cell]:
    cells = sweep.of(variant)
    thetas = [found.row.theta for found in cells if found.row.theta is not None]
    span = Cell("-", "no cell trades")
    if thetas:
        span = Cell(f"{median(thetas):.3f}", f"{min(thetas):.3f} to {max(thetas):.3f}")
    facts = [found.facts for found in cells if found.facts is not None]
    reasons = [one.theta.reason for one in facts if one.theta.reason is not None]
    never = len(cells) - len(thetas)
    return [
        variant,
        str(len(cells)),
        span,
        Cell(str(never), counted(reasons, words.NO_TRADE) if reasons else ""),
        Cell(", ".join(sorted({one.theta.rule for one in facts})) or "-"),
        Cell(
            str(sum(one.outcome.alarm is not None for one in facts)),
            counted((a for one in facts if (a := one.outcome.alarm)), words.ALARM)
            if any(one.outcome.alarm for one in facts)
            else "",
        ),
    ]
