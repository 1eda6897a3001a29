"""A look at a store: how many entries, whether some are sound, whether it can be written.

Nothing is locked or changed, and no more is read than is quick. ``Store.verify`` reads all, and
holds the lock of each entry, which may mean to wait for a fit.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from pathlib import Path

from cvn_harness_core.errors import BundleError, StoreError
from cvn_harness_core.store import entry
from cvn_harness_core.store.layout import Layout, is_there

MOST_BYTES, MOST_SECONDS = 64 << 20, 0.3


@dataclass
class StoreSurvey:
    """What is in a store.

    Parameters
    ----------
    n_entries, n_read
        How many entries there are, and how many of them were read.
    damaged
        What is wrong with entries that were read, by their digests.
    unreadable
        What the system said of entries that it did not let be read; they may be sound.
    n_quarantined
        Damaged entries that were put aside earlier.
    closed
        Folders of the store that this process must not write to.
    """

    n_entries: int
    n_read: int = 0
    damaged: dict[str, str] = field(default_factory=dict)
    unreadable: list[str] = field(default_factory=list)
    n_quarantined: int = 0
    closed: tuple[str, ...] = ()


def survey_store(
    path: str | Path, *, most_bytes: int = MOST_BYTES, most_seconds: float = MOST_SECONDS
) -> StoreSurvey | None:
    """Return what is in the store at ``path``; None where there is none yet.

    Entries are read in the order of their digests, which is no order, until it is enough. One that
    is larger than what may still be read is passed over, and one that goes away meanwhile is not
    damaged.

    Parameters
    ----------
    path
        The store's folder.
    most_bytes, most_seconds
        How much may be read, and for how long.

    Raises
    ------
    StoreError
        ``store_invalid`` if the folder holds something else, ``store_unreadable`` if the system
        does not let it be listed.
    """
    layout = Layout(Path(path))
    if not layout.exists():
        return None
    digests, deadline = layout.digests(), time.monotonic() + most_seconds
    found = StoreSurvey(
        len(digests), n_quarantined=_n_in(layout.quarantine), closed=_closed(layout)
    )
    for digest in digests:
        size = _size(layout.entry(digest))
        if size > most_bytes:
            continue
        if time.monotonic() > deadline:
            break
        most_bytes -= size
        _read(layout, digest, found)
    return found


def _read(layout: Layout, digest: str, found: StoreSurvey) -> None:
    try:
        entry.read(layout.entry(digest))
    except BundleError as error:
        if not is_there(layout.entry(digest)):
            return
        found.damaged[digest] = str(error)
    except StoreError as error:
        found.unreadable.append(str(error))
    found.n_read += 1


def _closed(layout: Layout) -> tuple[str, ...]:
    folders = (layout.root / "entries", layout.root / "locks", layout.quarantine)
    return tuple(f.name for f in folders if f.exists() and not os.access(f, os.W_OK | os.X_OK))


def _n_in(folder: Path) -> int:
    try:
        return sum(1 for _ in folder.iterdir())
    except OSError:
        return 0  # it is not there, or ``closed`` says so


def _size(path: Path) -> int:
    try:
        return sum(file.lstat().st_size for file in path.iterdir())
    except OSError:
        return 0  # reading it says why
