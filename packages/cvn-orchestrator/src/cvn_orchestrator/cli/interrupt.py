"""Ctrl-C between two fits instead of within one.

A KeyboardInterrupt that strikes while a library calls back into Python, as XGBoost does when it
reads its data, is swallowed there or brings the process down.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import FrameType

Handler = Callable[[int, FrameType | None], None]

STOPPING = (signal.SIGINT, signal.SIGTERM)
"""What asks a search or a sweep to stop, and to keep what it has."""


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

    with handled(numbers, note):
        yield check


@contextmanager
def handled(numbers: Iterable[signal.Signals], handler: Handler) -> Iterator[None]:
    """Let these signals go to a handler while this block runs."""
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)
