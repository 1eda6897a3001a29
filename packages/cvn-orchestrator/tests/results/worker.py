"""A process that opens the results and writes: `python worker.py WHAT URL [NUMBER]`."""

from __future__ import annotations

import sys
import time

import sqlalchemy as sa
from rows import a_cell, a_run

from cvn_orchestrator.results.database import open_results


def opened(url: str) -> None:
    print("ready", flush=True)
    sys.stdin.readline()
    open_results(url).close()


def contend(url: str, number: str) -> None:
    """Write the same forty cells again and again, forwards or backwards; wait, but try once."""
    patient = f"{url}?timeout=60" if url.startswith("sqlite") else url
    with open_results(patient, patience_s=0.0) as results:
        print("ready", flush=True)
        sys.stdin.readline()
        for attempt in range(int(number), 21, 2):
            cells = [
                a_cell(
                    f"c{at:02}",
                    fold=at + 1,
                    attempt=attempt,
                    seconds=float(attempt),
                    metrics=at_attempt(attempt),
                )
                for at in range(40)
            ]
            for start in range(0, 40, 20):
                batch = cells[start : start + 20]
                results.write(batch if number == "1" else reversed(batch))


def at_attempt(attempt: int) -> dict[str, dict[str, float | None]]:
    return {"test": {f"figure{at}": float(attempt) for at in range(attempt)}}


def halt(url: str) -> None:
    """Stop in the middle of a transaction, after its first figures, until killed."""
    with open_results(url) as results:
        results.begin(a_run())
        results.write([a_cell(f"c{at}", fold=at + 1) for at in range(20)])

        @sa.event.listens_for(sa.Engine, "after_cursor_execute")
        def _(connection: sa.Connection, cursor: object, statement: str, *_: object) -> None:
            if statement.startswith("INSERT INTO cvn_figures"):
                print("in the middle", flush=True)
                time.sleep(60)

        results.write(
            [a_cell(f"c{at}", fold=at + 1, attempt=2, symbol="NQ") for at in range(10, 30)]
        )


if __name__ == "__main__":
    {"open": opened, "contend": contend, "halt": halt}[sys.argv[1]](*sys.argv[2:])
