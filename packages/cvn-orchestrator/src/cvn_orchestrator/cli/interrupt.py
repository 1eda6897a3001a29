"""Ctrl-C between two fits instead of within one.

A KeyboardInterrupt that strikes while a library calls back into Python, as XGBoost does when it
reads its data, is swallowed there or brings the process down.
"""

from __future__ import annotations

import os
import signal
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


class Postponed:
    """A signal that is held back until somebody asks for it."""

    def __init__(self) -> None:
        self._came: list[int] = []
        self._raised = False

    def note(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        """Note that it came; interrupt at once if that was before."""
        self._came.append(number)
        if len(self._came) > 1:
            raise Stopped(number)
        say("stopping after the fit in hand; Ctrl-C again stops now")

    def wanted(self) -> bool:
        """Return whether it came."""
        return bool(self._came)

    def check(self) -> None:
        """Raise Stopped if it came; once: what ends after that may end in peace."""
        if self._came and not self._raised:
            self._raised = True
            raise Stopped(self._came[0])


def say(text: str) -> None:
    """Write a line to standard error from a signal's handler: a print may be under way."""
    os.write(2, f"cvn: {text}\n".encode())


@contextmanager
def postponed(*numbers: signal.Signals) -> Iterator[Postponed]:
    """Hold back the first of these signals while this block runs; a second interrupts at once."""
    stop = Postponed()
    with handled(numbers, stop.note):
        yield stop


@contextmanager
def handled(numbers: Iterable[signal.Signals], handler: Handler) -> Iterator[None]:
    """Let these signals go to a handler while this block runs."""
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)
