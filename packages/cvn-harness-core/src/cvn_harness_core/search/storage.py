"""Where a study's trials are kept: memory, a journal file, or a database."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from cvn_harness_core.errors import HarnessError, PluginDependencyError, SearchError

if TYPE_CHECKING:
    from optuna.storages import BaseStorage

JOURNAL = ".journal"

_TRIED_AGAIN_S = (0.1, 0.2, 0.4, 0.8, 1.6)


def open_storage(url: str | None, *, must_exist: bool = False) -> BaseStorage:
    """Return Optuna's storage, made if it is not there, unless it must exist.

    Raises
    ------
    SearchError
        ``storage_unavailable`` if it cannot be opened, or is not there. A password is never shown.
    PluginDependencyError
        ``plugin_dependency_missing`` without Optuna.
    """
    require_optuna()
    with storage_errors(url):
        file = None if url is None else file_of(url)
        if file is not None and not (file.is_file() if must_exist else file.parent.is_dir()):
            message = "there is no such file" if must_exist else f"there is no folder {file.parent}"
            raise FileNotFoundError(message)
        if url is None:
            from optuna.storages import InMemoryStorage

            return InMemoryStorage()
        if url.endswith(JOURNAL):
            from cvn_harness_core.search.journal import open_journal

            return open_journal(url)
        return _database(url, must_exist=must_exist)


def _database(url: str, *, must_exist: bool) -> BaseStorage:
    """Return Optuna's storage in a database; who makes its tables beside another tries again."""
    from optuna.storages import RDBStorage
    from sqlalchemy.exc import IntegrityError, OperationalError, ProgrammingError

    from cvn_harness_core.database import patience, url_of

    arguments = {"connect_args": patience(url_of(url))}
    for wait_s in (*_TRIED_AGAIN_S, None):
        try:
            return RDBStorage(url, arguments, skip_table_creation=must_exist)
        except (IntegrityError, OperationalError, ProgrammingError) as error:
            raced = not isinstance(error, OperationalError) or "already exists" in str(error)
            if wait_s is None or not raced:
                raise
            time.sleep(wait_s)
    raise AssertionError


def file_of(url: str) -> Path | None:
    """Return the file that a storage is; None for a database elsewhere.

    Raises SearchError ``storage_unavailable`` for what is no storage.
    """
    from sqlalchemy.exc import ArgumentError

    from cvn_harness_core.database import sqlite_file, url_of

    with storage_errors(url):
        if url.endswith(JOURNAL) and "\0" not in url:
            return Path(url)
        found = url_of(url)
        file = sqlite_file(found)
        if file is None and found.get_backend_name() == "sqlite":
            message = "SQLite needs the path of a file; None keeps trials in memory"
            raise ArgumentError(message)
        return file


def close_storage(storage: BaseStorage) -> None:
    """Close the connections of a database; nothing of another storage."""
    from optuna.storages import RDBStorage

    if isinstance(storage, RDBStorage):
        storage.remove_session()
        storage.engine.dispose()


@contextmanager
def storage_errors(url: str | None) -> Iterator[None]:
    """Turn what a storage raises while it is used into SearchError ``storage_unavailable``."""
    from optuna.exceptions import OptunaError
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except HarnessError:
        raise
    # What is no journal is a ValueError, KeyError or TypeError, another Optuna's a RuntimeError.
    except (
        SQLAlchemyError,
        OptunaError,
        ImportError,
        OSError,
        ValueError,
        KeyError,
        TypeError,
        RuntimeError,
    ) as error:
        if url is None:
            raise
        reason = _without_secrets(str(error.__cause__ or error).partition("\n")[0], url)
        message = (
            f"the storage {shown(url)} cannot be used ({type(error).__name__}: {reason}). Give a "
            f"URL such as sqlite:///hpo.db or postgresql+psycopg://user@host/name, or a path that "
            f"ends in {JOURNAL}. What was told to it is kept."
        )
        raise SearchError("storage_unavailable", message) from None


def shown(url: str | None) -> str | None:
    """Return a URL without its password, and without its query."""
    if url is None or url.endswith(JOURNAL):
        return url
    from sqlalchemy.exc import ArgumentError

    from cvn_harness_core.database import shown, url_of

    try:
        return shown(url_of(url))
    except ArgumentError:
        return "(no URL)"


def _without_secrets(said: str, url: str) -> str:
    from sqlalchemy.exc import ArgumentError

    from cvn_harness_core.database import url_of, without_secrets

    said = said.replace(url, shown(url) or "") if url else said
    try:
        return said if url.endswith(JOURNAL) else without_secrets(said, url_of(url))
    except ArgumentError:
        return said


def require_optuna() -> None:
    """Raise PluginDependencyError if Optuna is not installed."""
    try:
        import optuna  # noqa: F401
    except ImportError as error:
        message = 'a search needs Optuna: pip install "cvn-harness-core[search]".'
        raise PluginDependencyError("plugin_dependency_missing", message) from error


@contextmanager
def quiet_optuna() -> Iterator[None]:
    """Keep Optuna from writing a line per trial: the events say it."""
    from optuna import logging

    before = logging.get_verbosity()
    logging.set_verbosity(logging.WARNING)
    try:
        yield
    finally:
        logging.set_verbosity(before)
