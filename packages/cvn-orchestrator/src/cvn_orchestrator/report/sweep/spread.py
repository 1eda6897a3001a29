"""Spread: whether a variant's mean is that of all folds and symbols, or of a few."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import plotly.graph_objects as go

from cvn_orchestrator.report.page import Cell, Plot, Section, Table
from cvn_orchestrator.report.sweep.drawing import VARIANTS, axes, colour, digits, reference, safe
from cvn_orchestrator.report.sweep.found import Found, Sweep
from cvn_orchestrator.report.sweep.judged import Judged
from cvn_orchestrator.report.sweep.shown import figure, mean

_FEWEST_BOX = 5  # points that a box can sum up
_CROWDED = 40  # groups times variants above which a plot needs the page's width

Group: TypeAlias = Callable[[Found], str]


@dataclass(frozen=True)
class _Figure:
    """The figure of a cell that is looked at: net return or, where no money is known, PR AUC."""

    money: bool
    more: float  # what the data's own cost is above the main one
    text: str

    def of(self, found: Found) -> float | None:
        if not self.money:
            return found.test("pr_auc")
        trades = found.row.trades
        if trades is None or trades.net is None or not len(trades.net):
            return None
        return float(trades.net.mean()) + self.more

    @property
    def form(self) -> str:
        return "+.4f" if self.money else ".4f"


def spread_section(sweep: Sweep, judged: Judged, variants: Sequence[str]) -> Section:
    """Return a point a cell by fold and by symbol, and means as tables."""
    cost = judged.costs[0]
    text = f"net return of a signal after a cost of {cost:g}" if sweep.money else "PR AUC on test"
    seen = _Figure(sweep.money, sweep.own_cost - cost, text)
    if all(seen.of(found) is None for found in sweep.common):
        why = (
            "No cell gave a signal on test" if sweep.money else "PR AUC is undefined on every cell"
        )
        why = sweep.nothing or f"{sweep.of_common} {why}".lstrip()
        return Section("Spread", note=f"{why}, so nothing can spread.")
    folds = [str(fold) for fold in sorted({found.row.fold for found in sweep.common})]
    symbols = sorted({found.row.symbol for found in sweep.common})
    known = {found.row.variant for found in sweep.common if seen.of(found) is not None}
    drawable = [name for name in variants if name in known][:VARIANTS]
    plots, tables = [], []
    by: tuple[tuple[str, list[str], Group], ...] = (
        ("fold", folds, lambda found: str(found.row.fold)),
        ("symbol", symbols, lambda found: found.row.symbol),
    )
    for name, groups, group_of in by:
        drawn = _plot(sweep, seen, drawable, name, groups, group_of)
        crowded = len(groups) * len(drawable) > _CROWDED
        plots.append(Plot(f"A point a cell: {text}.", drawn, f"By {name}", wide=crowded))
        rows = [_row(sweep, seen, variant, groups, group_of) for variant in variants]
        header = ("variant", *groups, "positive cells" if sweep.money else "cells")
        tables.append(Table(f"Mean over cells by {name}: {text}", header, rows, folded=True))
    note = "Cells without a signal have no net return and are left out." if sweep.money else ""
    note = f"{sweep.of_common} {note}".strip()
    return Section("Spread", note=note, figures=plots, tables=tables)


def _plot(
    sweep: Sweep,
    seen: _Figure,
    variants: Sequence[str],
    name: str,
    groups: Sequence[str],
    group_of: Group,
) -> go.Figure:
    unit = "net return of a signal (data's unit)" if sweep.money else "PR AUC on test"
    drawn = axes(name, unit, boxmode="group")
    for at, variant in enumerate(sweep.variants):
        if variant not in variants:
            continue
        common = sweep.common_of(variant)
        cells = [(found, y) for found in common if (y := seen.of(found)) is not None]
        marker = {"color": colour(at), "size": 7, "symbol": at % 8}
        drawn.add_scatter(x=[None], y=[None], mode="markers", name=safe(variant), marker=marker)
        drawn.add_box(
            x=[safe(group_of(found)) for found, _ in cells],
            y=digits([y for _, y in cells]),
            name=safe(variant),
            boxpoints="all",
            jitter=0.3,
            pointpos=0,
            fillcolor="rgba(0,0,0,0)",
            line={"width": 1.5 if len(cells) >= _FEWEST_BOX * len(groups) else 0},
            marker=marker,
            showlegend=False,
            offsetgroup=safe(variant),
            text=[f"{safe(found.row.symbol)}, fold {found.row.fold}" for found, _ in cells],
            hovertemplate=f"{safe(variant)}<br>%{{text}}: %{{y:{seen.form}}}<extra></extra>",
            hoveron="points",
        )
    order = [safe(group) for group in groups]
    drawn.update_xaxes(type="category", categoryorder="array", categoryarray=order)
    if sweep.money:
        reference(drawn, y=0, says="break-even")
    return drawn


def _row(
    sweep: Sweep, seen: _Figure, variant: str, groups: Sequence[str], group_of: Group
) -> list[str | Cell]:
    cells = sweep.common_of(variant)
    row: list[str | Cell] = [variant]
    for group in groups:
        mine = [found for found in cells if group_of(found) == group]
        why = "no signal" if mine else sweep.why_none(variant)
        row.append(figure(mean(map(seen.of, mine)), seen.form, why))
    known = [y for found in cells if (y := seen.of(found)) is not None]
    counted = f"{sum(y > 0 for y in known)} of {len(known)}" if sweep.money else str(len(known))
    return [*row, counted]
