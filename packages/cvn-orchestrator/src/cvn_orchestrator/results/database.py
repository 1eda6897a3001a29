"""The results of sweeps in SQLite or PostgreSQL."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Self, TypeVar

import sqlalchemy as sa

from cvn_orchestrator.errors import ResultsError
from cvn_orchestrator.results import reading, writing
from cvn_orchestrator.results.columns import cell_columns, run_columns
from cvn_orchestrator.results.connecting import WRITES, engine_of, snapshots, url_of
from cvn_orchestrator.results.faults import persistently, shown, typed
from cvn_orchestrator.results.finding import find_run
from cvn_orchestrator.results.migrating import migrate
from cvn_orchestrator.results.rows import CellRow, RunRow
from cvn_orchestrator.results.sink import Attempt, Sink

if TYPE_CHECKING:
    import polars as pl

T = TypeVar("T")

PATIENCE_S = 30.0
_AT_ONCE = 200  # cells that are read in one transaction


def open_results(url: str, *, must_exist: bool = False, patience_s: float = PATIENCE_S) -> Results:
    """Return the results in a database; its tables are made, or brought to the newest schema.

    Parameters
    ----------
    url
        ``sqlite:///FILE`` or ``postgresql+psycopg://USER@HOST/NAME``.
    must_exist
        Refuse a file that is not there, instead of making it.
    patience_s
        For how long a transaction is tried again after a lost connection, a deadlock, a
        serialisation failure or SQLite's lock.

    Raises
    ------
    ResultsError
        ``results_unavailable`` if the database cannot be reached or used; ``results_newer`` if a
        later release wrote it. A password is never shown.
    """
    where = url_of(url, must_exist=must_exist)
    engine = engine_of(where)
    try:
        with typed(where):
            migrate(engine, patience_s)
    except BaseException:
        engine.dispose()
        raise
    return Results(engine, patience_s)


class Results(Sink):
    """Runs, cells and trades: a sink that can be read too. Made by ``open_results``.

    Every call is one transaction or several, and leaves no connection in use. All of them raise
    ResultsError ``results_unavailable`` if the database fails for longer than the patience. Where a
    run is asked for, its name or the first digits of its digest do.
    """

    def __init__(self, engine: sa.Engine, patience_s: float) -> None:
        self._engine = engine
        self._reading = engine.execution_options(**snapshots(engine))
        self._writing = engine.execution_options(**{WRITES: True})
        self._patience_s = patience_s
        self._file: Path | None = None
        if engine.dialect.name == "sqlite":
            self._file = Path(str(engine.url.database)).absolute()
            self._opened = self._file.stat()

    @property
    def where(self) -> str:
        """The URL without its password."""
        return shown(self._engine.url)

    def begin(self, run: RunRow) -> None:
        """Keep the run, unless it is there already.

        Raises ResultsError ``results_invalid`` as ``write``.
        """
        values = run_columns(run)
        self._write(lambda connection: writing.insert_run(connection, values))

    def attempts(self, run: str) -> Mapping[str, Attempt]:
        """Return the newest attempt at every cell of a run that has a row, by the cell's digest."""
        return self._read(lambda connection: reading.read_attempts(connection, run))

    def write(self, rows: Iterable[CellRow]) -> None:
        """Keep rows, all or none; of one cell, the newest attempt wins.

        The same rows may be written again. A split or a cost without any figure is not kept.

        Raises
        ------
        ResultsError
            ``results_invalid`` for what would not come back the same: NaN, an infinity, a time
            without a zone, what is no JSON; ``run_unknown`` if a run was not begun.
        """
        kept = writing.newest([cell_columns(row) for row in rows])
        if kept:
            self._write(lambda connection: writing.upsert(connection, kept))

    def runs(self) -> list[RunRow]:
        """Return all runs, the latest first."""
        return self._read(reading.read_runs)

    def run(self, which: str) -> RunRow:
        """Return the run of a name, a digest, or the first digits of one.

        Raises ResultsError ``run_unknown`` or ``run_ambiguous``, with what there is.
        """
        return find_run(self.runs(), which, self.where)

    def counts(self) -> Mapping[str, Mapping[str, int]]:
        """Return how many cells are ``done`` and ``failed``, by the run's digest."""
        return self._read(reading.read_counts)

    def trials(self) -> Mapping[str, Mapping[str, int]]:
        """Return the most trials that a cell took, by the run's digest and the variant."""
        return self._read(reading.read_trials)

    def rows(self, run: str, *, trades: bool = True) -> Iterator[CellRow]:
        """Return the cells of a run by symbol, fold and variant, read as they are asked for.

        Of several in one place, after the code changed, the one that ended last. Raises as
        ``run``, and ResultsError ``results_corrupt`` for trades that are damaged.
        """
        for part in self._parts(run):
            yield from self._read(partial(reading.read_cells, places=part, trades=trades))

    def cells(self, run: str) -> pl.DataFrame:
        """Return a row a cell, as ``cells_frame`` says; raises as ``run``."""
        from cvn_orchestrator.results.frames import cells_frame

        return cells_frame(self.rows(run, trades=False))

    def trades(self, run: str) -> pl.DataFrame:
        """Return a row a signal on test, as ``trades_frame`` says; raises as ``rows``."""
        from cvn_orchestrator.results.frames import trades_frame

        return trades_frame(
            pair
            for part in self._parts(run)
            for pair in self._read(partial(reading.read_trades, places=part))
        )

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _parts(self, run: str) -> Iterator[list[reading.Place]]:
        found = self.run(run)
        places = self._read(partial(reading.read_places, run=found))
        for start in range(0, len(places), _AT_ONCE):
            yield places[start : start + _AT_ONCE]

    def _read(self, work: Callable[[sa.Connection], T]) -> T:
        return self._transaction(self._reading, work)

    def _write(self, work: Callable[[sa.Connection], None]) -> None:
        self._transaction(self._writing, work)

    def _transaction(self, engine: sa.Engine, work: Callable[[sa.Connection], T]) -> T:
        def once() -> T:
            with engine.begin() as connection:
                return work(connection)

        self._check_file()
        with typed(engine.url):
            return persistently(once, self._patience_s)

    def _check_file(self) -> None:
        """Raise if SQLite's file is there no more: one that is open can be written to for ever."""
        if self._file is None:
            return
        try:
            same = os.path.samestat(self._file.stat(), self._opened)
        except OSError:
            same = False
        if not same:
            message = (
                f"{self.where}: the file was removed or replaced while it was in use, and with it "
                "what it held."
            )
            raise ResultsError("results_unavailable", message)
