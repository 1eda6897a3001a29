"""What the demo's figures say, and what they do not: the table and a paragraph."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cvn_orchestrator.table import aligned

Row = dict[str, Any]

_HEADER = (
    "symbol",
    "fold",
    "test from",
    "model",
    "theta",
    "buy rate",
    "f1_buy",
    "precision",
    "break-even",
    "expectancy",
    "best iter",
    "health",
    "seconds",
)


@dataclass(frozen=True)
class ModelTotal:
    """One model over all of its cells, on test rows."""

    model: str
    cells: int
    no_trade: int
    gaining: int
    signals: int
    precision: float | None
    expectancy: float | None


def table(rows: Sequence[Row]) -> str:
    """Return a line a cell: figures of the test window, theta from validation."""
    return aligned(_HEADER, [_cells(row) for row in rows], left=4)


def totals(rows: Sequence[Row]) -> list[ModelTotal]:
    """Return each model's figures over all signals of all its test windows."""
    found = []
    for model in dict.fromkeys(row["model"] for row in rows):
        own = [row for row in rows if row["model"] == model]
        tests = [row["metrics"]["test"] for row in own]
        traded = [m for m in tests if m["n_signals"]]
        signals = sum(m["n_signals"] for m in traded)
        found.append(
            ModelTotal(
                model=model,
                cells=len(own),
                no_trade=sum(row["theta"] is None for row in own),
                gaining=sum(m["expectancy"] > 0 for m in traded),
                signals=signals,
                precision=_mean(traded, "precision_buy", signals),
                expectancy=_mean(traded, "expectancy", signals),
            )
        )
    return found


def paragraph(rows: Sequence[Row]) -> str:
    """Return what the table says, in words that the figures bear."""
    symbols = sorted({row["symbol"] for row in rows})
    break_even = rows[0]["break_even"]
    first, last = min(r["test_from"] for r in rows), max(r["test_to"] for r in rows)
    windows = {(row["symbol"], row["fold"]): row for row in rows}.values()
    tested = sum(row["metrics"]["test"]["n"] for row in windows)
    every = sum(row["buy_every_row"] * row["metrics"]["test"]["n"] for row in windows) / tested
    shaky = [row for row in rows if row["health"]["verdict"] != "healthy"]
    shallow = sum("shallow" in row["health"]["reasons"] for row in shaky)
    unhealthy = f"{len(shaky)} of {len(rows)} fits are not healthy; in {shallow} boosting stopped"
    sentences = [
        f"Tested on {first} to {last} of {' and '.join(symbols)}, {tested:,} rows, unseen when",
        "the models were fitted and theta was picked. Money is in ATR per trade, net of a cost of",
        f"{rows[0]['cost']:g}: buying every row would have earned {every:+.3f}.",
        *(_about(total, every) for total in totals(rows)),
        f"Break-even precision is {break_even:.3f} if every loser loses the whole stop; trades",
        "that run out of time end in between, so judge by expectancy.",
        f"{unhealthy} at once, having learnt nothing that validation confirms.",
        "This is no evidence of an edge. Trades overlap in time, the two indices move together,",
        "and no interval and no correction for comparing several models is computed here; an",
        "index cannot be bought at its printed open either. What it shows is the path: purged",
        "folds, one theta rule for every model, and figures that can be traced to their bundles.",
    ]
    return textwrap.fill(" ".join(sentences), width=100)


def _about(total: ModelTotal, every: float) -> str:
    if total.expectancy is None or total.precision is None:
        return f"{total.model} never signals."
    better = "more" if total.expectancy > every else "less"
    skipped = f", NO_TRADE in {total.no_trade}" if total.no_trade else ""
    return (
        f"{total.model}: {total.signals:,} signals, precision {total.precision:.3f}, "
        f"{total.expectancy:+.3f} a trade ({better} than buying every row), gaining in "
        f"{total.gaining} of {total.cells} cells{skipped}."
    )


def _mean(metrics: Sequence[Row], name: str, signals: int) -> float | None:
    if not signals:
        return None
    return float(sum(m[name] * m["n_signals"] for m in metrics) / signals)


def _cells(row: Row) -> tuple[str, ...]:
    test, curve = row["metrics"]["test"], row["learning_curve"]
    return (
        row["symbol"],
        str(row["fold"]),
        row["test_from"],
        row["model"],
        "NO_TRADE" if row["theta"] is None else f"{row['theta']:.3f}",
        f"{test['buy_rate']:.1%}",
        _figure(test["f1_buy"]),
        _figure(test["precision_buy"]),
        f"{row['break_even']:.3f}",
        "-" if test["expectancy"] is None else f"{test['expectancy']:+.3f}",
        f"{curve['best_iteration']}/{curve['ceiling']}",
        row["health"]["verdict"],
        f"{row['seconds']:.2f}",
    )


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
