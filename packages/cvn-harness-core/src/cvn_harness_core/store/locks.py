"""One lock a key, held by the kernel: it ends with its holder, however that ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from cvn_harness_core.store.layout import unwritable


@contextmanager
def hold(path: Path) -> Iterator[None]:
    """Hold the lock at ``path``, waiting for whoever has it.

    Raises StoreError ``store_unwritable`` where there can be no such lock: a read-only or full
    disk, or a file system without ``flock`` (a lock that only exists as a file is never used).
    """
    lock = _lock(path)
    try:
        lock.acquire()
    except OSError as error:
        raise unwritable(path, error) from error
    with lock_released(lock):
        yield


@contextmanager
def hold_if_free(path: Path) -> Iterator[bool]:
    """Hold the lock at ``path`` if nobody does, this thread included; yield whether it is held."""
    lock = _lock(path)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        yield False
        return
    except OSError as error:
        raise unwritable(path, error) from error
    with lock_released(lock):
        yield True


@contextmanager
def lock_released(lock: FileLock) -> Iterator[None]:
    """Release the lock at the end."""
    try:
        yield
    finally:
        lock.release()


def _lock(path: Path) -> FileLock:
    return FileLock(path, fallback_to_soft=False)
