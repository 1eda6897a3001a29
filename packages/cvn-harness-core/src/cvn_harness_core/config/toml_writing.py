"""Writing into a TOML file and leaving everything else in it as it is, comments included."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import tomlkit
from filelock import FileLock
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import Table

from cvn_harness_core.config.differences import to_write
from cvn_harness_core.config.toml import SEARCH, read_toml
from cvn_harness_core.contracts.config import ParamConfig
from cvn_harness_core.contracts.space import Choice, Range
from cvn_harness_core.errors import ParameterError
from cvn_harness_core.harness.layers import Spec, spellings
from cvn_harness_core.store.locks import lock_released


def write_toml(
    path: Path, spec: Spec, declared: ParamConfig, names: Sequence[str], *, overwrite: bool
) -> tuple[list[str], list[str]]:
    """Write what is not in the file, at once or not at all; make the file if there is none.

    Returns the names that were written, and those that stand there otherwise and were kept; with
    ``overwrite`` none is kept. Raises as ``read_toml``, and ``config_unreadable`` if the file
    cannot be written.
    """

    def compared() -> tuple[list[str], list[str]]:
        found = read_toml(path, spec, names) if path.exists() else ParamConfig()
        return to_write(found, declared, overwrite=overwrite)

    written, kept = compared()
    if not written:
        return written, kept
    try:
        with _alone(path.resolve()):
            written, kept = compared()  # another process may have written since
            document = (
                tomlkit.parse(path.read_text("utf-8")) if path.exists() else tomlkit.document()
            )
            entries = {**declared.values, **declared.space}
            _put(document, spec, {name: entries[name] for name in written})
            _replace(path, tomlkit.dumps(document))
    except (OSError, TOMLKitError) as error:
        message = f"{path} cannot be written: {getattr(error, 'strerror', None) or error}."
        raise ParameterError("config_unreadable", message) from error
    return written, kept


@contextmanager
def _alone(target: Path) -> Iterator[None]:
    """Keep other writers out between reading a file and replacing it, by a lock beside it.

    The lock's file is gone afterwards: it is deleted while it is held, and whoever waited for it
    sees that and takes the next one.
    """
    target.parent.stat()  # the lock would make a folder that is not there
    lock = FileLock(target.with_name(f".{target.name}.lock"), fallback_to_soft=False)
    lock.acquire()
    with lock_released(lock):
        try:
            yield
        finally:
            Path(lock.lock_file).unlink(missing_ok=True)


def _put(document: tomlkit.TOMLDocument, spec: Spec, entries: dict[str, Any]) -> None:
    table: Any = document.setdefault(spec.name, tomlkit.table())
    known = spellings(spec)
    for held in (table, table.get(SEARCH, {})):
        for spelling in [s for s in held if known.get(s) in entries]:
            del held[spelling]
    for name, entry in entries.items():
        if not isinstance(entry, Range | Choice):
            _add(table, name, entry)
    for name, entry in entries.items():
        if isinstance(entry, Range | Choice):
            if SEARCH not in table:
                table.append(SEARCH, tomlkit.table())
            _add(table[SEARCH], name, _inline(entry))


def _add(table: Table, name: str, value: Any) -> None:
    table[name] = list(value) if isinstance(value, tuple) else value


def _inline(dimension: Range | Choice) -> Any:
    entry = tomlkit.inline_table()
    if isinstance(dimension, Choice):
        entry["choices"] = [value for value in dimension.values if value is not None]
        if None in dimension.values:
            entry["unset"] = True
        return entry
    entry.update({"low": dimension.low, "high": dimension.high})
    if dimension.log:
        entry["log"] = True
    if dimension.step is not None:
        entry["step"] = dimension.step
    return entry


def _replace(path: Path, text: str) -> None:
    """Write a file whole; whoever reads it sees the old one or the new one."""
    target = path.resolve()
    descriptor, temporary = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(target.stat().st_mode & 0o777 if target.exists() else 0o644)
        Path(temporary).replace(target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
