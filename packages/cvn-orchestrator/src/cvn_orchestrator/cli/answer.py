"""Where a command's answer goes: to standard output, which for programs holds nothing else."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from typing import TextIO

_STDOUT, _STDERR = 1, 2


def is_for_programs(arguments: argparse.Namespace) -> bool:
    """Return whether what a command prints is data, as JSON and CSV are."""
    given = vars(arguments)
    return bool(given.get("json") or given.get("format") or given.get("for_programs"))


@contextmanager
def answering(*, for_programs: bool, to_the_end: bool) -> Iterator[TextIO]:
    """Give the stream for the answer.

    For programs it alone leads to standard output: what anything else prints, as plugins and their
    libraries do, goes to standard error while this block runs, or ``to_the_end`` of the process, at
    which observers may print.
    """
    given = sys.stdout or io.StringIO()  # there is none where descriptor 1 is closed
    if not for_programs:
        yield given
        return
    if descriptor_of(given) != _STDOUT or descriptor_of(sys.stderr) is None:
        with redirect_stdout(sys.stderr):
            yield given
        return
    given.flush()
    own = os.fdopen(os.dup(_STDOUT), "w", encoding=given.encoding, errors=given.errors)
    os.dup2(_STDERR, _STDOUT)
    try:
        with redirect_stdout(sys.stderr):
            yield own
    finally:
        if not to_the_end:
            with suppress(OSError):  # what a plugin wrote to the stream itself is no answer
                given.flush()
            os.dup2(own.fileno(), _STDOUT)
        with suppress(OSError):  # of a full disk, which was told
            own.close()


def descriptor_of(stream: TextIO) -> int | None:
    """Return a stream's file descriptor; None if it has none, as one in memory."""
    try:
        return stream.fileno()
    except (AttributeError, OSError, ValueError):
        return None
