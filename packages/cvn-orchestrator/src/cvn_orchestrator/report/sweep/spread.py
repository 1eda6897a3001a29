"""Spread: whether a variant's mean is that of all folds and symbols, or of a few."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cvn_orchestrator.report.page import Cell, Plot, Section, Table
from cvn_orchestrator.report.sweep.drawing import VARIANTS, axes, colour, digits, reference, safe
from cvn_orchestrator.report.sweep.found import Found, Sweep
from cvn_orchestrator.report.sweep.judged import Judged
from cvn_orchestrator.report.sweep.shown import figure, mean

_FEWEST_BOX = 5  # points that a box can sum up


def spread_section(sweep: Sweep, judged: Judged, variants: Sequence[str]) -> Section:
    """Return a point a cell by fold and by symbol, and means as tables."""
    if not sweep.done:
        return Section("Spread", note="No cell is done, so nothing can spread.")
    cost = judged.costs[0]
    if sweep.money:
        what, form = f"net return of a signal after a cost of {cost:g}", "+.4f"
        axis = "net return of a signal (data's unit)"
    else:
        what, form, axis = "PR AUC on test", ".4f", "PR AUC on test"

    def value(found: Found) -> float | None:
        if not sweep.money:
            return found.test("pr_auc")
        trades = found.row.trades
        if trades is None or trades.net is None or not len(trades.net):
            return None
        return float(trades.net.mean()) + sweep.own_cost - cost

    folds = sorted({found.row.fold for found in sweep.done})
    symbols = sorted({found.row.symbol for found in sweep.done})
    by: tuple[tuple[str, list[str], Callable[[Found], str]], ...] = (
        ("fold", [str(fold) for fold in folds], lambda found: str(found.row.fold)),
        ("symbol", symbols, lambda found: found.row.symbol),
    )
    shown = list(variants)[:VARIANTS]
    plots, tables = [], []
    for name, groups, group_of in by:
        drawn = axes(name, axis, boxmode="group")
        for at, variant in enumerate(sweep.variants):
            if variant not in shown:
                continue
            points = [(group_of(one), value(one), one) for one in sweep.of(variant)]
            known = [point for point in points if point[1] is not None]
            marker = {"color": colour(at), "size": 7, "symbol": at % 8}
            drawn.add_scatter(x=[None], y=[None], mode="markers", name=safe(variant), marker=marker)
            drawn.add_box(
                x=[safe(group) for group, _, _ in known],
                y=digits([y for _, y, _ in known]),
                name=safe(variant),
                boxpoints="all",
                jitter=0.3,
                pointpos=0,
                fillcolor="rgba(0,0,0,0)",
                line={"width": 1.5 if len(known) >= _FEWEST_BOX * len(groups) else 0},
                marker=marker,
                showlegend=False,
                offsetgroup=safe(variant),
                text=[f"{safe(one.row.symbol)}, fold {one.row.fold}" for _, _, one in known],
                hovertemplate=f"{safe(variant)}<br>%{{text}}: %{{y:{form}}}<extra></extra>",
                hoveron="points",
            )
        drawn.update_xaxes(type="category", categoryorder="array", categoryarray=groups)
        if sweep.money:
            reference(drawn, y=0, says="break-even")
        plots.append(Plot(f"A point a cell: {what}.", drawn, f"By {name}"))
        rows = [_row(sweep, variant, groups, group_of, value, form) for variant in variants]
        header = ("variant", *groups, "positive cells" if sweep.money else "cells")
        tables.append(Table(f"Mean over cells by {name}: {what}", header, rows, folded=True))
    note = "Cells without a signal have no net return and are left out." if sweep.money else ""
    return Section("Spread", note=note, figures=plots, tables=tables)


def _row(
    sweep: Sweep,
    variant: str,
    groups: Sequence[str],
    group_of: Callable[[Found], str],
    value: Callable[[Found], float | None],
    form: str,
) -> list[str | Cell]:
    cells = sweep.of(variant)
    row: list[str | Cell] = [variant]
    for group in groups:
        mine = [one for one in cells if group_of(one) == group]
        row.append(figure(mean(map(value, mine)), form, "no signal" if mine else "no cell is done"))
    known = [one for one in map(value, cells) if one is not None]
    counted = f"{sum(one > 0 for one in known)} of {len(known)}" if sweep.money else str(len(known))
    return [*row, counted]
