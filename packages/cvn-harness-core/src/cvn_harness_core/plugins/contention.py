"""Threads that compute longer than their callers wait, and how trainings get past them.

Python lets a thread that computes keep its interpreter for 5 ms whenever another one wants it, and
a training wants it each time that a library comes back from native code: some hundred times a fit.
While such a thread is known, the interpreter changes hands 500 times as soon; and where the kernel
gives each thread a priority of its own, that thread has a lower one, for good: a process may not
raise it again. Neither takes anything away from a thread: it goes on, and releases what it holds.

Sources: "sys.setswitchinterval" in Python's documentation; setpriority(2), "C library/kernel
differences", of the Linux manual, on priorities of threads.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from contextlib import suppress

SWITCH_S = 1e-5
"""How long a thread keeps the interpreter that another one wants, while one computes too long."""
_ROUNDING_S = 5e-7  # it is kept in whole microseconds, cut off
NICENESS = 10
"""By how much the priority of a thread that computes too long is lowered: to a tenth of the weight.

Threads and processes that it starts have it, too. Less would hold up a training on a busy machine:
where such a thread has the interpreter, it must be given a core to let go of it.
"""


class _Contention:
    """Which threads compute too long, and the interval before the first of them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._late: set[threading.Thread] = set()
        self._usual: float | None = None  # while ours is in force

    def begin(self, thread: threading.Thread) -> None:
        with self._lock:
            self._late.add(thread)
            usual = sys.getswitchinterval()
            if self._usual is None and usual > SWITCH_S:
                self._usual = usual
                sys.setswitchinterval(SWITCH_S)

    def end(self, thread: threading.Thread) -> None:
        if thread not in self._late:
            return
        with self._lock:
            self._late.discard(thread)
            if not self._late:
                self._restore()

    def after_fork(self) -> None:
        """Forget the parent's threads, of which a child has none."""
        self._lock = threading.Lock()
        self._late.clear()
        self._restore()

    def _restore(self) -> None:
        """Set the interval as it was, unless somebody else has set it meanwhile."""
        if self._usual is not None and sys.getswitchinterval() <= SWITCH_S:
            sys.setswitchinterval(self._usual + _ROUNDING_S)
        self._usual = None


_CONTENTION = _Contention()
os.register_at_fork(after_in_child=_CONTENTION.after_fork)


def processor_s(thread: threading.Thread) -> float | None:
    """Return the processor time of a live thread in seconds; None where the system has no clock."""
    if not hasattr(time, "pthread_getcpuclockid") or thread.ident is None:
        return None
    with suppress(OSError):
        return time.clock_gettime(time.pthread_getcpuclockid(thread.ident))
    return None


def give_way(thread: threading.Thread) -> None:
    """Have a thread that computes too long hinder the others less, until ``caught_up``."""
    _CONTENTION.begin(thread)
    if sys.platform == "linux" and thread.native_id is not None:
        with suppress(OSError):
            lower = min(os.getpriority(os.PRIO_PROCESS, 0) + NICENESS, 19)  # than the caller's
            if os.getpriority(os.PRIO_PROCESS, thread.native_id) < lower:
                os.setpriority(os.PRIO_PROCESS, thread.native_id, lower)


def caught_up(thread: threading.Thread) -> None:
    """Note the end of a call; the interval is as it was if no other thread computes too long."""
    _CONTENTION.end(thread)
