"""Bring a database to the newest schema, whoever else does so at the same moment."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

import sqlalchemy as sa

from cvn_orchestrator.errors import ResultsError
from cvn_orchestrator.results.connecting import WRITES
from cvn_orchestrator.results.faults import persistently, shown
from cvn_orchestrator.results.schema import HEAD, VERSION_TABLE

if TYPE_CHECKING:
    from alembic.config import Config

MIGRATIONS = Path(__file__).parent / "migrations"
Standing: TypeAlias = Literal["none", "current", "older", "newer"]

_LOCK = int.from_bytes(b"cvn-res", "big")


def migrate(engine: sa.Engine, patience_s: float) -> None:
    """Run the migrations that a database lacks, in one transaction; none if it lacks none.

    The first connection is tried once: a server that is not there is not worth any waiting, unlike
    one that was. SQLite is the exception, whose file may be locked at first.

    Raises ResultsError ``results_newer`` if a later release wrote it.
    """
    lite = engine.dialect.name == "sqlite"
    if persistently(lambda: _is_new(engine), patience_s if lite else 0.0):
        return
    persistently(lambda: _migrate(engine), patience_s)


def standing(connection: sa.Connection) -> Standing:
    """Return what ``migrate`` would find: no schema, this release's, an older or a newer one."""
    version = _version(connection)
    if version is None:
        return "none"
    if version == HEAD:
        return "current"
    return "older" if version in _known() else "newer"


def _is_new(engine: sa.Engine) -> bool:
    with engine.connect() as connection:
        return _version(connection) == HEAD


def _migrate(engine: sa.Engine) -> None:
    with engine.execution_options(**{WRITES: True}).begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
        version = _version(connection)
        if version != HEAD:
            _upgrade(connection, version)


def _version(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table(VERSION_TABLE):
        return None
    table = sa.table(VERSION_TABLE, sa.column("version_num", sa.Text))
    return connection.scalar(sa.select(table.c.version_num))


def _upgrade(connection: sa.Connection, version: str | None) -> None:
    from alembic import command

    if version is not None and version not in _known():
        message = (
            f"{shown(connection.engine.url)} has the schema {version!r}, and this release of "
            f"cvn-orchestrator knows up to {HEAD!r}: a later one wrote it. Use that one, or give "
            "another database."
        )
        raise ResultsError("results_newer", message)
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _known() -> set[str]:
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory.from_config(_config())
    return {script.revision for script in scripts.walk_revisions()}


def _config() -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
