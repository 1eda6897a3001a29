"""From a fold's windows to its rows: purged by label end, and embargoed.

A row belongs to the part in whose window its time falls. Test keeps all of its rows. A row of
validation is left out if its label, from the row's time to its end, shares a moment with a window
of test or with a label of it (purged), or comes within the embargo of that (embargoed); a row of
train, likewise of validation and of test. What a window reaches is its start or, after it, the
latest label end of the rows that it keeps. Where train lies before validation and validation before
test, that is what ``Datasets.from_frame`` does. Lopez de Prado (2018), Advances in Financial
Machine Learning, chapter 7, with the embargo on both sides.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from cvn_harness_core import Array, InputError, Split
from cvn_orchestrator.splits.windows import PARTS, FoldWindows, Window


@dataclass(frozen=True, eq=False)
class FoldRows:
    """Row numbers of one symbol's parts in one fold, rising, and what was left out.

    ``purged`` and ``embargoed`` count rows by part.
    """

    fold: FoldWindows
    train: Array
    val: Array
    test: Array
    purged: dict[str, int]
    embargoed: dict[str, int]

    def part(self, name: str) -> Array:
        """Return the row numbers of one of ``PARTS``."""
        found: Array = getattr(self, name)
        return found


def assign(rows: Split, fold: FoldWindows, embargo: timedelta, *, purge: bool = True) -> FoldRows:
    """Return whose rows are whose.

    Parameters
    ----------
    rows
        All rows of one symbol, with time; without label ends a label ends with its row.
    embargo
        Time around validation and test in which no label may end or begin.
    purge
        False leaves nothing out: for rows that are said to be purged already.

    Raises InputError ``time_missing``.
    """
    if rows.time is None:
        message = "rows without time cannot be laid on a calendar."
        raise InputError("time_missing", message)
    time, ends = rows.time, rows.time if rows.label_end is None else rows.label_end
    gap = np.timedelta64(embargo)
    kept: dict[str, Array] = {}
    purged, embargoed = dict.fromkeys(PARTS, 0), dict.fromkeys(PARTS, 0)
    spans: list[tuple[np.datetime64, np.datetime64]] = []
    for name in reversed(PARTS):
        windows = [_between(time, window) for window in fold.part(name)]
        candidates = np.concatenate([np.arange(first, last) for first, last in windows])
        if purge:
            apart = _apart(time[candidates], ends[candidates], spans, np.timedelta64(0, "ns"))
            clear = apart & _apart(time[candidates], ends[candidates], spans, gap)
            purged[name] = int(np.count_nonzero(~apart))
            embargoed[name] = int(np.count_nonzero(apart & ~clear))
            candidates = candidates[clear]
        kept[name] = candidates
        spans += _spans(fold.part(name), time[candidates], ends[candidates])
    return FoldRows(fold, kept["train"], kept["val"], kept["test"], purged, embargoed)


def _between(time: Array, window: Window) -> tuple[int, int]:
    edges = np.array([window.start, window.until], dtype="datetime64[ns]")
    first, last = np.searchsorted(time, edges, side="left")
    return int(first), int(last)


def _spans(
    windows: tuple[Window, ...], time: Array, ends: Array
) -> list[tuple[np.datetime64, np.datetime64]]:
    """Return where each window begins, and where the last of its labels ends."""
    found = []
    for window in windows:
        first, last = _between(time, window)
        if first < last:
            found.append((_moment(window.start), ends[first:last].max()))
    return found


def _apart(
    time: Array,
    ends: Array,
    spans: list[tuple[np.datetime64, np.datetime64]],
    gap: np.timedelta64,
) -> Array:
    """Return which labels end before each span, or begin after it, by more than the gap."""
    clear = np.ones(time.size, dtype=bool)
    for start, reach in spans:
        clear &= (ends < start - gap) | (time > reach + gap)
    return clear


def _moment(stamp: datetime) -> np.datetime64:
    return np.datetime64(stamp, "ns")
