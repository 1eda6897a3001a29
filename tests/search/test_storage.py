"""Where trials are kept: what is shown of it, what is not there, and who holds it."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from cvn_harness_core import SearchError, count_trials, database, read_search, train_one
from cvn_harness_core.plugins.adapters import adapter_of
from cvn_harness_core.search.lease import lease
from cvn_harness_core.search.storage import close_storage, open_storage, shown
from tests.ensembles.small import datasets

from .test_resume import postgres, storage  # noqa: F401
from .worker import said, settings

MODEL = "lightgbm"
DATA = datasets(n=600)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg://me:secret@127.0.0.1:1/x",
        "postgresql+psycopg://me@127.0.0.1:1/x?password=secret",
        "postgresql+psycopg://me@127.0.0.1:1/x?sslpassword=secret&password=secret",
        "postgresql+psycopg://me:secret@127.0.0.1:port/x",
        "postgresql+psycopg://me:sec\0ret@127.0.0.1/x",
        "nothing://me",
        "sqlite:///hpo\0.db",
        "hpo\0.journal",
        "",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:///file:hpo.db?uri=true",
        "sqlite:///nowhere/hpo.db",
        "nowhere/hpo.journal",
    ],
)
def test_a_storage_that_cannot_be_is_a_typed_error_without_a_password(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for use in (open_storage, read_search, count_trials):
        with pytest.raises(SearchError) as caught:
            use(url)
        assert caught.value.code == "storage_unavailable"
        assert "secret" not in str(caught.value)
    assert "secret" not in str(shown(url))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("url", ["sqlite:///hpo.db", "hpo.journal"])
def test_reading_what_is_not_there_makes_nothing(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for use in (read_search, count_trials):
        with pytest.raises(SearchError, match="no such file") as caught:
            use(url)
        assert caught.value.code == "storage_unavailable"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "content", [b"rubbish\n{}\n", b"\xff\xfe\n{}\n", b'{"a": 1}\n', b"[]\n", b"SQLite format 3\n\n"]
)
def test_a_file_that_is_no_journal(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "hpo.journal"
    path.write_bytes(content)
    run = settings(MODEL, storage=str(path))
    for use in (read_search, count_trials, lambda _: train_one(MODEL, DATA, run)):
        with pytest.raises(SearchError) as caught:
            use(str(path))
        assert caught.value.code == "storage_unavailable"


def test_reading_a_journal_writes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "hpo.journal"
    train_one(MODEL, DATA, settings(MODEL, n_trials=2, storage=str(path)))
    with path.open("ab") as file:
        file.write(b'{"torn')
    before = path.read_bytes()
    for beside in tmp_path.glob("*lock"):
        beside.unlink()
    assert len(read_search(str(path)).trials) == 2
    assert [p.name for p in tmp_path.iterdir()] == ["hpo.journal"]
    assert path.read_bytes() == before


def test_many_open_a_new_database_at_once(tmp_path: Path) -> None:
    for number in range(12):
        url, together = f"sqlite:///{tmp_path}/{number}.db", threading.Barrier(4)

        def opened(_: int, url: str = url, together: threading.Barrier = together) -> None:
            together.wait()
            close_storage(open_storage(url))

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(opened, range(4)))


def test_a_link_to_a_database_is_the_same_database(tmp_path: Path) -> None:
    (tmp_path / "link.db").symlink_to(tmp_path / "hpo.db")
    with (
        lease(f"sqlite:///{tmp_path}/hpo.db", "mine"),
        pytest.raises(SearchError) as caught,
        lease(f"sqlite:///{tmp_path}/link.db", "mine"),
    ):
        pass
    assert caught.value.code == "study_busy"


def test_a_database_without_studies_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "empty.db").touch()
    with pytest.raises(SearchError) as caught:
        count_trials(f"sqlite:///{tmp_path}/empty.db")
    assert caught.value.code == "storage_unavailable"
    assert (tmp_path / "empty.db").stat().st_size == 0


def test_a_server_that_does_not_answer_is_waited_for_briefly(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import socket

    monkeypatch.setitem(database._LOST_AFTER, "connect_timeout", 2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgresql+psycopg://me@127.0.0.1:{silent.getsockname()[1]}/x"
        started = time.monotonic()
        with pytest.raises(SearchError) as caught:
            open_storage(url)
        with pytest.raises(SearchError), lease(url, "mine"):
            pass
    assert caught.value.code == "storage_unavailable"
    assert time.monotonic() - started < 30


def test_a_search_without_a_complete_trial_can_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path}/hpo.db"

    def failing(*_: Any) -> None:
        raise ValueError

    monkeypatch.setattr(type(adapter_of(MODEL)), "fit", failing)
    with pytest.raises(SearchError) as caught:
        train_one(MODEL, DATA, settings(MODEL, n_trials=2, storage=url, study_name="mine"))
    assert caught.value.code == "no_trial_finished"
    found = read_search(url)
    assert (found.best, found.value, found.count("failed")) == (None, None, 2)


def test_another_search_does_not_write_into_a_study_that_is_driven(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/hpo.db"
    run = settings(MODEL, n_trials=2, storage=url, study_name="mine")
    with lease(url, "mine"), pytest.raises(SearchError) as caught:
        train_one(MODEL, DATA, run)
    assert caught.value.code == "study_busy"
    with pytest.raises(SearchError) as caught:
        read_search(url)
    assert caught.value.code in {"study_unknown", "storage_unavailable"}


def test_a_lost_lock_ends_the_search(postgres: str) -> None:  # noqa: F811
    import sqlalchemy as sa

    run = settings(MODEL, n_trials=6, storage=postgres, study_name="lost")
    engine = sa.create_engine(postgres, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    told: list[int] = []

    def drop_the_lock(_: str, record: Any) -> None:
        told.append(record.number)
        if len(told) == 2:
            with engine.connect() as connection:
                connection.execute(
                    sa.text(
                        "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"
                    )
                )

    with pytest.raises(SearchError) as caught:
        train_one(MODEL, DATA, run, on_trial=drop_the_lock)
    assert caught.value.code == "storage_unavailable"
    assert told == [0, 1]
    alone = train_one(MODEL, DATA, settings(MODEL, n_trials=6))
    assert said(train_one(MODEL, DATA, run)) == said(alone)


def test_a_lock_that_is_not_held_any_more_is_found_out(postgres: str) -> None:  # noqa: F811
    import sqlalchemy as sa

    with lease(postgres, "reconnected") as check_held:
        check_held()
        engine = sa.create_engine(postgres, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
        with engine.connect() as other:
            other.execute(
                sa.text("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype='advisory'")
            )
        with pytest.raises(SearchError) as first:
            check_held()
        with pytest.raises(SearchError) as second:
            check_held()
    assert first.value.code == "storage_unavailable"
    assert second.value.code in {"storage_unavailable", "study_busy"}
