"""Child processes that do not outlive this one. Imports nothing heavy."""

from __future__ import annotations

import ctypes
import signal

_PR_SET_PDEATHSIG = 1


def end_with_parent() -> None:
    """Have the kernel kill this process when the thread that began it ends, however it ends.

    Source: ``prctl(2)`` of the Linux manual, PR_SET_PDEATHSIG.
    """
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
