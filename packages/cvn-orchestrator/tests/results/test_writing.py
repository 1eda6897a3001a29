"""All or nothing, the newest attempt wins, and nobody is in anybody's way."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import pytest
import sqlalchemy as sa

from cvn_orchestrator.errors import ResultsError
from cvn_orchestrator.results.connecting import WRITES, engine_of
from cvn_orchestrator.results.database import Results, open_results
from cvn_orchestrator.results.faults import persistently
from cvn_orchestrator.results.sink import Sink

from .rows import WHEN, a_cell, a_failure, a_run

RUN = "a" * 64
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def begun(results: Results) -> Results:
    results.begin(a_run())
    return results


def count(results: Results, table: str) -> int:
    with results._engine.connect() as connection:
        return int(connection.scalar(sa.text(f"SELECT count(*) FROM {table}")) or 0)


def test_results_are_a_sink(begun: Results) -> None:
    sink: Sink = begun
    sink.write([a_cell("c1"), a_failure("c2", fold=2, attempt=3)])
    assert sink.attempts(RUN) == {"c1": ("done", 1, None), "c2": ("failed", 3, "fit_failed")}
    assert sink.attempts("other") == {}


def test_the_newest_attempt_wins_whichever_comes_last(begun: Results) -> None:
    begun.write([a_failure("c1", attempt=1)])
    begun.write([a_cell("c1", attempt=2)])
    begun.write([a_failure("c1", attempt=1)])
    (row,) = begun.rows(RUN)
    assert (row.state, row.attempt, row.error_code) == ("done", 2, None)
    assert row.metrics == a_cell().metrics
    assert row.trades is not None


def test_of_two_attempts_in_one_batch_the_newest_wins(begun: Results) -> None:
    begun.write([a_cell("c1", attempt=2, theta=0.5), a_failure("c1", attempt=1)])
    begun.write([a_failure("c2", fold=2), a_cell("c2", fold=2, attempt=1, theta=0.25)])
    assert [(row.state, row.theta) for row in begun.rows(RUN)] == [("done", 0.5), ("done", 0.25)]


def test_an_attempt_that_is_replaced_leaves_no_figures_and_no_trades(begun: Results) -> None:
    begun.write([a_cell("c1")])
    assert count(begun, "cvn_figures") == 10
    begun.write([a_failure("c1", attempt=2)])
    assert (count(begun, "cvn_figures"), count(begun, "cvn_trades")) == (0, 0)
    (row,) = begun.rows(RUN)
    assert (row.metrics, row.by_cost, row.trades) == ({}, {}, None)


def test_of_one_attempt_what_is_written_last_stays(begun: Results) -> None:
    begun.write([a_cell("c1", theta=0.4)])
    begun.write([a_cell("c1", theta=0.5)])
    assert [row.theta for row in begun.rows(RUN)] == [0.5]


def test_writing_again_changes_nothing(begun: Results) -> None:
    rows = [a_cell(f"c{at}", fold=at + 1) for at in range(5)]
    begun.write(rows)
    before = begun.cells(RUN)
    begun.write(rows)
    begun.write([])
    assert begun.cells(RUN).equals(before)
    assert (count(begun, "cvn_cells"), count(begun, "cvn_figures")) == (5, 50)


def test_more_rows_than_a_statement_takes(begun: Results) -> None:
    begun.write(a_cell(f"c{at}", fold=at + 1) for at in range(1201))
    assert len(begun.attempts(RUN)) == 1201
    assert [row.fold for row in begun.rows(RUN)] == list(range(1, 1202))


def test_a_batch_with_a_cell_of_no_run_is_not_written_at_all(begun: Results) -> None:
    with pytest.raises(ResultsError, match="the run other is not in the results") as found:
        begun.write([a_cell("c1"), a_cell("c2", run="other")])
    assert found.value.code == "run_unknown"
    assert begun.attempts(RUN) == {}


def test_when_the_code_changes_the_cell_that_ended_last_counts(begun: Results) -> None:
    later = WHEN.replace(year=2027)
    begun.write([a_cell("new", theta=0.5, finished=later), a_cell("old", theta=0.4)])
    assert [row.cell for row in begun.rows(RUN)] == ["new"]
    assert begun.cells(RUN)["theta"].to_list() == [0.5]
    assert begun.counts() == {RUN: {"done": 1, "failed": 0}}
    assert len(begun.trades(RUN)) == 2
    assert {cell: found.state for cell, found in begun.attempts(RUN).items()} == {
        "new": "done",
        "old": "superseded",
    }


def test_a_run_is_found_by_name_and_by_the_first_digits_of_its_digest(results: Results) -> None:
    for digest, name in (("ab12", "one"), ("ab34", "two"), ("cd", "two")):
        results.begin(a_run(digest, name=name))
    assert results.run("one").run == "ab12"
    assert results.run("ab3").run == "ab34"
    assert results.run("c").run == "cd"
    for which, there in (("ab", ["ab12 (one)", "ab34 (two)"]), ("two", ["ab34 (two)", "cd (two)"])):
        with pytest.raises(ResultsError) as found:
            results.run(which)
        assert found.value.code == "run_ambiguous"
        assert all(one in str(found.value) for one in there)
    for which in ("x", "", "tw", "%"):
        with pytest.raises(ResultsError, match=r"has no run .*; there are .*ab12 \(one\)") as found:
            results.run(which)
        assert found.value.code == "run_unknown"


def test_two_processes_write_the_same_cells_and_neither_has_to_try_again(
    url: str, start: Start
) -> None:
    with open_results(url) as results:
        results.begin(a_run())
        writers = [start("contend", url, number) for number in ("1", "2")]
        for writer in writers:
            assert writer.stdin is not None
            writer.stdin.write("go\n")
            writer.stdin.flush()
        while any(writer.poll() is None for writer in writers):
            for row in results.rows(RUN, trades=False):  # what is read is never half of two
                assert set(row.metrics["test"].values()) == {float(row.attempt)}
                assert len(row.metrics["test"]) == row.attempt
        assert [writer.returncode for writer in writers] == [0, 0]
        assert set(results.attempts(RUN).values()) == {("done", 20, None)}
        assert count(results, "cvn_figures") == 40 * (20 + 4)


def test_a_writer_killed_in_the_middle_leaves_nothing_of_it(url: str, start: Start) -> None:
    writer = start("halt", url, says="in the middle")
    with open_results(url) as results:
        assert len(results.attempts(RUN)) == 20  # readers are not blocked
        writer.kill()
        writer.wait()
        assert set(results.attempts(RUN)) == {f"c{at}" for at in range(20)}
        assert set(results.attempts(RUN).values()) == {("done", 1, None)}
        assert count(results, "cvn_figures") == 20 * 10
        more = [a_cell(f"c{at}", fold=at + 1, attempt=2) for at in range(10, 30)]
        results.write(more)  # and no lock is left
        assert len(results.attempts(RUN)) == 30


def test_a_lost_connection_is_made_again(postgresql: str) -> None:
    with open_results(postgresql) as results:
        results.begin(a_run())
        kill = (
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
        )
        engine = sa.create_engine(postgresql, poolclass=sa.NullPool)
        with engine.begin() as connection:
            connection.execute(sa.text(f"{kill} AND datname = current_database()"))
        results.write([a_cell()])
        assert results.attempts(RUN) == {"c1": ("done", 1, None)}


def test_a_connection_is_looked_at_before_it_is_used(postgresql: str) -> None:
    with open_results(postgresql, patience_s=0.0) as results:
        results.begin(a_run())
        with sa.create_engine(postgresql, poolclass=sa.NullPool).begin() as connection:
            connection.execute(
                sa.text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE pid <> pg_backend_pid() AND datname = current_database()"
                )
            )
        results.write([a_cell()])  # which would not be tried again


def test_a_server_that_is_not_heard_of_is_given_up(postgresql: str) -> None:
    expected = {
        "connect_timeout": "10",
        "keepalives_idle": "30",
        "keepalives_interval": "10",
        "keepalives_count": "3",
        "tcp_user_timeout": "30000",
    }
    own = sa.make_url(postgresql).update_query_dict({"tcp_user_timeout": "5000"})
    for url, wanted in (
        (sa.make_url(postgresql), expected),
        (own, {**expected, "tcp_user_timeout": "5000"}),
    ):
        engine = engine_of(url)
        with engine.connect() as connection:
            driver = connection.connection.driver_connection
            assert driver is not None
            assert wanted.items() <= driver.info.get_parameters().items()
        engine.dispose()


def test_patience_begins_with_the_first_failure(sqlite: str) -> None:
    """However long that took: here it waits longer for the lock than patience lasts."""
    open_results(sqlite).close()
    holder, writer = sa.create_engine(sqlite), engine_of(sa.make_url(f"{sqlite}?timeout=0.3"))
    tries = []
    with holder.connect() as holding:
        holding.exec_driver_sql("BEGIN IMMEDIATE")

        def write() -> str:
            tries.append(len(tries))
            if len(tries) == 2:
                holding.rollback()
            with writer.execution_options(**{WRITES: True}).begin():
                return "written"

        assert persistently(write, 0.1) == "written"
    assert len(tries) == 2
    holder.dispose()
    writer.dispose()


@pytest.mark.parametrize("state", ["40001", "40P01"])
def test_a_serialisation_failure_and_a_deadlock_are_tried_again(
    postgresql: str, state: str
) -> None:
    with open_results(postgresql) as results:
        results.begin(a_run())
        with results._engine.begin() as connection:
            connection.execute(sa.text("CREATE SEQUENCE tries"))
            connection.execute(
                sa.text(
                    "CREATE FUNCTION refuse() RETURNS trigger AS $$ BEGIN "
                    f"IF nextval('tries') < 3 THEN RAISE SQLSTATE '{state}'; END IF; "
                    "RETURN NEW; END $$ LANGUAGE plpgsql"
                )
            )
            connection.execute(
                sa.text(
                    "CREATE TRIGGER refuse BEFORE INSERT ON cvn_cells "
                    "FOR EACH STATEMENT EXECUTE FUNCTION refuse()"
                )
            )
        results.write([a_cell()])
        assert results.attempts(RUN) == {"c1": ("done", 1, None)}


def test_what_another_try_cannot_help_is_told_at_once(results: Results) -> None:
    results.begin(a_run())
    with results._engine.begin() as connection:
        connection.execute(sa.text("DROP TABLE cvn_trades"))
    with pytest.raises(ResultsError, match=r"cannot be used: .*cvn_trades") as found:
        results.write([a_cell()])
    assert found.value.code == "results_unavailable"
    assert results.attempts(RUN) == {}


def test_a_lock_that_outlasts_patience_is_a_typed_error(sqlite: str) -> None:
    with open_results(f"{sqlite}?timeout=0.1", patience_s=0.2) as results:
        results.begin(a_run())
        holder = sa.create_engine(sqlite)
        with holder.connect() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            with pytest.raises(ResultsError, match="database is locked"):
                results.write([a_cell()])
            assert results.run("demo") == a_run()
        holder.dispose()
        results.write([a_cell()])
