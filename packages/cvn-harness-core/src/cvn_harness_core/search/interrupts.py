"""Ctrl-C held back while a library may be calling back into Python, which cannot take it there."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


class _Note:
    """A handler of SIGINT that notes the first and raises the second."""

    def __init__(self) -> None:
        self._came = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if self._came:
            signal.default_int_handler(number, frame)
        self._came = True

    def came(self) -> bool:
        return self._came


@contextmanager
def held_back() -> Iterator[Callable[[], bool]]:
    """Hold back the first SIGINT while this block runs; a second is raised at once.

    Yields what tells whether one came. A block within another tells of the other's. Nothing is held
    back on another thread than the main one, or where somebody else has a say in SIGINT: it says no
    then.
    """
    handler = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
    elif isinstance(handler, _Note):
        yield handler.came
    elif handler is not signal.default_int_handler:
        yield lambda: False
    else:
        note = _Note()
        signal.signal(signal.SIGINT, note)
        try:
            yield note.came
        finally:
            if signal.getsignal(signal.SIGINT) is note:
                signal.signal(signal.SIGINT, handler)
