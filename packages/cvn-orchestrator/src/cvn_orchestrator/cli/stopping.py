"""Ctrl-C and SIGTERM during a sweep: once to finish the cells in hand, twice to stop now."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from cvn_orchestrator.cli.interrupt import STOPPING, exit_code


class Stopped:
    """Which signal came first, if one did."""

    def __init__(self) -> None:
        self.number: int | None = None

    @property
    def exit_code(self) -> int:
        """What a shell expects; without a signal, that of Ctrl-C."""
        return exit_code(self.number or signal.SIGINT)


@contextmanager
def stopping(ask: Callable[[], None], in_hand: str) -> Iterator[Stopped]:
    """Call ``ask`` at the first signal, and raise KeyboardInterrupt at the second."""
    stopped = Stopped()

    def note(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        if stopped.number is not None:
            raise KeyboardInterrupt
        stopped.number = number
        print(f"cvn: stopping after {in_hand}; again stops now", file=sys.stderr)
        ask()

    before = [signal.signal(number, note) for number in STOPPING]
    try:
        yield stopped
    finally:
        for number, handler in zip(STOPPING, before, strict=True):
            signal.signal(number, handler)
