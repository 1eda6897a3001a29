"""A search in a process of its own, begun again when that dies: a crash costs a trial, not the run.

A library can end its process (out of memory, an abort, a segmentation fault). What was told to the
study's storage is there when the command is begun again; the trial that was under way is tried once
more, alone, and counts as failed (``process_died``) if that dies, too. Only deaths that this
process sees count: it names itself to the child (``CVN_SUPERVISOR``), and attempts are kept by that
name.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import uuid
from types import FrameType

from cvn_orchestrator.children import end_with_parent
from cvn_orchestrator.cli.answer import descriptor_of
from cvn_orchestrator.cli.interrupt import STOPPING, exit_code, handled
from cvn_orchestrator.cli.storage import storage_of

EXIT_FAILED = 1
_DEATHS = 2
"""Deaths in a row without a trial finished in between: a third would be for another reason."""


def supervised(arguments: argparse.Namespace) -> int:
    """Run the same command line in a child until it ends by itself; return its exit code.

    After Ctrl-C or SIGTERM nothing is begun again: 130 or 143 if the child died of it.
    """
    command = [sys.executable, "-P", "-m", "cvn_orchestrator.cli", *arguments.argv, "--in-process"]
    name, finished, deaths = uuid.uuid4().hex, -1, 0
    signals, output = _Signals(), descriptor_of(arguments.answer)
    with handled(STOPPING, signals.note):
        while _died(code := signals.run(command, {**os.environ, "CVN_SUPERVISOR": name}, output)):
            asked = signals.came or (-code if -code in STOPPING else None)
            if asked is not None:
                return exit_code(asked)
            now = _finished_trials(storage_of(arguments), name)
            deaths = 1 if now > finished else deaths + 1
            finished = max(now, finished)
            died = f"cvn: the process of the search died ({_how(code)})"
            if deaths > _DEATHS:
                print(f"{died} outside a trial, {deaths} times", file=sys.stderr)
                return EXIT_FAILED
            print(f"{died}; it goes on, {now} trials done by this command", file=sys.stderr)
    return code


def _died(code: int) -> bool:
    """Return whether a child ended otherwise than by its own answer.

    That is a signal (negative), what a launcher makes of one (128 + its number), and what the
    loader exits with where it cannot provide what a library asks for late (127).
    """
    return code < 0 or (code >= 127 and code not in map(exit_code, STOPPING))


def _how(code: int) -> str:
    number = -code if code < 0 else code - 128
    known = number in {each.value for each in signal.Signals}
    return signal.Signals(number).name if known else f"exit {code}"


def _finished_trials(storage: str | None, supervisor: str) -> int:
    from cvn_harness_core import SearchError, count_trials

    assert storage is not None
    try:
        return count_trials(storage, supervisor=supervisor)
    except SearchError:  # it may not be there yet; the child says what is wrong with it
        return 0


class _Signals:
    """Ctrl-C and SIGTERM, noted, and passed on to the child that runs, if one does."""

    def __init__(self) -> None:
        self.came: int | None = None
        self._child: subprocess.Popen[bytes] | None = None

    def run(self, command: list[str], environment: dict[str, str], output: int | None) -> int:
        """Run a child that is no member of the terminal's process group, and that ends with us."""
        with subprocess.Popen(  # noqa: S603
            command,
            env=environment,
            stdout=output,
            process_group=0,
            preexec_fn=end_with_parent,  # noqa: PLW1509
        ) as self._child:
            if self.came is not None:  # while there was no child yet to pass it on to
                self._child.send_signal(self.came)
            return self._child.wait()

    def note(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        """Remember a signal, and pass it on."""
        self.came = number
        if self._child is not None:
            self._child.send_signal(number)
