"""How many cores some work keeps busy, and how many there are to be had just now."""

from __future__ import annotations

import hashlib
import math
import threading
import time
from collections.abc import Callable

WINDOW_S = 0.3
"""How long work is looked at, in seconds."""

MUST_BE_FREE = 1.6
"""Cores that two threads must get for a second one to show."""

_BLOCK = bytes(1 << 20)


def cores_kept_busy(work: Callable[[], object]) -> float:
    """Return processor time over elapsed time of some work, at least: the least of three tries."""
    least = math.inf
    for _ in range(3):
        least = min(least, _busy(work))
        if least < 1.3:
            break
    return least


def two_cores_free() -> float:
    """Return how many cores two busy threads get: less than two where other work is going on."""
    stop = threading.Event()

    def hash_on() -> None:
        while not stop.is_set():
            hashlib.sha256(_BLOCK)  # without Python's lock

    threads = [threading.Thread(target=hash_on) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        return _busy(lambda: time.sleep(WINDOW_S))
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def _busy(work: Callable[[], object]) -> float:
    wall, processor = time.perf_counter(), time.process_time()
    while time.perf_counter() - wall < WINDOW_S:
        work()
    return (time.process_time() - processor) / (time.perf_counter() - wall)
