"""A database looked at without changing it: no file, no table, no setting."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import sqlalchemy as sa

from cvn_orchestrator.doctor.finding import Finding
from cvn_orchestrator.results.connecting import engine_of, snapshots, url_of
from cvn_orchestrator.results.faults import shown, typed
from cvn_orchestrator.results.migrating import Standing, standing

_CONNECT_S = 3

_SAID: dict[Standing, str] = {
    "none": "it answers, and has no results yet",
    "current": "it answers, and its schema is this release's",
    "older": "its schema is of an earlier release",
    "newer": "its schema is of a later release, which this one does not know",
}


def look_at(text: str) -> Finding:
    """Return what there is at a URL.

    Raises ResultsError ``results_unavailable`` if it is no URL of a database, or none that answers.
    """
    url = url_of(text, must_exist=False)
    lite = url.get_backend_name() == "sqlite"
    path = Path(url.database or "").resolve()
    if lite and not path.exists():
        return _to_be_made(shown(url), path)
    if not lite and "connect_timeout" not in url.query:
        url = url.update_query_dict({"connect_timeout": str(_CONNECT_S)})
    engine = _reading(path) if lite else engine_of(url)
    try:
        with typed(url), engine.execution_options(**snapshots(engine)).connect() as connection:
            found = standing(connection)
    finally:
        engine.dispose()
    return _finding(shown(url), found, closed=lite and not os.access(path, os.W_OK))


def _finding(where: str, found: Standing, *, closed: bool) -> Finding:
    said, facts = f"{where}: {_SAID[found]}", {"url": where, "schema": found}
    if found == "newer":
        advice = "pip install --upgrade cvn-orchestrator, or give another database: --results URL"
        return Finding("results", "problem", said, advice, facts)
    if closed:
        said = f"{said}; the file cannot be written"
        return Finding("results", "problem", said, f"chmod u+w {where.partition('///')[2]}", facts)
    if found == "older":
        advice = "keep a copy, then `cvn results` migrates it"
        return Finding("results", "warning", said, advice, facts)
    return Finding("results", "ok", said, facts=facts)


def _to_be_made(where: str, path: Path) -> Finding:
    facts = {"url": where, "schema": None}
    if not os.access(path.parent, os.W_OK | os.X_OK):
        said = f"{where}: not there, and {path.parent} cannot be written"
        return Finding("results", "problem", said, f"chmod u+w {path.parent}", facts)
    said = f"{where}: not there yet; a sweep makes it"
    return Finding("results", "ok", said, facts=facts)


def _reading(path: Path) -> sa.Engine:
    """Return an engine that reads an SQLite file and leaves none beside it.

    A reader of a file in WAL mode makes ``-wal`` and ``-shm`` if they are not there, unless it
    takes the file for immutable; where they are, somebody may be writing.
    """
    shared = all(Path(f"{path}{suffix}").exists() for suffix in ("-wal", "-shm"))
    uri = f"{path.as_uri()}?{'mode=ro' if shared else 'immutable=1'}"
    return sa.create_engine(
        "sqlite://",
        creator=lambda: sqlite3.connect(uri, uri=True, timeout=_CONNECT_S),
        poolclass=sa.NullPool,
    )
