"""Folds over time as one HTML file that needs nothing else."""

from __future__ import annotations

from pathlib import Path

import plotly.graph_objects as go

from cvn_harness_core import InputError
from cvn_orchestrator.report.page import Plot, Section, Table, page
from cvn_orchestrator.splits.picture import HEADER, fold_rows
from cvn_orchestrator.splits.survey import Survey
from cvn_orchestrator.splits.totals import totals
from cvn_orchestrator.splits.windows import PARTS
from cvn_orchestrator.target import writing

COLOURS = {"train": "#4c78a8", "val": "#eeca3b", "test": "#54a24b"}


def require_html(path: Path) -> None:
    """Raise InputError ``setting_invalid`` for a name that does not end in .html."""
    if path.suffix.lower() != ".html":
        message = f"--out {path}: the name must end in .html."
        raise InputError("setting_invalid", message)


def write_html(survey: Survey, title: str, path: Path) -> None:
    """Write the folds as a page.

    Raises InputError ``setting_invalid`` for a name that does not end in .html, and for a file that
    cannot be written.
    """
    require_html(path)
    caption = "Windows of the calendar; hovering tells what each holds"
    counts = Table("rows of all symbols together", HEADER, fold_rows(survey))
    sections = [
        Section("Windows", figures=[Plot(caption, figure(survey), wide=True)]),
        Section("Rows", tables=[counts]),
    ]
    lede = "Train, validation and test of each fold, purged by label end and embargoed."
    with writing(path):
        path.write_text(page(title, lede, sections), "utf-8")


def figure(survey: Survey) -> go.Figure:
    """Return a bar a window, folds from top to bottom; hovering tells what a part holds."""
    found = totals(survey.facts)
    drawn = go.Figure()
    for name in PARTS:
        windows = [(fold, window) for fold in survey.folds for window in fold.part(name)]
        held = [found[fold.number][name] for fold, _ in windows]
        drawn.add_bar(
            name=name,
            orientation="h",
            base=[window.start for _, window in windows],
            x=[(window.until - window.start).total_seconds() * 1000 for _, window in windows],
            y=[f"fold {fold.number}" for fold, _ in windows],
            marker_color=COLOURS[name],
            customdata=[
                (
                    f"{window.start:%Y-%m-%d} to {window.until:%Y-%m-%d}",
                    f"{total.rows:,} rows, {total.purged:,} purged, {total.embargoed:,} embargoed",
                    "" if total.prevalence is None else f"{total.prevalence:.1%} positive",
                )
                for (_, window), total in zip(windows, held, strict=True)
            ],
            hovertemplate="%{y}, "
            + name
            + "<br>%{customdata[0]}<br>%{customdata[1]}<br>%{customdata[2]}<extra></extra>",
        )
    drawn.update_layout(
        barmode="overlay",
        template="plotly_white",
        margin={"t": 20},
        height=120 + 28 * len(survey.folds),
        xaxis={"type": "date"},
        yaxis={"autorange": "reversed"},
    )
    return drawn
