"""Where a study's trials are kept: memory, a journal file, or a database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from cvn_harness_core.errors import PluginDependencyError, SearchError

if TYPE_CHECKING:
    from optuna.storages import BaseStorage

JOURNAL = ".journal"


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
        if must_exist and file is not None and not file.is_file():
            message = "there is no such file"
            raise FileNotFoundError(message)
        if url is None:
            from optuna.storages import InMemoryStorage

            return InMemoryStorage()
        if url.endswith(JOURNAL):
            from cvn_harness_core.search.journal import open_journal

            return open_journal(url)
        from optuna.storages import RDBStorage

        from cvn_harness_core.database import patience, url_of

        arguments = {"connect_args": patience(url_of(url))}
        return RDBStorage(url, arguments, skip_table_creation=must_exist)


def file_of(url: str) -> Path | None:
    """Return the file that a storage is; None for a database elsewhere.

    Raises SearchError ``storage_unavailable`` for what is no storage.
    """
    from cvn_harness_core.database import sqlite_file, url_of

    with storage_errors(url):
        if url.endswith(JOURNAL) and "\0" not in url:
            return Path(url)
        return sqlite_file(url_of(url))


def close_storage(storage: BaseStorage) -> None:
    """Close the connections of a database; nothing of another storage."""
    from optuna.storages import RDBStorage

    if isinstance(storage, RDBStorage):
        storage.remove_session()
        storage.engine.dispose()


@contextmanager
def storage_errors(url: str | None) -> Iterator[None]:
    """Turn what a storage raises while it is used into SearchError ``storage_unavailable``."""
    from optuna.exceptions import StorageInternalError
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (SQLAlchemyError, StorageInternalError, ImportError, OSError) as error:
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

    said = said.replace(url, shown(url) or "")
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
