"""One process at a time drives a study: a lock that ends with its holder, however that ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from cvn_harness_core.contracts.content import text_digest
from cvn_harness_core.errors import SearchError
from cvn_harness_core.search.storage import JOURNAL, shown, storage_errors


@contextmanager
def lease(url: str | None, study: str) -> Iterator[None]:
    """Hold the study while this block runs.

    Of a file (SQLite, a journal) that is a kernel's lock on a file beside it, of PostgreSQL an
    advisory lock of the session; both end with the process. A study in memory has no other driver.
    Other databases have no lease: nothing keeps a second process out there.

    Raises SearchError ``study_busy`` if another process drives it, ``storage_unavailable``.
    """
    file = None if url is None else _file(url)
    with ExitStack() as stack:
        held = True
        if file is not None:
            beside = file.with_name(f"{file.name}.{text_digest(study)[:12]}.lock")
            held = stack.enter_context(_locked(beside, url))
        elif url is not None and url.startswith("postgresql"):
            held = stack.enter_context(_advisory(url, study))
        if not held:
            message = (
                f"the study {study} in {shown(url)} is being driven by another process; wait for "
                "it, end it, or give another study_name."
            )
            raise SearchError("study_busy", message)
        yield


def _file(url: str) -> Path | None:
    if url.endswith(JOURNAL):
        return Path(url)
    from sqlalchemy.engine import make_url

    with storage_errors(url):
        made = make_url(url)
        path = made.database if made.get_backend_name() == "sqlite" else None
    return Path(path) if path and path != ":memory:" else None


@contextmanager
def _locked(path: Path, url: str | None) -> Iterator[bool]:
    lock = FileLock(path, fallback_to_soft=False)
    with storage_errors(url):
        try:
            lock.acquire(blocking=False)
        except Timeout:
            yield False
            return
    try:
        yield True
    finally:
        lock.release()


@contextmanager
def _advisory(url: str, study: str) -> Iterator[bool]:
    from sqlalchemy import create_engine, text
    from sqlalchemy.pool import NullPool

    key = int(text_digest(f"cvn-study {study}")[:15], 16)
    with storage_errors(url):
        connection = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT").connect()
        try:
            query = text("SELECT pg_try_advisory_lock(:key)")
            held = bool(connection.execute(query, {"key": key}).scalar_one())
        except BaseException:
            connection.close()
            raise
    try:
        yield held
    finally:
        connection.close()
