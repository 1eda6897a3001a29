"""A search in a process of its own, begun again when that dies: a crash costs a trial, not the run.

A library can end its process (out of memory, an abort, a segmentation fault). What was told to the
study's storage is there when the command is begun again; the trial that was under way is tried once
more, alone, and counts as failed (``process_died``) if that dies, too.
"""

from __future__ import annotations

import argparse
import ctypes
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from cvn_orchestrator.cli.storage import storage_of

EXIT_FAILED = 1
_PR_SET_PDEATHSIG = 1
_DEATHS = 2
"""Deaths in a row without a trial finished in between: a third would be for another reason."""


def supervised(arguments: argparse.Namespace) -> int:
    """Run the same command line in a child until it ends by itself; return its exit code."""
    command = [sys.executable, "-m", "cvn_orchestrator.cli", *arguments.argv, "--in-process"]
    finished, deaths = -1, 0
    while (code := _run(command)) < 0:
        now = _finished_trials(storage_of(arguments))
        deaths = deaths + 1 if now == finished else 1
        finished = now
        died = f"cvn: the process of the search died ({signal.Signals(-code).name})"
        if deaths > _DEATHS:
            print(f"{died} outside a trial, {deaths} times", file=sys.stderr)
            return EXIT_FAILED
        print(f"{died}; it goes on with {now} finished trials", file=sys.stderr)
    return code


def _finished_trials(storage: str | None) -> int:
    from cvn_harness_core import count_trials

    assert storage is not None
    return count_trials(storage)


def _run(command: list[str]) -> int:
    """Run a child that gets our signals once each, and that ends with us."""
    started = subprocess.Popen(  # noqa: S603
        command,
        process_group=0,
        preexec_fn=_end_with_parent,  # noqa: PLW1509
    )
    with started as child, _forwarded(child):
        return child.wait()


def _end_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


@contextmanager
def _forwarded(child: subprocess.Popen[bytes]) -> Iterator[None]:
    """Pass Ctrl-C and SIGTERM on: the child is no member of the terminal's process group."""

    def forward(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        child.send_signal(number)

    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, forward) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
