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

STOPPING = (signal.SIGINT, signal.SIGTERM)
"""What asks a search to stop, and to keep what it has."""


class Stopped(KeyboardInterrupt):
    """Work that a signal has asked to stop."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


def exit_code(number: int) -> int:
    """Return what a shell reports of a command that a signal ended."""
    return 128 + number


@contextmanager
def postponed(*numbers: signal.Signals) -> Iterator[Callable[[], None]]:
    """Hold back the first of these signals, and yield a function that raises Stopped if it came.

    It raises once: what ends after that may end in peace. A second signal interrupts at once.
    """
    came: list[int] = []
    raised = False

    def note(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        came.append(number)
        if len(came) > 1:
            raise Stopped(number)
        print("cvn: stopping after the fit in hand; Ctrl-C again stops now", file=sys.stderr)

    def check() -> None:
        nonlocal raised
        if came and not raised:
            raised = True
            raise Stopped(came[0])

    before = {number: signal.signal(number, note) for number in numbers}
    try:
        yield check
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
