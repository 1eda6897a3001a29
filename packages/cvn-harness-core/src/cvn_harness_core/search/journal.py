"""A journal file that survives a kill: a lock of the kernel's, and no torn last line."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

if TYPE_CHECKING:
    from optuna.storages import JournalStorage

_BLOCK = 1 << 16


def open_journal(path: str) -> JournalStorage:
    """Return Optuna's storage on a journal file.

    Optuna's own lock, a link beside the file, outlives its holder, and others wait 30 s for it. A
    line that a dead writer left unfinished makes the whole file unreadable once another is appended
    to it; it was never confirmed to anybody, and goes before anything is appended. Reading writes
    nothing. Raises OSError.
    """
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    return JournalStorage(JournalFileBackend(path, lock_obj=_Lock(path)))  # type: ignore[arg-type]


class _Lock:
    """A lock as Optuna's backend uses it around each writing, ended by the kernel with its holder.

    Whoever holds it finds a file of whole lines.
    """

    def __init__(self, path: str) -> None:
        self._path, self._lock = Path(path), FileLock(f"{path}.flock", fallback_to_soft=False)

    def acquire(self) -> bool:
        """Wait for the lock; True."""
        self._lock.acquire()
        try:
            _drop_torn_line(self._path)
        except BaseException:
            self._lock.release()
            raise
        return True

    def release(self) -> None:
        """Let others have it."""
        self._lock.release()


def _drop_torn_line(path: Path) -> None:
    with path.open("r+b") as file:
        size = end = file.seek(0, os.SEEK_END)
        if not end or os.pread(file.fileno(), 1, end - 1) == b"\n":
            return
        while end:
            start = max(0, end - _BLOCK)
            file.seek(start)
            found = file.read(end - start).rfind(b"\n")
            if found >= 0:
                end = start + found + 1
                break
            end = start
        if end < size:
            file.truncate(end)
            file.flush()
            os.fsync(file.fileno())
