"""Statements that write. Each can be run again and leaves the same."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from cvn_orchestrator.errors import ResultsError
from cvn_orchestrator.results.columns import Columns
from cvn_orchestrator.results.schema import CELLS, FIGURES, RUNS, TRADES

_AT_ONCE = 500  # rows a statement, for the limits on its parameters


def newest(rows: Iterable[Columns]) -> list[Columns]:
    """Return one row a cell: of several, the newest attempt's; of equal ones, the last.

    They are in the order of their keys, so that two who write the same cells do not block each
    other.
    """
    kept: dict[tuple[str, str], Columns] = {}
    for row in rows:
        other = kept.get(row.key)
        if other is None or row.cell["attempt"] >= other.cell["attempt"]:
            kept[row.key] = row
    return [kept[key] for key in sorted(kept)]


def insert_run(connection: sa.Connection, values: dict[str, Any]) -> None:
    """Keep a run unless it is there."""
    connection.execute(_insert(connection.dialect.name, RUNS).on_conflict_do_nothing(), values)


def upsert(connection: sa.Connection, rows: Sequence[Columns]) -> None:
    """Write cells with their figures and trades, where no newer attempt stands.

    Raises ResultsError ``run_unknown`` if a run is not there.
    """
    _require(connection, sorted({row.cell["run"] for row in rows}))
    for start in range(0, len(rows), _AT_ONCE):
        _upsert(connection, rows[start : start + _AT_ONCE])


def _upsert(connection: sa.Connection, rows: Sequence[Columns]) -> None:
    ours = _upsert_cells(connection.dialect.name)
    ids = {
        (run, cell): number
        for number, run, cell in connection.execute(ours, [row.cell for row in rows])
    }
    for statement in _DELETE:
        connection.execute(statement, {"ids": list(ids.values())})
    written = [(ids[row.key], row) for row in rows if row.key in ids]
    figures = [{"cell_id": number, **f} for number, row in written for f in row.figures]
    trades = [{"cell_id": number, **row.trades} for number, row in written if row.trades]
    for table, values in ((FIGURES, figures), (TRADES, trades)):
        if values and connection.dialect.name == "sqlite":
            connection.execute(_INSERT[table], values)
        elif values:
            _insert_arrays(connection, table, values)


@cache  # SQLAlchemy compiles a statement once, and takes as long again to know it as the same
def _upsert_cells(dialect: str) -> sa.Executable:
    statement = _insert(dialect, CELLS)
    fresh = {c.name: statement.excluded[c.name] for c in CELLS.c if c.name != "id"}
    return statement.on_conflict_do_update(
        index_elements=[CELLS.c.run, CELLS.c.cell],
        set_=fresh,
        where=statement.excluded.attempt >= CELLS.c.attempt,
    ).returning(CELLS.c.id, CELLS.c.run, CELLS.c.cell)


_DELETE = tuple(
    sa.delete(table).where(table.c.cell_id.in_(sa.bindparam("ids", expanding=True)))
    for table in (FIGURES, TRADES)
)
_INSERT = {table: sa.insert(table) for table in (FIGURES, TRADES)}
_THERE = sa.select(RUNS.c.run).where(RUNS.c.run.in_(sa.bindparam("runs", expanding=True)))


def _insert_arrays(
    connection: sa.Connection, table: sa.Table, values: Sequence[Mapping[str, Any]]
) -> None:
    """Insert by one statement with an array a column: a round trip, and not one a row."""
    arrays = [
        sa.func.unnest(
            sa.literal([row[column.name] for row in values], postgresql.ARRAY(column.type))
        )
        for column in table.c
    ]
    connection.execute(sa.insert(table).from_select(list(table.c), sa.select(*arrays)))


def _require(connection: sa.Connection, runs: Sequence[str]) -> None:
    there = set(connection.scalars(_THERE, {"runs": list(runs)}))
    missing = [run for run in runs if run not in there]
    if missing:
        message = f"the run {missing[0]} is not in the results; begin it before its cells."
        raise ResultsError("run_unknown", message)


def _insert(dialect: str, table: sa.Table) -> sqlite.Insert | postgresql.Insert:
    if dialect == "sqlite":
        return sqlite.insert(table)
    return postgresql.insert(table)
