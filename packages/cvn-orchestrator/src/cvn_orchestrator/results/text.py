"""Results as tables for people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from cvn_orchestrator.results.finding import DIGITS
from cvn_orchestrator.results.rows import CellRow, RunRow
from cvn_orchestrator.table import aligned

_WIDEST = 100  # of an error's message


def runs_text(runs: Sequence[RunRow], counts: Mapping[str, Mapping[str, int]], where: str) -> str:
    """Return a line a run: how many of its cells are done, failed and still open."""
    if not runs:
        return f"no runs in {where}"
    header = ("run", "name", "started (UTC)", "done", "failed", "open", "baseline", "variants")
    lines = []
    for row in runs:
        done, failed, left = progress(row, counts)
        numbers = [str(n) for n in (done, failed, left)]
        started = f"{row.started:%Y-%m-%d %H:%M}"
        names = ", ".join(row.variants)
        lines.append((row.run[:DIGITS], row.name, started, *numbers, row.baseline, names))
    return aligned(header, lines, left=3)


def progress(row: RunRow, counts: Mapping[str, Mapping[str, int]]) -> tuple[int, int, int]:
    """Return how many cells of a run are done, failed, and still open."""
    found = counts.get(row.run, {})
    done, failed = found.get("done", 0), found.get("failed", 0)
    return done, failed, row.cells - done - failed


def cells_text(run: RunRow, rows: Sequence[CellRow]) -> str:
    """Return a line a cell: what it decided on test, and what it would have earned."""
    costs = sorted({cost for row in rows for cost in row.by_cost}, key=_value)
    money = [f"net@{cost}" for cost in costs] or ["net"]
    header = ("symbol", "variant", "state", "fold", "theta", "pr_auc", "signals", *money)
    lines = []
    for row in rows:
        test = row.metrics.get("test", {})
        earned: Iterable[float | None] = [row.by_cost.get(c, {}).get("expectancy") for c in costs]
        lines.append(
            (
                row.symbol,
                row.variant,
                row.state,
                str(row.fold),
                _theta(row),
                _number(test.get("pr_auc"), ".4f"),
                _number(test.get("n_signals"), ".0f"),
                *(_number(net, "+.4f") for net in (earned if costs else [test.get("expectancy")])),
                f"{row.seconds:.1f}",
                row.error_code or row.error_type or "",
            )
        )
    table = aligned((*header, "seconds", "error"), lines, left=3)
    failed = sum(row.state == "failed" for row in rows)
    left = run.cells - len(rows)
    return (
        f"{table}\n{len(rows) - failed} done, {failed} failed, {left} open; net: mean of a signal "
        "on test, at each round-trip cost"
    )


def failed_text(rows: Sequence[CellRow]) -> str:
    """Return a line a failed cell, with the beginning of its message."""
    if not rows:
        return "no cell failed"
    header = ("symbol", "variant", "fold", "attempt", "error", "message")
    lines = [
        (
            row.symbol,
            row.variant,
            str(row.fold),
            str(row.attempt),
            row.error_code or row.error_type or "",
            _shortened(row.error_message or ""),
        )
        for row in rows
    ]
    return aligned(header, lines, left=6)


def _shortened(message: str) -> str:
    said = " ".join(message.strip().partition("\n")[0].split())
    return said if len(said) <= _WIDEST else f"{said[: _WIDEST - 1]}\N{HORIZONTAL ELLIPSIS}"


def _theta(row: CellRow) -> str:
    if row.state == "failed":
        return ""
    return "no trade" if row.theta is None else f"{row.theta:.4f}"


def _number(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)


def _value(cost: str) -> tuple[float, str]:
    try:
        return float(cost), cost
    except ValueError:
        return float("inf"), cost
