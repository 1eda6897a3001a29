"""One process at a time drives a study: a lock that ends with its holder, however that ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from cvn_harness_core.contracts.content import text_digest
from cvn_harness_core.errors import SearchError
from cvn_harness_core.search.storage import file_of, shown, storage_errors

if TYPE_CHECKING:
    from sqlalchemy import TextClause


@contextmanager
def lease(url: str | None, study: str) -> Iterator[Callable[[], None]]:
    """Hold the study while this block runs; give what raises as below if it is held no more.

    Of a file (SQLite, a journal) that is a kernel's lock on a file beside it, of PostgreSQL an
    advisory lock of the session, which a lost connection ends; both end with the process. A study
    in memory has no other driver. Other databases have no lease: nothing keeps a second process out
    there.

    Raises SearchError ``study_busy`` if another process drives it, ``storage_unavailable``.
    """
    if url is None:
        yield _always
        return
    held: AbstractContextManager[Callable[[], None]] = nullcontext(_always)
    file = file_of(url)
    if file is not None:
        file = file.resolve()  # the same under another name
        beside = file.with_name(f"{file.name}.{text_digest(study)[:12]}.lock")
        held = _locked(beside, url, study)
    elif url.startswith("postgresql"):
        held = _advisory(url, study)
    with held as check:
        yield check


def _always() -> None:
    """Find that the lease is held: nothing but the end of the process takes it away."""


@contextmanager
def _locked(path: Path, url: str, study: str) -> Iterator[Callable[[], None]]:
    lock = FileLock(path, fallback_to_soft=False)
    with storage_errors(url):
        try:
            lock.acquire(blocking=False)
        except Timeout:
            raise _busy(url, study) from None
    try:
        yield _always
    finally:
        lock.release()


@contextmanager
def _advisory(url: str, study: str) -> Iterator[Callable[[], None]]:
    from sqlalchemy import create_engine, text
    from sqlalchemy.pool import NullPool

    from cvn_harness_core.database import patience, url_of

    key = int(text_digest(f"cvn-study {study}")[:15], 16)
    taken = text("SELECT pg_try_advisory_lock(:key)").bindparams(key=key)
    held = text(
        "SELECT count(*) > 0 FROM pg_locks WHERE locktype = 'advisory' AND granted"
        " AND pid = pg_backend_pid() AND objsubid = 1"
        " AND classid::bigint = :high AND objid::bigint = :low"
    ).bindparams(high=key >> 32, low=key & 0xFFFFFFFF)
    with ExitStack() as stack:
        with storage_errors(url):
            engine = create_engine(
                url_of(url),
                poolclass=NullPool,
                isolation_level="AUTOCOMMIT",
                connect_args=patience(url_of(url)),
            )
            connection = stack.enter_context(engine.connect())

        def check(query: TextClause = held) -> None:
            with storage_errors(url):
                found = connection.execute(query).scalar_one()
            if not found:
                raise _busy(url, study)

        check(taken)
        yield check


def _busy(url: str, study: str) -> SearchError:
    message = (
        f"the study {study} in {shown(url)} is being driven by another process; wait for it, end "
        "it, or give another study_name."
    )
    return SearchError("study_busy", message)
