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
NICENESS = 10
"""The lower priority of a thread that computes too long: a tenth of the others' weight.

Less would hold up a training on a busy machine: where such a thread has the interpreter, it must be
given a core to let go of it.
"""


class _Contention:
    """Which threads compute too long, and the interval before the first of them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._late: set[threading.Thread] = set()
        self._usual = sys.getswitchinterval()

    def begin(self, thread: threading.Thread) -> None:
        with self._lock:
            if not self._late:
                self._usual = sys.getswitchinterval()
                sys.setswitchinterval(min(SWITCH_S, self._usual))
            self._late.add(thread)

    def end(self, thread: threading.Thread) -> None:
        with self._lock:
            if thread in self._late:
                self._late.remove(thread)
                if not self._late:
                    sys.setswitchinterval(self._usual)

    def after_fork(self) -> None:
        """Forget the parent's threads, of which a child has none."""
        self._lock = threading.Lock()
        for thread in tuple(self._late):
            self.end(thread)


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
            nice = os.getpriority(os.PRIO_PROCESS, thread.native_id)
            if nice < NICENESS:
                os.setpriority(os.PRIO_PROCESS, thread.native_id, NICENESS)


def caught_up(thread: threading.Thread) -> None:
    """Leave the interpreter's interval as it was, if no other thread computes too long."""
    _CONTENTION.end(thread)
