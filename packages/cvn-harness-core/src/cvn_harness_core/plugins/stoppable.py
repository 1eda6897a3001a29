"""Calls on one thread that another may end, though nothing in them asks whether they should.

Python can raise an exception in another thread. It looks for one at some instructions only, so it
may strike later than where the thread was: behind ``lock.acquire()``, or where a ``finally`` begins
to give a lock back. A lock that is left taken hangs whoever wants it next. So it is raised only if
the thread stands at an instruction where Python looks for it at once, and nothing in the call, from
the outermost frame to the innermost, holds what it would have to give back.
"""

from __future__ import annotations

import opcode
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import CodeType, FrameType

_LOOKS = ("CALL", "PRECALL", "JUMP_BACKWARD", "POP_JUMP_BACKWARD")
"""Their names begin so; Python 3.11 calls some functions of C at PRECALL.

RESUME is left out: a function may begin that is to give a lock back.
"""
_ENTERS = frozenset(
    number for name, number in opcode.opmap.items() if name in ("BEFORE_WITH", "LOAD_SPECIAL")
)
_HOLDS = frozenset(
    ("acquire", "release", "enter_context", "__enter__", "__exit__", "__aenter__", "__aexit__")
)
_PACKAGES = frozenset(
    ("concurrent", "contextlib", "importlib", "multiprocessing", "queue", "threading")
)
"""Of which any step may be at a lock; in an import, a module would be left half made."""

_GIVES_UP_S = 0.001
_COMPUTES_S = 0.001


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
        """Call it; return what it raises, or ``Stopped`` if it was stopped, whatever it raised.

        (It may have made another exception of that one, or caught it.)
        """
        error: BaseException | None = None
        try:
            self._under_way = True
            try:
                function()
            except BaseException as raised:  # noqa: BLE001  a plugin may raise anything
                error = raised
            self._under_way = False
            _step()  # what was raised as the call ended strikes here at the latest
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
        """Raise ``Stopped`` in the call under way, if it computes and holds nothing.

        Returns whether that was done; if not, it may be possible later. The call may have caught it
        and gone on. Where Python has no lock that lets one thread run at a time, it is never done.
        """
        if not getattr(sys, "_is_gil_enabled", lambda: True)() or not self._computes():
            return False
        import ctypes

        raise_in = ctypes.pythonapi.PyThreadState_SetAsyncExc
        thread, error = ctypes.c_ulong(self._thread), ctypes.py_object(Stopped)
        # A thread that has just got hold of the interpreter keeps it for a switch interval, unless
        # the system takes the processor away from it in between: then the other may have moved.
        time.sleep(_GIVES_UP_S)
        until = time.perf_counter() + sys.getswitchinterval() / 4
        frame = sys._current_frames().get(self._thread)  # noqa: SLF001
        if frame is None:
            return False
        place = frame.f_lasti
        holds_nothing = self._under_way and _holds_nothing(frame, Stoppable.run.__code__)
        if holds_nothing and time.perf_counter() < until and frame.f_lasti == place:
            self._was_stopped = True
            raise_in(thread, error)
            return True
        return False

    def _computes(self) -> bool:
        """Return whether it used the processor since this was asked last."""
        before, self._seen_s = self._seen_s, self.used_s() or 0.0
        return self._seen_s - before > _COMPUTES_S


def _step() -> None:
    """Take a step in Python."""


def _holds_nothing(innermost: FrameType, outermost: CodeType) -> bool:
    """Return whether an exception would strike here, and find no lock that is to be given back."""
    instruction = opcode.opname[innermost.f_code.co_code[innermost.f_lasti]]
    frame: FrameType | None = innermost
    while frame is not None and frame.f_code is not outermost:
        if _may_hold(frame):
            return False
        frame = frame.f_back
    return frame is not None and instruction.startswith(_LOOKS)


def _may_hold(frame: FrameType) -> bool:
    code = frame.f_code
    package = str(frame.f_globals.get("__name__", "")).partition(".")[0]
    return (
        package in _PACKAGES
        or code.co_name in _HOLDS
        or not _HOLDS.isdisjoint(code.co_names)
        or not _ENTERS.isdisjoint(code.co_code[::2])
    )
