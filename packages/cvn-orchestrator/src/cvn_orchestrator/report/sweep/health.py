"""Health and shift: how far the fits can be trusted, and how far the data move."""

from __future__ import annotations

from collections.abc import Sequence

from cvn_orchestrator import words
from cvn_orchestrator.report.page import Cell, Plot, Section, Table
from cvn_orchestrator.report.sweep.drawing import (
    GREY,
    VARIANTS,
    axes,
    colour,
    digits,
    line,
    reference,
    safe,
)
from cvn_orchestrator.report.sweep.found import Found, Sweep
from cvn_orchestrator.report.sweep.shown import counted
from cvn_orchestrator.results.facts import Facts

_VERDICTS = ("healthy", "suspect", "unhealthy")
_FEATURES = 10


def health_section(sweep: Sweep, variants: Sequence[str]) -> Section:
    """Return verdicts on fits with reasons, features that shift, and buy rates that do."""
    if not sweep.done:
        return Section("Health and shift", note="No cell is done, so there is no fit to judge.")
    rows = [_row(sweep, name) for name in variants if sweep.of(name)]
    tables = [
        Table(
            "Fits by health, and why, in all cells that are done",
            ("variant", *_VERDICTS, "reasons"),
            rows,
        )
    ]
    known = list(sweep.facts)
    if not known:
        note = "The rows tell no reasons and no shift, so nothing is drawn."
        return Section("Health and shift", note=note, tables=tables)
    features = _features(known)
    if features:
        header = ("feature", "worst PSI", "where", "among the worst of")
        says = (
            "Features that shift most from train to validation (population stability index; 0.25 "
            "is customarily a major shift)"
        )
        tables.append(Table(says, header, features, folded=True))
    plots = [plot for plot in (_shift(known), _rates(sweep, known, variants)) if plot is not None]
    return Section("Health and shift", figures=plots, tables=tables)


def _row(sweep: Sweep, variant: str) -> list[str | Cell]:
    cells = sweep.of(variant)
    reasons = [r for found in cells if found.facts for r in found.facts.health.reasons]
    numbers = [str(sum(found.row.health == name for found in cells)) for name in _VERDICTS]
    if numbers[2] != "0":
        numbers[2:] = [Cell(numbers[2], "", "bad")]  # type: ignore[list-item]
    named = "; ".join(
        f"{words.HEALTH.get(code, code)} ({code}): {reasons.count(code)}"
        for code in dict.fromkeys(reasons)
    )
    return [variant, *numbers, Cell("", named or "none")]


def _features(known: Sequence[tuple[Found, Facts]]) -> list[list[str | Cell]]:
    worst: dict[str, tuple[float, str]] = {}
    places: dict[str, set[tuple[str, int]]] = {}
    total = {found.where for found, _ in known}
    for found, facts in known:
        for name, psi in facts.health.worst_psi.items():
            places.setdefault(name, set()).add(found.where)
            if psi > worst.get(name, (-1.0, ""))[0]:
                worst[name] = psi, f"{found.row.symbol}, fold {found.row.fold}"
    ranked = sorted(worst.items(), key=lambda item: -item[1][0])[:_FEATURES]
    return [
        [name, f"{psi:.3f}", where, f"{len(places[name])} of {len(total)}"]
        for name, (psi, where) in ranked
    ]


def _shift(known: Sequence[tuple[Found, Facts]]) -> Plot | None:
    """Draw the largest PSI by fold, a line a symbol: all variants of a fold share its data."""
    seen: dict[str, dict[int, float]] = {}
    for found, facts in known:
        psi = facts.health.figures.get("psi_max")
        if psi is not None:
            seen.setdefault(found.row.symbol, {}).setdefault(found.row.fold, psi)
    if not seen:
        return None
    drawn = axes("fold", "largest PSI of a feature")
    for at, (symbol, by_fold) in enumerate(sorted(seen.items())):
        folds = sorted(by_fold)
        drawn.add_scatter(
            x=[str(fold) for fold in folds],
            y=digits([by_fold[fold] for fold in folds]),
            mode="lines+markers",
            name=safe(symbol),
            line=line(at),
            marker={"color": colour(at), "size": 7},
            hovertemplate=f"{safe(symbol)}, fold %{{x}}: %{{y:.3f}}<extra></extra>",
        )
    limit = known[0][1].health.max_psi
    if limit is not None:
        reference(drawn, y=limit, says=f"limit {limit:g}, plus chance")
    drawn.update_xaxes(type="category")
    says = "The feature that moved most from train to validation; high: the market has changed."
    return Plot(says, drawn, "Covariate shift by fold")


def _rates(
    sweep: Sweep, known: Sequence[tuple[Found, Facts]], variants: Sequence[str]
) -> Plot | None:
    traded = [(found, facts) for found, facts in known if found.row.theta is not None]
    if not traded:
        return None
    trading = {found.row.variant for found, _ in traded}
    drawable = [name for name in variants if name in trading]
    drawn = axes("predicted buy rate (share of rows)", "buy rate on test (share of rows)")
    end = 0.0
    for at, name in enumerate(sweep.variants):
        mine = [(f, facts.outcome) for f, facts in traded if f.row.variant == name]
        if name not in drawable[:VARIANTS]:
            continue
        x = [one.predicted_buy_rate for _, one in mine]
        y = [one.realised_buy_rate for _, one in mine]
        end = max(end, *x, *y)
        drawn.add_scatter(
            x=x,
            y=y,
            mode="markers",
            name=safe(name),
            marker={"color": colour(at), "size": 9, "symbol": at % 8},
            text=[f"{safe(f.row.symbol)}, fold {f.row.fold}" for f, _ in mine],
            hovertemplate=f"{safe(name)}<br>%{{text}}: %{{x:.1%}} predicted, %{{y:.1%}} on test"
            "<extra></extra>",
        )
    drawn.add_scatter(
        x=[0, end * 1.05],
        y=[0, end * 1.05],
        mode="lines",
        showlegend=False,
        line={"color": GREY, "dash": "dash", "width": 1.5},
        hoverinfo="skip",
    )
    drawn.update_xaxes(tickformat=".0%", rangemode="tozero")
    drawn.update_yaxes(tickformat=".0%", rangemode="tozero")
    alarms = [facts.outcome.alarm for _, facts in traded if facts.outcome.alarm]
    said = f"alarms: {counted(alarms, words.ALARM)}." if alarms else "no alarm."
    says = f"A point a cell; on the dashed line it buys as often as predicted; {said}"
    return Plot(says, drawn, "Buy rate, predicted and on test")
