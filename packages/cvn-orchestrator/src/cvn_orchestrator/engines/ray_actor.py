"""What runs in an actor of the engine ray: opens the work once, runs its tasks one after another.

It imports no Ray: Ray makes an actor of it.
"""

from __future__ import annotations

import faulthandler
import os
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from cvn_harness_core import Budget
from cvn_orchestrator.engines.contract import Ended, Run, Task, Work

STDOUT, STDERR = 1, 2
LAST_LINE = "cvn: an actor of the engine ray has ended"


@dataclass(frozen=True)
class Place:
    """Where the command was started, and what every machine must see there.

    Parameters
    ----------
    here
        The current folder, which relative paths are relative to.
    marks
        Files that were just written, one in each folder that is to be the same everywhere.
    """

    here: str
    marks: tuple[str, ...]

    @property
    def lacks(self) -> str | None:
        """What this machine does not see of it; None if it sees everything."""
        if not Path(self.here).is_dir():
            return f"{self.here} is not there"
        for mark in map(Path, self.marks):
            if not mark.parent.is_dir():
                return f"{mark.parent} is not there"
            if not mark.exists():
                return f"{mark.parent} is there, but is another folder"
        return None


class Slot:
    """One after another: ``begin``, any number of ``run``, ``end``."""

    def __init__(self, n_threads: int) -> None:
        sys.stdout.flush()
        os.dup2(STDERR, STDOUT)  # what a library prints is no output of ours
        faulthandler.enable()
        budget = Budget.current()  # of this machine, parted among as many as its cores allow
        share = budget.share(max(1, budget.threads // n_threads))
        os.environ.update(share | {"CVN_THREADS": str(n_threads)})
        self._stack = ExitStack()
        self._run: Run

    def begin(self, work: Work, place: Place) -> str | None:
        """Open the work; return what this machine lacks for it, or None."""
        if (lacks := place.lacks) is not None:
            return lacks
        os.chdir(place.here)
        self._run = self._stack.enter_context(work.open())
        return None

    def run(self, task: Task) -> Ended:
        """Run a task."""
        return self._run(task)

    def end(self) -> None:
        """Close the work, and write the last line to standard error."""
        self._stack.close()
        sys.stdout.flush()
        sys.stderr.write(f"{LAST_LINE}\n")
        sys.stderr.flush()
