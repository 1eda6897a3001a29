"""What a database says, as a typed error without passwords; and what is worth another try."""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar
from urllib.parse import quote, quote_plus

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, NoSuchModuleError, OperationalError, SQLAlchemyError

from cvn_orchestrator.errors import ResultsError

T = TypeVar("T")

_SERIALISATION, _DEADLOCK = "40001", "40P01"
_CONNECTION = ("08", "57P01", "57P02", "57P03")  # lost, or the server stops, crashed or starts
_FIRST_S, _LONGEST_S = 0.05, 2.0


def shown(url: sa.URL) -> str:
    """Return a URL without its password and without its query, which may hold one."""
    return url.set(query={}).render_as_string(hide_password=True)


@contextmanager
def typed(url: sa.URL) -> Iterator[None]:
    """Turn what SQLAlchemy and its drivers raise into ResultsError ``results_unavailable``."""
    try:
        yield
    except (NoSuchModuleError, ModuleNotFoundError) as error:
        message = (
            f"{shown(url)}: its driver is not installed ({error}). For PostgreSQL: "
            'pip install "cvn-orchestrator[postgresql]".'
        )
        raise ResultsError("results_unavailable", message) from None
    except SQLAlchemyError as error:
        message = f"{shown(url)} cannot be used: {_cause(error, url)}."
        raise ResultsError("results_unavailable", message) from None


def persistently(work: Callable[[], T], patience_s: float) -> T:
    """Return what ``work`` returns; try again for a while where that can help.

    ``work`` must be a whole transaction. Patience begins with the first failure, however long
    that took to be noticed. Waits grow from 0.05 to 2 s, by chance up to half as long again, so
    that two who block one another part.
    """
    deadline, wait = None, _FIRST_S
    while True:
        try:
            return work()
        except DBAPIError as error:
            now = time.monotonic()
            deadline = now + patience_s if deadline is None else deadline
            if not transient(error) or now + wait > deadline:
                raise
        time.sleep(wait * random.uniform(1.0, 1.5))  # noqa: S311
        wait = min(2 * wait, _LONGEST_S)


def transient(error: DBAPIError) -> bool:
    """Return whether it is a lost connection, a deadlock, a serialisation failure or a lock."""
    cause = error.orig
    if isinstance(cause, sqlite3.Error):
        code = getattr(cause, "sqlite_errorcode", 0) & 0xFF
        return code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
    state = getattr(cause, "sqlstate", None)
    if error.connection_invalidated or state in (_SERIALISATION, _DEADLOCK):
        return True
    if state is None:  # the driver could not even connect
        return isinstance(error, OperationalError)
    return str(state).startswith(_CONNECTION)


def _cause(error: SQLAlchemyError, url: sa.URL) -> str:
    """Return what the driver said, on one line, without a password."""
    said = " ".join(str(getattr(error, "orig", None) or error).split()).rstrip(".")
    for secret in (url.password, url.query.get("password")):
        if isinstance(secret, str) and secret:
            for spelt in (secret, quote(secret), quote_plus(secret)):
                said = said.replace(spelt, "***")
    return said
