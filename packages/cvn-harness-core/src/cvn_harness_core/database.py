"""The URL of a database: what may be shown of it, where its file is, how long it is waited for."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError

_LOST_AFTER = {
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,  # milliseconds
}
_WITH_PATIENCE = {"psycopg", "psycopg2"}  # which are of libpq


def url_of(text: str) -> sa.URL:
    """Return the URL; raise ArgumentError, which shows nothing of it, if it cannot be read."""
    with suppress(ArgumentError, ValueError):
        if "\0" not in text:
            return sa.make_url(text)
    message = (
        "the URL of the database cannot be read; it is like sqlite:///hpo.db or "
        "postgresql+psycopg://user@host/name."
    )
    raise ArgumentError(message)


def shown(url: sa.URL) -> str:
    """Return the URL without its password, and without its query, which may have one, too."""
    return url.set(query={}).render_as_string(hide_password=True)


def sqlite_file(url: sa.URL) -> Path | None:
    """Return the file of an SQLite database; None for another one, and for one in memory."""
    file = (url.database or "") if url.get_backend_name() == "sqlite" else ""
    return None if not file or file.startswith((":memory:", "file:")) else Path(file)


def patience(url: sa.URL) -> dict[str, Any]:
    """Return the arguments of the driver that have it give up a server which is not heard of.

    It waits 10 s for a connection, and a minute at most for one that was lost without a word.
    """
    if url.get_driver_name() not in _WITH_PATIENCE:
        return {}
    return {name: value for name, value in _LOST_AFTER.items() if name not in url.query}


def without_secrets(said: str, url: sa.URL) -> str:
    """Return what a driver said, on one line, without a password."""
    said = " ".join(said.split()).rstrip(".")
    for secret in (url.password, *(v for k, v in url.query.items() if "password" in k)):
        if isinstance(secret, str) and secret:
            for spelt in (secret, quote(secret), quote_plus(secret)):
                said = said.replace(spelt, "***")
    return said
