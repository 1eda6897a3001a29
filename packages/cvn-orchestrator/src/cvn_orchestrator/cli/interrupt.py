"""Ctrl-C between two fits instead of within one.

A KeyboardInterrupt that strikes while a library calls back into Python, as XGBoost does when it
reads its data, is swallowed there or brings the process down.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def postponed() -> Iterator[Callable[[], None]]:
    """Hold back the first Ctrl-C, and yield a function that raises KeyboardInterrupt if it came.

    A second Ctrl-C interrupts at once.
    """
    came = False

    def note(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        nonlocal came
        if came:
            raise KeyboardInterrupt
        came = True
        print("cvn: stopping after the fit in hand; Ctrl-C again stops now", file=sys.stderr)

    def check() -> None:
        if came:
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, note)
    try:
        yield check
    finally:
        signal.signal(signal.SIGINT, before)
