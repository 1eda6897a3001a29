"""Ending a call on another thread that burns the processor, at its next step in Python."""

from __future__ import annotations

import threading
import time


class Interrupted(BaseException):
    """Raised within a call from outside."""


class Interruption:
    """One call, begun and ended by its thread, that another thread may interrupt in between.

    Python raises an exception in another thread wherever that happens to be. So the two agree:
    whoever holds ``_may`` decides. ``interrupt`` holds it for a moment and only while the call is
    under way; ``end`` takes it for good, so that nothing is raised in what follows.
    """

    def __init__(self) -> None:
        self._may = threading.Lock()
        self._thread: int | None = None
        self._clock: int | None = None
        self._began_s = 0.0
        self.was_asked_for = False

    def begin(self) -> None:
        """Note the thread that calls, and the processor time that it has used so far."""
        self._began_s = time.thread_time()
        self._thread = threading.get_ident()
        if hasattr(time, "pthread_getcpuclockid"):
            self._clock = time.pthread_getcpuclockid(self._thread)

    def end(self) -> None:
        """Be interrupted no more; one that was asked for before is raised here at the latest."""
        self._may.acquire()

    def used_s(self) -> float | None:
        """Return the processor time of the call; None before it, after its thread, or unknown."""
        if self._clock is None:
            return None
        try:
            return time.clock_gettime(self._clock) - self._began_s
        except OSError:  # the thread is gone
            return None

    def interrupt(self) -> bool:
        """Raise ``Interrupted`` in the call; return False if it has ended."""
        import ctypes

        if self.used_s() is None or not self._may.acquire(blocking=False):
            return False
        self.was_asked_for = True
        thread, error = ctypes.c_ulong(self._thread or 0), ctypes.py_object(Interrupted)
        n_threads = ctypes.pythonapi.PyThreadState_SetAsyncExc(thread, error)
        self._may.release()
        return bool(n_threads)
