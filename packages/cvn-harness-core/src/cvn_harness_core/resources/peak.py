"""The peak resident memory of a piece of work.

Source: the Linux kernel's documentation of ``/proc/PID/clear_refs`` (writing 5 sets the peak,
``VmHWM``, to what is resident now, ``VmRSS``).
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cvn_harness_core.resources.proc import STATUS, kernel_figures

CLEAR_REFS = "proc/self/clear_refs"
_ROUNDING = 1 << 20  # the kernel's counters are exact to a few pages a thread


@dataclass(eq=False)
class Peak:
    """What was measured; complete when the work is over.

    Memory is the process's: of pieces that run at once in threads, each sees the peak of all.

    Parameters
    ----------
    baseline_bytes
        Resident bytes before the work; before the first of the pieces that ran at once.
    peak_bytes
        The most resident bytes during the work; None where ``reason`` says why it is unknown.
    at_once
        How many threads measured at once, at most.
    """

    baseline_bytes: int | None = None
    peak_bytes: int | None = None
    at_once: int = 1
    reason: str | None = "the work is not over"

    @property
    def growth_bytes(self) -> int | None:
        """Return what the work held above the baseline: its own if ``at_once`` is 1.

        Of several at once it is what all of them held together, divided by their number: a mean,
        which the largest of them exceeds, and which is too low where they peaked at other times.
        """
        if self.peak_bytes is None or self.baseline_bytes is None:
            return None
        return max(0, self.peak_bytes - self.baseline_bytes) // self.at_once


@contextmanager
def peak_memory(root: Path = Path("/")) -> Iterator[Peak]:
    """Measure the peak of resident memory in this block; the yielded Peak is filled at its end.

    Never raises for itself: where the kernel does not let the peak be reset, figures are None and
    ``Peak.reason`` says so. Blocks may be nested and may run in several threads.
    """
    peak = Peak()
    _METER.begin(peak, root)
    try:
        yield peak
    finally:
        _METER.end(peak, root)


def growth_so_far(peak: Peak, root: Path = Path("/")) -> int | None:
    """Return what work that is being measured has held above its baseline until now.

    None where that cannot be told. Of several pieces at once it is divided as at their end.
    """
    return _METER.growth(peak, root)


@dataclass(eq=False)
class _Running:
    """A block that is being measured, by the thread that it is in."""

    peak: Peak
    thread: int
    failed: str | None
    seen: int = 0


class _Meter:
    """The one peak that a process has, shared by everything that is being measured."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: list[_Running] = []
        self._baseline: int | None = None

    def begin(self, peak: Peak, root: Path) -> None:
        with self._lock:
            failed, resident = _reset(self._keep(root), root)
            own = threading.get_ident()
            others = {running.thread for running in self._running} - {own}
            if not self._running:
                self._baseline = resident
            peak.baseline_bytes = self._baseline if others else resident
            self._running.append(_Running(peak, own, failed))
            for running in self._running:
                running.peak.at_once = max(running.peak.at_once, len(others) + 1)

    def end(self, peak: Peak, root: Path) -> None:
        with self._lock:
            self._keep(root)
            (done,) = (running for running in self._running if running.peak is peak)
            self._running.remove(done)
        if done.failed is None and done.seen and peak.baseline_bytes is not None:
            peak.peak_bytes, peak.reason = done.seen, None
        else:
            peak.reason = done.failed or f"the kernel does not tell VmHWM and VmRSS in /{STATUS}"

    def growth(self, peak: Peak, root: Path) -> int | None:
        with self._lock:
            self._keep(root)
            (one,) = (running for running in self._running if running.peak is peak)
            if one.failed is not None or not one.seen or peak.baseline_bytes is None:
                return None
            return max(0, one.seen - peak.baseline_bytes) // peak.at_once

    def _keep(self, root: Path) -> int | None:
        """Note the peak so far for all that run, before it is reset for another, and return it."""
        (peak,) = kernel_figures(STATUS, root, "VmHWM")
        for running in self._running:
            running.seen = max(running.seen, peak or 0)
        return peak


def _reset(before: int | None, root: Path) -> tuple[str | None, int | None]:
    """Reset the kernel's peak; return why that failed, and the resident bytes."""
    failed = None
    try:
        (root / CLEAR_REFS).write_text("5")
    except OSError as error:
        failed = f"the kernel does not let the peak be reset: {error.strerror}"
    resident, after = kernel_figures(STATUS, root, "VmRSS", "VmHWM")
    if failed or before is None or resident is None or after is None:
        return failed, resident
    if after == before > resident + _ROUNDING:
        failed = "the kernel did not reset the peak"
    return failed, resident


_METER = _Meter()
