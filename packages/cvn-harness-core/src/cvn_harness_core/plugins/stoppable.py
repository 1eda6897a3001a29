"""Calls on one thread that another may end, though nothing in them asks whether they should.

Python can raise an exception in another thread: where that is, or if it is in a call into C, as
that returns. This is as harmless as any other exception, except where a lock has just been taken
that nobody would give back. So it is done only to a call that is computing, from a look at its
innermost frame that nothing can come between.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

LOCKING = frozenset(
    ("concurrent", "cvn_harness_core", "importlib", "multiprocessing", "queue", "threading")
)
"""Packages where any step may be at a lock."""

_GIVES_UP_S = 0.001


class Stopped(BaseException):
    """Raised within a call from another thread."""


class Stoppable:
    """Runs one call at a time, on the thread that begins it."""

    def __init__(self) -> None:
        self._thread = 0
        self._clock: int | None = None
        self._began_s = 0.0
        self._seen_s = 0.0
        self._under_way = self._was_stopped = False

    def begin(self) -> None:
        """Count processor time from here, on this thread."""
        self._thread = threading.get_ident()
        if hasattr(time, "pthread_getcpuclockid"):
            self._clock = time.pthread_getcpuclockid(self._thread)
        self._began_s, self._seen_s = time.thread_time(), 0.0
        self._was_stopped = False

    def run(self, function: Callable[[], object]) -> BaseException | None:
        """Call it; return what it raises, or ``Stopped`` if it was stopped, whatever it raised."""
        error: BaseException | None = None
        try:
            self._under_way = True
            try:
                function()
            except BaseException as raised:  # noqa: BLE001  a plugin may raise anything
                error = raised
            self._under_way = False
            _step()  # what was raised as the call ended is so here at the latest
        except Stopped:
            self._under_way = False
            with suppress(Stopped):
                _step()
        return Stopped() if self._was_stopped else error

    def used_s(self) -> float | None:
        """Return the processor time since it began; None if unknown, or its thread is gone."""
        if self._clock is None:
            return None
        try:
            return time.clock_gettime(self._clock) - self._began_s
        except OSError:  # the thread is gone
            return None

    def stop(self) -> bool:
        """Raise ``Stopped`` in the call under way; return whether that could be done now.

        It cannot be done while the call waits for something or is at a lock, nor where Python has
        no lock that lets one thread run at a time: try again then. Where it was done the call may
        have caught it and gone on.
        """
        if not getattr(sys, "_is_gil_enabled", lambda: True)() or not self._computes():
            return False
        import ctypes

        raise_in = ctypes.pythonapi.PyThreadState_SetAsyncExc
        thread, error = ctypes.c_ulong(self._thread), ctypes.py_object(Stopped)
        # A thread that gets hold of the interpreter keeps it for a switch interval, if it likes.
        time.sleep(_GIVES_UP_S)
        until = time.perf_counter() + sys.getswitchinterval() / 4
        frame = sys._current_frames().get(self._thread)  # noqa: SLF001
        harmless = self._under_way and not _at_lock(frame) and time.perf_counter() < until
        if harmless:
            self._was_stopped = True
            raise_in(thread, error)
        return harmless

    def _computes(self) -> bool:
        """Return whether it used the processor since this was asked last."""
        before, self._seen_s = self._seen_s, self.used_s() or 0.0
        return self._seen_s - before > _GIVES_UP_S


def _step() -> None:
    """Take a step in Python."""


def _at_lock(frame: FrameType | None) -> bool:
    """Return whether this step may be the one that takes a lock, or that is to give it back.

    Who takes one by hand calls ``acquire``. (logging has functions of that name, which call it.) A
    ``with`` statement takes it in one step, but for what ``__enter__`` does in Python.
    """
    if frame is None:
        return True
    package = str(frame.f_globals.get("__name__", "")).partition(".")[0]
    function = frame.f_code.co_name.lower()
    named = any(word in function for word in ("acquire", "release", "__enter__", "__exit__"))
    by_hand = "acquire" in frame.f_code.co_names and package != "logging"
    return named or by_hand or package in LOCKING
