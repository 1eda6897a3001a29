"""Opening: migrations, two at once, what else is in the database, and what is refused."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import optuna
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from cvn_orchestrator.errors import ResultsError
from cvn_orchestrator.results.database import Results, open_results
from cvn_orchestrator.results.faults import typed
from cvn_orchestrator.results.migrating import MIGRATIONS
from cvn_orchestrator.results.schema import HEAD, METADATA, VERSION_TABLE

from .rows import a_cell, a_run

Start = Callable[..., "subprocess.Popen[str]"]


def test_migrations_make_just_the_tables_that_the_code_has(results: Results) -> None:
    with results._engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "version_table": VERSION_TABLE,
                "include_name": lambda name, kind, _: kind != "table" or name.startswith("cvn_"),
            },
        )
        assert compare_metadata(context, METADATA) == []
        assert context.get_current_revision() == HEAD


def test_the_newest_migration_is_the_one_that_the_code_asks_for() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    assert ScriptDirectory.from_config(config).get_current_head() == HEAD


def test_opening_again_finds_what_is_there(url: str) -> None:
    with open_results(url) as results:
        results.begin(a_run())
        results.write([a_cell()])
    with open_results(url, must_exist=True) as results:
        assert results.attempts("a" * 64) == {"c1": ("done", 1, None)}


def test_processes_that_open_a_new_database_at_once_all_succeed(url: str, start: Start) -> None:
    processes = [start("open", url) for _ in range(2)]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    assert [process.wait(60) for process in processes] == [0, 0]
    open_results(url).close()


def test_a_database_of_a_later_release_is_refused_and_left_alone(url: str) -> None:
    with open_results(url) as results, results._engine.begin() as connection:
        connection.execute(sa.text(f"UPDATE {VERSION_TABLE} SET version_num = '99'"))
    with pytest.raises(ResultsError, match=r"has the schema '99', .* knows up to '1'") as found:
        open_results(url)
    assert found.value.code == "results_newer"


def test_a_study_and_somebodys_tables_live_in_the_same_database(url: str) -> None:
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE runs (mine INTEGER)"))
        connection.execute(sa.text("INSERT INTO runs VALUES (7)"))
    optuna.logging.set_verbosity(optuna.logging.WARNING)

    def optimise() -> None:
        storage = optuna.storages.RDBStorage(url)
        study = optuna.create_study(storage=storage, study_name="s", load_if_exists=True)
        study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=1)
        storage.remove_session()
        storage.engine.dispose()

    for _ in range(2):  # either may come first
        with open_results(url) as results:
            results.begin(a_run())
            results.write([a_cell()])
            assert len(results.cells("demo")) == 1
        optimise()
    with engine.connect() as connection:
        assert connection.scalar(sa.text("SELECT mine FROM runs")) == 7
        assert connection.scalar(sa.text("SELECT count(*) FROM trials")) == 2
        tables = sa.inspect(connection).get_table_names()
    assert {"alembic_version", "cvn_alembic_version", "cvn_runs", "studies"} <= set(tables)
    engine.dispose()


def test_sqlite_is_in_wal_mode_and_syncs(sqlite: str) -> None:
    with open_results(sqlite) as results, results._engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
        assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar() == 10_000


def refused(url: str, *, must_exist: bool = False) -> str:
    with pytest.raises(ResultsError) as found:
        open_results(url, must_exist=must_exist)
    assert found.value.code == "results_unavailable"
    assert found.value.__cause__ is None
    return str(found.value)


def test_a_place_that_cannot_hold_results_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "absent"
    assert f"there is no folder {folder}" in refused(f"sqlite:///{folder}/results.db")
    assert not folder.exists()
    file = tmp_path / "results.db"
    assert "there is no such file" in refused(f"sqlite:///{file}", must_exist=True)
    assert not file.exists()
    file.write_text("no database, but text that is long enough to be a header of one\n" * 20)
    assert "file is not a database" in refused(f"sqlite:///{file}")
    assert "unable to open database file" in refused(f"sqlite:///{tmp_path}")
    for memory in ("sqlite://", "sqlite:///:memory:"):
        assert "results are kept in a file" in refused(memory)
    assert "not in mysql" in refused("mysql+pymysql://user@host/db")
    assert "give postgresql+psycopg://" in refused("postgresql+psycopg2://user@host/db")
    assert "cannot be read" in refused("results.db")


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg://me:hunter%402@127.0.0.1:1/db",
        "postgresql://me@127.0.0.1:1/db?password=hunter%402",
        "mysql://me:hunter%402@127.0.0.1/db",
        "postgresql+psycopg://me:hunter%402@127.0.0.1:x/db",
    ],
)
def test_a_password_is_never_shown(url: str) -> None:
    assert not re.search("hunter", refused(url))


@pytest.mark.parametrize("spelt", ["hunter@2", "hunter%402"])
def test_a_password_that_a_driver_repeats_is_hidden(spelt: str) -> None:
    url = sa.make_url("postgresql+psycopg://me:hunter%402@host/db")
    with pytest.raises(ResultsError, match=r"the password \*\*\* is wrong") as found, typed(url):
        raise sa.exc.OperationalError("", {}, Exception(f"the password {spelt} is wrong"))
    assert "hunter" not in str(found.value)


def test_a_database_of_this_release_is_opened_without_alembic(sqlite: str) -> None:
    open_results(sqlite).close()
    code = (
        "import sys; from cvn_orchestrator.results.database import open_results; "
        f"open_results({sqlite!r}).runs(); "
        "print(sorted({'alembic', 'polars', 'optuna'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_server_that_is_not_there_is_told_at_once() -> None:
    assert "127.0.0.1:1/db cannot be used: " in refused("postgresql+psycopg://me@127.0.0.1:1/db")


def test_a_password_is_not_in_what_results_call_themselves(postgresql: str) -> None:
    url = sa.make_url(postgresql).set(password="hunter2").render_as_string(hide_password=False)
    with open_results(url) as results:
        assert "hunter2" not in results.where
        with pytest.raises(ResultsError, match="has no run") as found:
            results.run("x")
        assert "hunter2" not in str(found.value)
