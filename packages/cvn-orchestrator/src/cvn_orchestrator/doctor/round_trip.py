"""A small store of its own, written, locked, verified and deleted where the real one is."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

from cvn_harness_core import Store, StoreError, key_of

_BYTES = 1 << 16


def round_trip(folder: Path) -> float:
    """Keep an entry in a temporary store in ``folder``, read it back, delete all; return seconds.

    Raises OSError or StoreError for what failed: among others ``store_unwritable`` where the file
    system has no locks.
    """
    started = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix=".cvn-doctor-", dir=folder) as temporary:
        store = Store(Path(temporary) / "store")
        key, payload = key_of("doctor", {"process": os.getpid()}), os.urandom(_BYTES)
        store.put(key, {}, {"payload.bin": payload})
        back = store.get(key)
        if store.verify() or back is None or back.files["payload.bin"] != payload:
            message = f"{folder} does not give back what is written to it; use another disk."
            raise StoreError("store_unreadable", message)
        if store.gc(max_bytes=0).evicted != (key.digest,) or store.ls():
            message = f"nothing can be deleted in {folder}; use another disk."
            raise StoreError("store_unwritable", message)
    return time.perf_counter() - started
