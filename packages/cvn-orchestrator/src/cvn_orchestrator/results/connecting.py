"""From a URL to SQLAlchemy's engine, with what SQLite and PostgreSQL each need."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError

from cvn_harness_core import patient_connection
from cvn_orchestrator.errors import ResultsError
from cvn_orchestrator.results.faults import shown, typed

WRITES = "cvn_writes"
"""The execution option of a connection whose transactions write, and take SQLite's lock at once."""

_PSYCOPG = "postgresql+psycopg"
_BUSY_S = 10
_OLDEST_SQLITE = (3, 35)  # RETURNING


def url_of(text: str, *, must_exist: bool) -> sa.URL:
    """Return the URL of a database that can hold results.

    Raises ResultsError ``results_unavailable`` for a URL that cannot be read, another kind of
    database, SQLite in memory, a folder that is not there and, with ``must_exist``, a file.
    """
    try:
        url = sa.make_url(text)
    except (ArgumentError, ValueError):
        message = (
            "the URL of the results cannot be read; it is like sqlite:///cvn-results.db or "
            "postgresql+psycopg://user@host/name."
        )
        raise ResultsError("results_unavailable", message) from None
    kind = url.get_backend_name()
    if kind == "sqlite":
        _check_file(url, must_exist=must_exist)
    elif url.drivername in ("postgresql", _PSYCOPG):
        url = url.set(drivername=_PSYCOPG)
    elif kind == "postgresql":
        message = f"{shown(url)}: only psycopg is known to do: give {_PSYCOPG}://..."
        raise ResultsError("results_unavailable", message)
    else:
        message = f"{shown(url)}: results are kept in SQLite or PostgreSQL, not in {kind}."
        raise ResultsError("results_unavailable", message)
    return url


def _check_file(url: sa.URL, *, must_exist: bool) -> None:
    if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
        message = f"SQLite is {sqlite3.sqlite_version}; results need 3.35 or later."
        raise ResultsError("results_unavailable", message)
    name = url.database or ""
    if not name or name.startswith((":memory:", "file:")):
        message = f"{shown(url)}: results are kept in a file: give sqlite:///FILE.db."
        raise ResultsError("results_unavailable", message)
    path = Path(name)
    if not path.parent.is_dir():
        message = f"{shown(url)}: there is no folder {path.parent}; make it first."
        raise ResultsError("results_unavailable", message)
    if must_exist and not path.is_file():
        message = (
            f"{shown(url)}: there is no such file. A sweep writes it; --results and $CVN_RESULTS "
            "say where."
        )
        raise ResultsError("results_unavailable", message)


def engine_of(url: sa.URL) -> sa.Engine:
    """Return the engine; nothing is connected yet.

    JSON columns are given as text, which ``results.columns`` has checked.

    Raises ResultsError ``results_unavailable`` without the driver.
    """
    lite = url.get_backend_name() == "sqlite"
    busy = {} if "timeout" in url.query else {"timeout": _BUSY_S}
    with typed(url):
        engine = sa.create_engine(
            url,
            connect_args=busy if lite else patient_connection(url),
            pool_pre_ping=not lite,
            json_serializer=str,
            json_deserializer=json.loads,
        )
    if lite:
        sa.event.listen(engine, "connect", _prepare)
        sa.event.listen(engine, "begin", _begin)
    return engine


def snapshots(engine: sa.Engine) -> dict[str, Any]:
    """Return the execution options with which a transaction reads as of one moment.

    SQLite does so anyhow.
    """
    if engine.dialect.name == "sqlite":
        return {}
    return {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}


def _prepare(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # else the driver begins for itself, and not before DDL
    for setting in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {setting}")


def _begin(connection: sa.Connection) -> None:
    """Begin what SQLAlchemy thinks has begun.

    A transaction that reads first and writes later is refused without any waiting if another one
    wrote in between, so what will write takes its lock at once.
    """
    writes = connection.get_execution_options().get(WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
