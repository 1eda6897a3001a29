"""Ensembles against the best of their bases."""

from __future__ import annotations

from collections.abc import Sequence

from cvn_orchestrator.report.page import Cell, Plot, Section, Table
from cvn_orchestrator.report.sweep.drawing import axes, colour, digits, reference, safe
from cvn_orchestrator.report.sweep.found import Found, Sweep
from cvn_orchestrator.report.sweep.shown import figure, mean
from cvn_orchestrator.results.facts import Facts

_METRICS = {"pr_auc": 1, "roc_auc": 1, "log_loss": -1, "brier": -1, "expectancy": 1}
_DOMINANT = 0.8

Cells = list[tuple[Found, Facts]]


def ensembles_section(sweep: Sweep, variants: Sequence[str]) -> Section:
    """Return what each ensemble gains on its best base on test, cell by cell, and the weights."""
    known = [(found, found.facts) for found in sweep.common if found.facts is not None]
    note = (
        "The best base is that of the metric on test, in hindsight: a hard mark to beat. Bases "
        "share the ensemble's policy; expectancy is after the data's own cost."
    )
    by_variant: dict[str, Cells] = {
        name: cells
        for name in variants
        if (cells := [(f, facts) for f, facts in known if f.row.variant == name and facts.members])
    }
    if not by_variant:
        why = "No variant is an ensemble" if known else "No row tells of an ensemble's bases"
        why = sweep.nothing or why
        return Section("Ensembles", note=f"{why}, so there is nothing to hold against a best base.")
    drawn = axes("symbol, fold", "gain in PR AUC on test", barmode="group")
    for at, name in enumerate(sweep.variants):
        cells = by_variant.get(name, [])
        if cells:
            drawn.add_bar(
                x=[safe(f"{f.row.symbol} {f.row.fold}") for f, _ in cells],
                y=digits([_gain(f, facts, "pr_auc") for f, facts in cells]),
                name=safe(name),
                marker_color=colour(at),
                hovertemplate=f"{safe(name)}<br>%{{x}}: %{{y:+.4f}}<extra></extra>",
            )
    reference(drawn, y=0, says="")
    drawn.update_xaxes(type="category")
    says = "Above zero the ensemble ranks test better than the best of its bases in that cell."
    plot = Plot(says, drawn, "Ensemble against its best base", wide=True)
    gains = [
        [Cell(name, metric.replace("_", " ")), *_gains(cells, metric)]
        for name, cells in by_variant.items()
        for metric in _METRICS
    ]
    members = [row for name, cells in by_variant.items() for row in _members(name, cells)]
    return Section(
        "Ensembles",
        note=f"{sweep.of_common} {note}".lstrip(),
        figures=[plot],
        tables=[
            Table(
                "Against the best base of each cell; a gain above zero is better",
                ("ensemble", "mean gain", "cells better"),
                gains,
            ),
            Table(
                "Bases: share of the weight over cells, and their figures on test (means)",
                ("base", "weight", "PR AUC", "log loss", "best in PR AUC"),
                members,
            ),
        ],
    )


def _best(facts: Facts, metric: str) -> tuple[str, float] | None:
    """Return the base that is best in a metric, and its figure."""
    known = [(m.name, v) for m in facts.members if (v := m.test.get(metric)) is not None]
    return max(known, key=lambda one: _METRICS[metric] * one[1]) if known else None


def _gain(found: Found, facts: Facts, metric: str) -> float | None:
    mine, best = found.test(metric), _best(facts, metric)
    return None if mine is None or best is None else _METRICS[metric] * (mine - best[1])


def _gains(cells: Cells, metric: str) -> list[Cell]:
    gains = [gain for f, facts in cells if (gain := _gain(f, facts, metric)) is not None]
    better = f"{sum(gain > 0 for gain in gains)} of {len(gains)}"
    return [figure(mean(gains), "+.5f", "undefined in every cell"), Cell(better)]


def _members(name: str, cells: Cells) -> list[list[str | Cell]]:
    bases = dict.fromkeys(m.name for _, facts in cells for m in facts.members)
    rows: list[list[str | Cell]] = []
    for base in bases:
        mine = [m for _, facts in cells for m in facts.members if m.name == base]
        weights = [m.weight for m in mine if m.weight is not None]
        weight = Cell("-", "this ensemble has no weights")
        if weights:
            heavy = sum(one > _DOMINANT for one in weights)
            said = f"{min(weights):.0%} to {max(weights):.0%}"
            if heavy:
                said += f"; dominates in {heavy} cells"
            weight = Cell(f"{mean(weights):.0%}", said, "doubt" if heavy else "")
        best = [top[0] for _, facts in cells if (top := _best(facts, "pr_auc"))]
        rows.append(
            [
                Cell(base, name),
                weight,
                figure(mean(m.test.get("pr_auc") for m in mine), ".4f", "undefined"),
                figure(mean(m.test.get("log_loss") for m in mine), ".4f", "undefined"),
                f"{best.count(base)} of {len(best)}",
            ]
        )
    return rows
