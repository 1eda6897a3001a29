"""What it costs to keep a cell's row, against a plain script that writes it as one line of JSON.

2,000 rows in batches of 50, each batch one synced transaction: 51 figures of three splits, 5 of
each of three costs, 60 facts, 63 trades. By default SQLite in a new file.

    python benchmarks/results.py [URL]
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from cvn_harness_core import SplitMetrics
from cvn_orchestrator.results.database import open_results
from cvn_orchestrator.results.rows import CellRow, RunRow, Trades

ROWS, BATCH, RUN = 2000, 50, "r" * 64
FIGURES = [field.name for field in fields(SplitMetrics) if field.name != "undefined"]
BY_COST = ("expectancy", "total", "sortino", "profit_factor", "max_drawdown")
NOW = datetime.now(UTC)
RNG = np.random.default_rng(0)


def numbers(names: Iterable[str]) -> dict[str, float | None]:
    """Return any number for each name."""
    return {name: float(RNG.random()) for name in names}


def cell(at: int) -> CellRow:
    """Return the row of a cell."""
    return CellRow(
        run=RUN,
        cell=hashlib.sha256(str(at).encode()).hexdigest(),
        symbol=f"S{at % 50}",
        fold=at // 50 % 8 + 1,
        variant=f"v{at // 400}",
        state="done",
        attempt=1,
        finished=NOW,
        seconds=1.5,
        theta=0.3,
        metrics={split: numbers(FIGURES) for split in ("train", "val", "test")},
        by_cost={cost: numbers(BY_COST) for cost in ("0.0", "0.05", "0.1")},
        facts={"params": numbers(f"p{i}" for i in range(60))},
        timings={"fitted": 0.5, "total": 1.5},
        trades=Trades(
            np.sort(RNG.integers(0, 10**9, 63)).astype("datetime64[s]"), RNG.normal(size=63)
        ),
    )


def run() -> RunRow:
    """Return the row of the run."""
    return RunRow(
        run=RUN, name="speed", plan={}, baseline="v0", variants=("v0",), costs=(), cells=ROWS,
        environment={}, started=NOW,
    )  # fmt: skip


def per_row(write: Callable[[list[CellRow]], None], rows: list[CellRow]) -> tuple[float, float]:
    """Return milliseconds of wall and of processor time."""
    wall, cpu = time.perf_counter(), time.process_time()
    for start in range(0, ROWS, BATCH):
        write(rows[start : start + BATCH])
    return (time.perf_counter() - wall) / ROWS * 1e3, (time.process_time() - cpu) / ROWS * 1e3


def plain(path: Path) -> Callable[[list[CellRow]], None]:
    """Return what writes rows as text, without any check."""
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("CREATE TABLE cells (cell TEXT PRIMARY KEY, row TEXT)")

    def write(rows: list[CellRow]) -> None:
        lines = []
        for row in rows:
            assert row.trades is not None
            assert row.trades.net is not None
            trades = [row.trades.time.astype(int).tolist(), row.trades.net.tolist()]
            facts = {**vars(row), "trades": trades, "finished": str(row.finished)}
            lines.append((row.cell, json.dumps(facts)))
        with connection:
            connection.executemany("INSERT OR REPLACE INTO cells VALUES (?, ?)", lines)

    return write


def main() -> None:
    """Print what a row costs and how long reading takes."""
    rows = [cell(at) for at in range(ROWS)]
    with tempfile.TemporaryDirectory() as folder:
        url = sys.argv[1] if len(sys.argv) > 1 else f"sqlite:///{folder}/results.db"
        with open_results(url) as results:
            results.begin(run())
            for what in ("new", "again"):
                wall, cpu = per_row(results.write, rows)
                base, base_cpu = per_row(plain(Path(folder) / f"{what}.db"), rows)
                print(f"{what:6}{wall:6.2f} ms a row ({cpu:.2f} of processor time), ", end="")
                print(f"plain {base:.2f} ({base_cpu:.2f}): {cpu / base_cpu:.1f} x")
            for name, read in (("cells", results.cells), ("trades", results.trades)):
                wall = time.perf_counter()
                shape = read("speed").shape
                print(f"{name:6}{time.perf_counter() - wall:6.2f} s to read {shape}")


if __name__ == "__main__":
    main()
