"""What is deleted from a store, and when: the least recently used, and what the dead left behind.

Nothing is deleted without its key's lock, so nothing that is being written or read is. The lock is
the proof that a writer is dead: the kernel takes it from a process that ends.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cvn_harness_core.store.layout import Layout, unwritable
from cvn_harness_core.store.locks import hold_if_free


@dataclass(frozen=True)
class Used:
    """An entry's size, and when it was last used (nanoseconds since 1970)."""

    digest: str
    size_bytes: int
    used_ns: int


@dataclass(frozen=True)
class Collected:
    """What a collection did.

    Parameters
    ----------
    evicted
        The keys of the entries that were deleted, in that order.
    leftovers, quarantined
        How many unfinished and how many damaged folders were deleted.
    freed_bytes, kept_bytes
        The size of the entries that were deleted and of those that are left.
    in_use
        The keys of the entries that should have been deleted and were in use.
    """

    evicted: tuple[str, ...] = ()
    leftovers: int = 0
    quarantined: int = 0
    freed_bytes: int = 0
    kept_bytes: int = 0
    in_use: tuple[str, ...] = ()


def usage(layout: Layout) -> list[Used]:
    """Return all entries, the least recently used first."""
    found = [used for digest in layout.digests() if (used := _used(layout, digest)) is not None]
    return sorted(found, key=lambda used: (used.used_ns, used.digest))


def evict(layout: Layout, max_bytes: int, *, spare: Sequence[str] = ()) -> Collected:
    """Delete the least recently used entries until the rest have at most ``max_bytes``.

    An entry in use, or used since the list was made, is left; so are those in ``spare``.
    """
    entries = usage(layout)
    total = kept = sum(used.size_bytes for used in entries)
    evicted, in_use = [], []
    for used in entries:
        if kept <= max_bytes:
            break
        if used.digest in spare:
            continue
        if _delete(layout, used):
            evicted.append(used.digest)
            kept -= used.size_bytes
        else:
            in_use.append(used.digest)
    return Collected(
        evicted=tuple(evicted), freed_bytes=total - kept, kept_bytes=kept, in_use=tuple(in_use)
    )


def sweep_leftovers(layout: Layout) -> int:
    """Delete what was being written or deleted by processes that are dead; return how many."""
    deleted = 0
    for digest, path in list(layout.leftovers()):
        with hold_if_free(layout.lock(digest)) as held:
            if held and os.path.lexists(path):
                _remove(path)
                deleted += 1
    return deleted


def sweep_quarantine(layout: Layout) -> int:
    """Delete the damaged entries that were put aside; return how many."""
    found = list(layout.quarantine.iterdir()) if layout.quarantine.is_dir() else []
    for path in found:
        _remove(path)
    return len(found)


def sweep_locks(layout: Layout) -> None:
    """Delete the lock files of keys without an entry that nobody holds."""
    for digest in list(layout.locked()):
        if os.path.lexists(layout.entry(digest)):
            continue
        with hold_if_free(layout.lock(digest)) as held:
            # Whoever waits for this very file sees that it is gone and takes a new one.
            if held and not os.path.lexists(layout.entry(digest)):
                layout.lock(digest).unlink(missing_ok=True)


def _used(layout: Layout, digest: str) -> Used | None:
    path = layout.entry(digest)
    try:
        stamp = path.lstat().st_mtime_ns
        size = sum(p.lstat().st_size for p in path.iterdir()) if path.is_dir() else 0
    except FileNotFoundError:  # evicted meanwhile
        return None
    return Used(digest, size, stamp)


def _delete(layout: Layout, used: Used) -> bool:
    path = layout.entry(used.digest)
    with hold_if_free(layout.lock(used.digest)) as held:
        current = _used(layout, used.digest)
        if current is None:
            return True
        if not held or current.used_ns != used.used_ns:
            return False
        aside = path.with_name(f".{used.digest}.out-{secrets.token_hex(4)}")
        try:
            path.rename(aside)
        except OSError as error:
            raise unwritable(layout.root, error) from error
        _remove(aside)
    return True


def _remove(path: Path) -> None:
    while os.path.lexists(path):
        try:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
        except FileNotFoundError:  # somebody else is deleting it too
            continue
        except OSError as error:
            raise unwritable(path, error) from error
