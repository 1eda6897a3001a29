"""Events and errors: cells that failed, never trade, were tried again, or came from the store."""

from __future__ import annotations

from collections.abc import Iterator

from cvn_orchestrator import words
from cvn_orchestrator.report.page import Cell, Section, Table, Text
from cvn_orchestrator.report.sweep.found import Sweep
from cvn_orchestrator.report.sweep.shown import counted
from cvn_orchestrator.results.rows import CellRow

_ROWS = 200
_TEXTS = 30
_LONGEST = 4_000  # characters of a message


def events_section(sweep: Sweep) -> Section:
    """Return what did not go as planned."""
    rows = [*(found.row for found in sweep.done), *sweep.failed]
    tries = [row.attempt for row in rows]
    stored = [row.cache_hit for row in rows if row.cache_hit is not None]
    facts = {
        "cells": f"{len(sweep.done)} done, {len(sweep.failed)} failed, {sweep.open} not begun, of "
        f"{sweep.run.cells}",
        "errors": counted(_code(row) for row in sweep.failed),
        "tried again": f"{sum(one > 1 for one in tries)} cells",
        "from the store": f"{sum(stored)} of {len(stored)} cells"
        if stored
        else "no store was used",
        "time": f"{sum(row.seconds for row in rows):,.0f} s of wall time, all cells together",
    }
    tables = []
    if sweep.failed:
        some = sweep.failed[:_ROWS]
        header = ("cell", "error", "attempt", "what it said")
        left = "" if len(some) == len(sweep.failed) else f", the first {_ROWS}"
        tables.append(
            Table(f"Failed cells{left}", header, [_failed(row) for row in some], prose=True)
        )
    events = list(_events(sweep))
    if events:
        left = "" if len(events) <= _ROWS else f", the first {_ROWS} of {len(events)}"
        told = events[:_ROWS]
        tables.append(
            Table(f"Events{left}", ("cell", "what", "why"), told, folded=True, prose=True)
        )
    texts = [
        Text(f"{_place(row)}: the whole message", (row.error_message or "")[:_LONGEST])
        for row in sweep.failed[:_TEXTS]
        if row.error_message and len(row.error_message) > len(_said(row))
    ]
    note = "" if events or sweep.failed else "No cell failed, and no cell has anything to tell."
    return Section("Events and errors", note=note, facts=facts, tables=tables, texts=texts)


def _events(sweep: Sweep) -> Iterator[list[str | Cell]]:
    for found in sweep.done:
        row, facts, place = found.row, found.facts, _place(found.row)
        if row.theta is None:
            reason = facts.theta.reason if facts else None
            why = words.with_code(words.NO_TRADE, reason) if reason else "its row does not say"
            yield [place, "never trades", Cell("", why)]
        if facts is None:
            yield [place, "no facts", Cell("", "its row keeps none that can be read")]
            continue
        if facts.outcome.alarm is not None:
            why = words.with_code(words.ALARM, facts.outcome.alarm)
            yield [place, "alarm", Cell("", why)]
        if facts.health.verdict == "unhealthy":
            why = "; ".join(words.with_code(words.HEALTH, one) for one in facts.health.reasons)
            yield [place, "unhealthy fit", Cell("", why)]
        if facts.calibration.status == "refused":
            reason = facts.calibration.reason or "unknown"
            why = words.with_code(words.CALIBRATION, reason)
            yield [place, "calibration refused", Cell("", why)]
        if row.attempt > 1:
            yield [place, "tried again", Cell("", f"attempt {row.attempt} succeeded")]


def _failed(row: CellRow) -> list[str | Cell]:
    return [_place(row), _code(row), str(row.attempt), Cell("", _said(row) or "nothing")]


def _said(row: CellRow) -> str:
    first = (row.error_message or "").strip().partition("\n")[0]
    return first if len(first) <= 200 else f"{first[:197]}..."


def _code(row: CellRow) -> str:
    return row.error_code or row.error_type or "unknown"


def _place(row: CellRow) -> str:
    return f"{row.symbol}, fold {row.fold}, {row.variant}"
