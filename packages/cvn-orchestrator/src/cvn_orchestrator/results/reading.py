"""Statements that read, and rows from what they return."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from cvn_orchestrator.results.rows import CellRow, RunRow, Trades
from cvn_orchestrator.results.schema import CELLS, FIGURES, RUNS, TRADES
from cvn_orchestrator.results.sink import SUPERSEDED, Attempt
from cvn_orchestrator.results.trades import unpack

Figures = dict[str, dict[str, float | None]]


class Place(NamedTuple):
    """A cell's number, and which symbol, fold and variant it is."""

    id: int
    symbol: str
    fold: int
    variant: str


def read_runs(connection: sa.Connection) -> list[RunRow]:
    """Return all runs, the latest first."""
    found = connection.execute(sa.select(RUNS)).mappings()
    rows = [_run(dict(row)) for row in found]
    return sorted(rows, key=lambda row: (row.started, row.run), reverse=True)


def read_attempts(connection: sa.Connection, run: str) -> dict[str, Attempt]:
    """Return the newest attempt by the digest of the cell.

    The state of one that does not count, because another ended later in its place, is
    ``superseded``.
    """
    ranked, c = _ranked(), CELLS.c
    wanted = (
        sa.select(c.cell, c.state, c.attempt, c.error_code, ranked.c.rank)
        .join(ranked, ranked.c.id == c.id)
        .where(c.run == run)
    )
    return {
        cell: Attempt(state if rank == 1 else SUPERSEDED, attempt, code)
        for cell, state, attempt, code, rank in connection.execute(wanted)
    }


def read_counts(connection: sa.Connection) -> dict[str, dict[str, int]]:
    """Return how many places of each run are ``done`` and ``failed``."""
    current = _current()
    wanted = sa.select(current.c.run, current.c.state, sa.func.count()).group_by(
        current.c.run, current.c.state
    )
    counted: dict[str, dict[str, int]] = defaultdict(lambda: {"done": 0, "failed": 0})
    for run, state, n in connection.execute(wanted):
        counted[run][state] = n
    return dict(counted)


def read_trials(connection: sa.Connection) -> dict[str, dict[str, int]]:
    """Return the most trials that a cell took, by run and variant."""
    c = CELLS.c
    wanted = sa.select(c.run, c.variant, sa.func.max(c.n_trials)).group_by(c.run, c.variant)
    most: dict[str, dict[str, int]] = defaultdict(dict)
    for run, variant, n_trials in connection.execute(wanted):
        most[run][variant] = n_trials
    return dict(most)


def read_places(connection: sa.Connection, run: RunRow) -> list[Place]:
    """Return a run's cells by symbol, fold and the plan's order of variants."""
    current = _current()
    c = current.c
    wanted = sa.select(c.id, c.symbol, c.fold, c.variant).where(c.run == run.run)
    order = {variant: at for at, variant in enumerate(run.variants)}
    return sorted(
        (Place(*row) for row in connection.execute(wanted)),
        key=lambda place: (place.symbol, place.fold, order.get(place.variant, len(order)), place),
    )


def read_cells(
    connection: sa.Connection, places: Sequence[Place], *, trades: bool
) -> list[CellRow]:
    """Return these cells, in this order, with or without their trades.

    Raises ResultsError ``results_corrupt`` for trades that are damaged.
    """
    numbers = [place.id for place in places]
    cells = {
        row["id"]: dict(row)
        for row in connection.execute(sa.select(CELLS).where(CELLS.c.id.in_(numbers))).mappings()
    }
    metrics: dict[int, Figures] = defaultdict(lambda: defaultdict(dict))
    by_cost: dict[int, Figures] = defaultdict(lambda: defaultdict(dict))
    wanted = sa.select(FIGURES).where(FIGURES.c.cell_id.in_(numbers))
    for number, split, cost, figure, value in connection.execute(wanted):
        if cost:
            by_cost[number][cost][figure] = value
        else:
            metrics[number][split][figure] = value
    kept = dict(read_trades(connection, places)) if trades else {}
    return [
        _cell(cells[place.id], metrics[place.id], by_cost[place.id], kept.get(place))
        for place in places
    ]


def read_trades(connection: sa.Connection, places: Sequence[Place]) -> list[tuple[Place, Trades]]:
    """Return the trades of these cells, in this order, of those that have any kept.

    Raises as ``read_cells``.
    """
    t, numbers = TRADES.c, [place.id for place in places]
    wanted = sa.select(t.cell_id, t.sha256, t.npz).where(t.cell_id.in_(numbers))
    found = {number: (sha256, data) for number, sha256, data in connection.execute(wanted)}
    return [(p, unpack(*found[p.id], _named(p))) for p in places if p.id in found]


def _named(place: Place) -> str:
    return f"{place.symbol}, fold {place.fold}, variant {place.variant}"


def _current() -> sa.Subquery:
    """Return the cells that count: of several in one place, the one that ended last.

    A run is a plan and its data. When the code changes, the same place gets another cell.
    """
    ranked = _ranked()
    return sa.select(ranked).where(ranked.c.rank == 1).subquery()


def _ranked() -> sa.Subquery:
    c = CELLS.c
    place = (c.run, c.symbol, c.fold, c.variant)
    latest = sa.func.row_number().over(
        partition_by=place, order_by=(c.finished.desc(), c.id.desc())
    )
    return sa.select(c.id, *place, c.state, latest.label("rank")).subquery()


def _run(row: Mapping[str, Any]) -> RunRow:
    lists = {name: tuple(row[name]) for name in ("variants", "costs")}
    return RunRow(**{**row, **lists})


def _cell(
    row: Mapping[str, Any], metrics: Figures, by_cost: Figures, trades: Trades | None
) -> CellRow:
    own = {name: value for name, value in row.items() if name != "id"}
    return CellRow(
        **own,
        metrics={split: dict(named) for split, named in metrics.items()},
        by_cost={cost: dict(named) for cost, named in by_cost.items()},
        trades=trades,
    )
