"""Searches: how the best value came about, and what was cut short."""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter

from cvn_orchestrator.report.page import Plot, Section, Table
from cvn_orchestrator.report.sweep.drawing import (
    CELLS,
    VARIANTS,
    axes,
    colour,
    digits,
    safe,
    thinned,
)
from cvn_orchestrator.report.sweep.found import Found, Sweep
from cvn_orchestrator.results.facts import Search

_ROWS = 200

Searched = list[tuple[Found, Search]]


def searches_section(sweep: Sweep, variants: Sequence[str]) -> Section:
    """Return the best value so far by trial, a line a cell, for each searched model."""
    by_model: dict[tuple[str, str], Searched] = {}
    for variant in variants:
        for found in sweep.of(variant):
            for search in found.facts.searches if found.facts else ():
                by_model.setdefault((variant, search.model), []).append((found, search))
    if not by_model:
        why = "No cell is done" if not sweep.done else "No variant was searched: n_trials is 0"
        return Section("Search", note=f"{why}, so there is no history.")
    symbols = list(dict.fromkeys(found.row.symbol for found in sweep.done))
    plots = [
        _plot(f"{variant}: {model}", symbols, searched)
        for (variant, model), searched in list(by_model.items())[:VARIANTS]
    ]
    rows = [
        [
            f"{variant}, {found.row.symbol}, fold {found.row.fold}",
            search.model,
            f"{search.objective.replace('_', ' ')} {_value(search)}",
            "-" if search.best is None else str(search.best),
            str(search.trials),
            str(search.pruned),
            str(search.failed),
        ]
        for (variant, _), searched in by_model.items()
        for found, search in searched
    ]
    header = ("cell", "model", "best", "of trial", "trials", "pruned", "failed")
    caption = f"Searches, cell by cell{'' if len(rows) <= _ROWS else f' (the first {_ROWS})'}"
    return Section(
        "Search",
        note="Values are of the rows that the search looks at, so the best one is optimistic: the "
        "verdicts rest on test.",
        figures=plots,
        tables=[Table(caption, header, rows[:_ROWS], folded=True)],
    )


def _value(search: Search) -> str:
    return "-" if search.value is None else f"{search.value:.4f}"


def _plot(title: str, symbols: Sequence[str], searched: Searched) -> Plot:
    first = searched[0][1]
    objective = first.objective.replace("_", " ")
    drawn = axes("trial", f"best {objective} so far")
    better = max if first.direction == "maximize" else min
    named: set[str] = set()
    some = [searched[at] for at in thinned(len(searched), CELLS)]
    for found, search in some:
        numbers = search.numbers or list(range(len(search.values)))
        values = dict(zip(numbers, search.values, strict=True))
        if search.best is not None:
            values[search.best] = search.value
        best: float | None = None
        x, y = [], []
        for number, value in sorted(values.items(), key=itemgetter(0)):
            if value is not None:
                best = value if best is None else better(best, value)
                x.append(number)
                y.append(best)
        symbol = found.row.symbol
        drawn.add_scatter(
            x=x,
            y=digits(y),
            mode="lines+markers",
            name=safe(symbol),
            legendgroup=safe(symbol),
            showlegend=symbol not in named,
            line={"color": colour(symbols.index(symbol)), "width": 1.5, "shape": "hv"},
            marker={"size": 5},
            hovertemplate=f"{safe(symbol)}, fold {found.row.fold}<br>trial %{{x}}: %{{y:.4f}}"
            "<extra></extra>",
        )
        named.add(symbol)
    pruned = sum(search.pruned for _, search in searched)
    trials = sum(search.trials for _, search in searched)
    where = first.evaluate_on.replace("_", " ")
    says = f"A line a cell, on {where}; {pruned} of {trials} trials were pruned."
    return Plot(says, drawn, title)
