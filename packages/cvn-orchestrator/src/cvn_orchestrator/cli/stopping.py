"""Ctrl-C and SIGTERM during a sweep: once to finish the cells in hand, twice to stop now."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from cvn_orchestrator.cli.interrupt import STOPPING, exit_code, handled, say


class First:
    """Which signal came first, if one did."""

    def __init__(self) -> None:
        self.number: int | None = None

    @property
    def exit_code(self) -> int:
        """What a shell expects; without a signal, that of Ctrl-C."""
        return exit_code(self.number or signal.SIGINT)


@contextmanager
def stopping(ask: Callable[[], None], in_hand: str) -> Iterator[First]:
    """Call ``ask`` at the first signal, and raise KeyboardInterrupt at the second."""
    first = First()

    def note(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        if first.number is not None:
            raise KeyboardInterrupt
        first.number = number
        say(f"stopping after {in_hand}; again stops now")
        ask()

    with handled(STOPPING, note):
        yield first
