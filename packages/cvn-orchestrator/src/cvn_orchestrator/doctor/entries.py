"""Some of a store's entries, read to see whether they are sound: as many as are quickly read.

`cvn store verify` reads all, and holds the lock of each, which may mean to wait for a fit.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

from cvn_harness_core import BundleError, StoreError
from cvn_harness_core.store import entry
from cvn_harness_core.store.layout import Layout, is_there

MOST_BYTES, MOST_SECONDS = 64 << 20, 0.3


@dataclass
class Read:
    """How many entries there are, how many were read, and what is wrong with them, by digest."""

    n_entries: int
    n_read: int = 0
    damaged: dict[str, str] = field(default_factory=dict)
    unreadable: list[str] = field(default_factory=list)


def read_some(
    layout: Layout, most_bytes: int = MOST_BYTES, most_seconds: float = MOST_SECONDS
) -> Read:
    """Read entries in the order of their digests, which is no order, until it is enough.

    Locks and changes nothing: an entry that goes away meanwhile is not damaged. One that is
    larger than what may still be read is passed over.
    """
    digests, deadline = layout.digests(), time.monotonic() + most_seconds
    read = Read(len(digests))
    for digest in digests:
        path = layout.entry(digest)
        size = _size(path)
        if size > most_bytes:
            continue
        if time.monotonic() > deadline:
            break
        most_bytes -= size
        try:
            entry.read(path)
        except BundleError as error:
            if not is_there(path):
                continue
            read.damaged[digest] = str(error)
        except StoreError as error:
            read.unreadable.append(str(error))
        read.n_read += 1
    return read


def _size(path: Path) -> int:
    try:
        return sum(file.lstat().st_size for file in path.iterdir())
    except OSError:
        return 0  # reading it says why
