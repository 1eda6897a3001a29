"""Work that needs more memory than there is: recognised afterwards, or refused in time."""

from __future__ import annotations

import errno
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from cvn_harness_core.resources.proc import STATUS, kernel_bytes
from cvn_harness_core.said import said

_SAID = re.compile(
    r"\bbad_m?alloc\b|\b(?:failed|unable) to allocate\b|\bcannot allocate memory\b"
    r"|\bout of memory\b|\bmemory allocation\b.*\bfailed\b",
    re.IGNORECASE,
)
"""What C++ and the libraries say; ``docs/resources.md`` lists who says what."""


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an exception, or one that led to it, says that memory ran out.

    That is a MemoryError (NumPy's included), the system's ENOMEM, or what XGBoost, LightGBM and
    CatBoost make of a refused allocation. Causes, contexts that a traceback would show, and the
    members of groups are searched.
    """
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        if isinstance(one, MemoryError) or _says_so(one):
            return True
        waiting += [one.__cause__, None if one.__suppress_context__ else one.__context__]
        if isinstance(one, BaseExceptionGroup):
            waiting += one.exceptions
    return False


def _says_so(error: BaseException) -> bool:
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    return isinstance(error, Exception) and _SAID.search(said(error)) is not None


@contextmanager
def memory_limited(growth_bytes: int | None) -> Iterator[None]:
    """Let this process allocate no more than ``growth_bytes`` above what it has; None: no limit.

    An allocation beyond it is refused at once, as MemoryError or as the library has it, before
    the kernel ends the process. The limit is the soft ``RLIMIT_DATA``: memory that is written to
    and not shared, the stacks of threads included; files that are mapped to be read do not count.
    A stricter limit of the caller's stays.

    The limit is the whole process's. Blocks may overlap in threads; the least of their limits
    holds. **LightGBM and CatBoost end the process, or hang, at some refused allocations**
    (``docs/resources.md``): use this in a process that may die, whose parent sets a time limit.
    """
    if growth_bytes is None:
        yield
        return
    in_use = kernel_bytes("VmData", STATUS)
    if in_use is None:
        message = f"the kernel does not tell VmData in /{STATUS}, so that nothing can be limited"
        raise OSError(errno.ENOSYS, message)
    token = _LIMIT.tighten(in_use + growth_bytes)
    try:
        yield
    finally:
        _LIMIT.release(token)


class _Limit:
    """The soft RLIMIT_DATA of this process: the least of what holders and the caller set."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: dict[object, int] = {}
        self._before = 0

    def tighten(self, limit: int) -> object:
        import resource

        token = object()
        with self._lock:
            if not self._held:
                self._before, _ = resource.getrlimit(resource.RLIMIT_DATA)
            self._held[token] = limit
            self._set()
        return token

    def release(self, token: object) -> None:
        with self._lock:
            del self._held[token]
            self._set()

    def _set(self) -> None:
        import resource

        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        unlimited = resource.RLIM_INFINITY
        limits = [limit for limit in (self._before, *self._held.values()) if limit != unlimited]
        soft = min(limits, default=unlimited)
        if hard != unlimited:
            soft = hard if soft == unlimited else min(soft, hard)
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


_LIMIT = _Limit()
