"""What `cvn doctor` says of a database, in SQLite and PostgreSQL, and that it leaves it alone."""

from __future__ import annotations

import sqlalchemy as sa

from cvn_orchestrator.doctor.database import look_at
from cvn_orchestrator.results.database import open_results


def schema(url: str) -> object:
    return look_at(url).facts["schema"]


def tables(url: str) -> list[str]:
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    return sa.inspect(engine).get_table_names()


def execute(url: str, statement: str) -> None:
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.exec_driver_sql(statement)


def test_a_database_of_somebody_else_has_no_schema_and_gets_none(url: str) -> None:
    execute(url, "CREATE TABLE mine (x INTEGER)")
    assert schema(url) == "none"
    assert tables(url) == ["mine"]


def test_the_schema_is_told_while_results_are_open(url: str) -> None:
    with open_results(url):
        assert schema(url) == "current"
    assert schema(url) == "current"


def test_a_newer_schema_is_told(url: str) -> None:
    open_results(url).close()
    execute(url, "UPDATE cvn_alembic_version SET version_num = '99'")
    found = look_at(url)
    assert (found.status, found.facts["schema"]) == ("problem", "newer")


def test_a_version_table_without_a_version_is_no_schema(url: str) -> None:
    open_results(url).close()
    execute(url, "DELETE FROM cvn_alembic_version")
    assert schema(url) == "none"
