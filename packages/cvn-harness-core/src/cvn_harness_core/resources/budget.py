"""What this process tree may use."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from cvn_harness_core.contracts.checks import integer
from cvn_harness_core.errors import InputError
from cvn_harness_core.resources.cgroup import cpu_quota, memory_left
from cvn_harness_core.resources.proc import MEMINFO, STATUS, kernel_bytes
from cvn_harness_core.resources.size import bytes_of

THREADS, MEMORY = "CVN_THREADS", "CVN_MEMORY"


@dataclass(frozen=True)
class Budget:
    """What this process and its children may use from now on, all their fits together.

    Parameters
    ----------
    threads
        Threads that may run at once, at least 1.
    memory_bytes
        Bytes that may still be taken, above what is in use already; None if that is unknown.
    memory_source
        What decided ``memory_bytes``, or why it is unknown.

    Attributes
    ----------
    THREADS, MEMORY
        The environment variables that lower it.
    """

    THREADS: ClassVar[str] = THREADS
    MEMORY: ClassVar[str] = MEMORY

    threads: int
    memory_bytes: int | None
    memory_source: str

    @classmethod
    def current(cls, environ: Mapping[str, str] | None = None, *, root: Path = Path("/")) -> Budget:
        """Return the budget as it is now.

        Threads are the cores of this process (by affinity, and by the time that its control groups
        give, rounded up), or ``CVN_THREADS`` if that is fewer. Memory is the least of what the
        machine has available, what the control groups leave, and ``CVN_MEMORY`` (``8G``, powers of
        1024) less what this process holds. ``environ`` and ``root`` stand for the environment and
        the file system.

        Raises InputError ``setting_invalid`` for a variable that is no such figure.
        """
        environ = os.environ if environ is None else environ
        memory = free_memory(environ, root)
        return cls(_threads(environ, root), *memory)

    def share(self, processes: int) -> dict[str, str]:
        """Return the variables that give each of so many children an equal part of the budget.

        They are ``CVN_THREADS``, at least 1, and ``CVN_MEMORY``, left out where memory is unknown.
        More processes than threads are more than the budget allows: InputError
        ``setting_invalid``.
        """
        processes = integer("processes", processes, low=1, high=self.threads)
        share = {THREADS: str(self.threads // processes)}
        if self.memory_bytes is not None:
            share[MEMORY] = str(self.memory_bytes // processes)
        return share


def _threads(environ: Mapping[str, str], root: Path) -> int:
    from joblib import cpu_count

    cores, quota = int(cpu_count()), cpu_quota(root)
    if quota is not None:
        cores = min(cores, math.ceil(quota))
    return min(cores, _thread_cap(environ) or cores)


def free_memory(
    environ: Mapping[str, str] | None = None, root: Path = Path("/")
) -> tuple[int | None, str]:
    """Return ``memory_bytes`` and ``memory_source`` of the budget as it is now."""
    cap = _memory_cap(os.environ if environ is None else environ)
    held = kernel_bytes("VmRSS", STATUS, root)
    figures = (
        (kernel_bytes("MemAvailable", MEMINFO, root), "memory that the machine has available"),
        (memory_left(root), "what the control group leaves"),
        (
            None if cap is None else max(0, cap - (held or 0)),
            f"{MEMORY}, less what the process holds",
        ),
    )
    known: list[tuple[int | None, str]] = [
        (figure, source) for figure, source in figures if figure is not None
    ]
    return min(known, default=(None, f"the kernel does not tell it in /{MEMINFO}"))


def check_variables() -> None:
    """Raise InputError ``setting_invalid`` if a variable of the budget is no such figure."""
    _thread_cap(os.environ)
    _memory_cap(os.environ)


def _thread_cap(environ: Mapping[str, str]) -> int | None:
    given = environ.get(THREADS, "").strip()
    if not given:
        return None
    if not given.isdecimal() or int(given) < 1:
        message = f"{THREADS} is {given!r}; it must be a whole number of threads, 1 or more."
        raise InputError("setting_invalid", message)
    return int(given)


def _memory_cap(environ: Mapping[str, str]) -> int | None:
    given = environ.get(MEMORY, "").strip()
    if not given:
        return None
    try:
        size = bytes_of(given)
    except ValueError:
        size = 0
    if not size:
        message = f"{MEMORY} is {given!r}; it must be a size above 0, such as 500M or 8G."
        raise InputError("setting_invalid", message)
    return size
