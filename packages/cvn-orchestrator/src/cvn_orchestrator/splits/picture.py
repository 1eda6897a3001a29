"""Folds over time, for a terminal: a line each, and a table of what each holds."""

from __future__ import annotations

from datetime import datetime

from rich.text import Text

from cvn_orchestrator.splits.survey import Survey
from cvn_orchestrator.splits.totals import Total, totals
from cvn_orchestrator.splits.windows import PARTS, FoldWindows
from cvn_orchestrator.table import aligned

MARKS = {"train": ("─", "blue"), "val": ("▒", "yellow"), "test": ("█", "green")}
"""How each part is drawn: told apart without colour, too."""

MAX_FOLDS = 40
HEADER = ("fold", "part", "from", "until", "rows", "purged", "embargoed", "positive")


def picture(survey: Survey, width: int) -> Text:
    """Return the folds' windows over time, ``width`` columns wide in all, the oldest time left."""
    folds = survey.folds[:MAX_FOLDS]
    windows = [window for fold in survey.folds for name in PARTS for window in fold.part(name)]
    first, last = min(w.start for w in windows), max(w.until for w in windows)
    label = len(str(len(survey.folds))) + 6
    room = max(20, width - label)
    text = Text()
    for fold in folds:
        text.append(f"{f'fold {fold.number}':<{label}}")
        for part in _line(fold, first, last, room):
            mark, style = (" ", "") if part is None else MARKS[part]
            text.append(mark, style=style)
        text.append("\n")
    if len(survey.folds) > MAX_FOLDS:
        text.append(f"... and {len(survey.folds) - MAX_FOLDS:,} folds more\n")
    edges = f"{first:%Y-%m-%d}{f'{last:%Y-%m-%d}':>{room - 10}}"
    text.append(f"{'':<{label}}{edges}\n{'':<{label}}")
    for name, (mark, style) in MARKS.items():
        text.append(f"{mark * 2} ", style=style)
        text.append(f"{name}   ")
    return text


def _line(fold: FoldWindows, first: datetime, last: datetime, room: int) -> list[str | None]:
    """Return which part each column falls in, by the middle of the time that it stands for."""
    found: list[str | None] = []
    for column in range(room):
        moment = first + (last - first) * ((column + 0.5) / room)
        inside = (
            name
            for name in PARTS
            for window in fold.part(name)
            if window.start <= moment < window.until
        )
        found.append(next(inside, None))
    return found


def table(survey: Survey) -> str:
    """Return what each fold holds, of all symbols together, as text."""
    return aligned(HEADER, fold_rows(survey, MAX_FOLDS), left=4)


def fold_rows(survey: Survey, limit: int | None = None) -> list[tuple[str, ...]]:
    """Return a row of text, under ``HEADER``, for each part of the first folds."""
    rows = []
    found = totals(survey.facts)
    for fold in survey.folds[:limit]:
        for name in PARTS:
            total, windows = found[fold.number][name], fold.part(name)
            gaps = "" if len(windows) == 1 else f" in {len(windows)}"
            when = (f"{windows[0].start:%Y-%m-%d}", f"{windows[-1].until:%Y-%m-%d}{gaps}")
            number = str(fold.number) if name == PARTS[0] else ""
            rows.append((number, name, *when, *_figures(total)))
    return rows


def _figures(total: Total) -> tuple[str, ...]:
    share = "" if total.prevalence is None else f"{total.prevalence:.1%}"
    return (f"{total.rows:,}", f"{total.purged:,}", f"{total.embargoed:,}", share)
