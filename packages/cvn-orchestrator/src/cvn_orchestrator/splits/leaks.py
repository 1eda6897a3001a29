"""Whether a fold leaks: looked for in its rows alone, whoever assigned them.

Nothing of the assignment is used here, neither windows nor purging. No moment of a label of one
part, from its row's time to its end, may lie within a label of a later part, or within the embargo
of one: that holds between train and validation, train and test, and validation and test.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from cvn_harness_core import Array, Split
from cvn_orchestrator.errors import SplitsError
from cvn_orchestrator.splits.rows import FoldRows

SHOWN = 5


@dataclass(frozen=True)
class Leak:
    """Rows of one part whose labels come too near to those of another part.

    ``rows`` and ``stamps`` (label from, until) are of the first ``SHOWN``, of ``n_rows`` in all.
    """

    symbol: str
    fold: int
    part: str
    of: str
    n_rows: int
    rows: tuple[int, ...]
    stamps: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        shown = ", ".join(
            f"{row} ({start} to {end})"
            for row, (start, end) in zip(self.rows, self.stamps, strict=True)
        )
        more = ", ..." if self.n_rows > len(self.rows) else ""
        rows = "1 row" if self.n_rows == 1 else f"{self.n_rows:,} rows"
        return (
            f"{self.symbol}, fold {self.fold}: {rows} of {self.part} overlapping {self.of}, or "
            f"within the embargo of it: {shown}{more}"
        )


def leaks(symbol: str, rows: Split, fold: FoldRows, embargo: timedelta) -> tuple[Leak, ...]:
    """Return every pair of parts of a fold between which something leaks.

    Where ``rows`` has no label ends, labels end with their rows.
    """
    return tuple(_found(symbol, rows, fold, np.timedelta64(embargo)))


def require_no_leak(symbol: str, rows: Split, fold: FoldRows, embargo: timedelta) -> None:
    """Raise SplitsError ``splits_leak``, with the rows, if anything leaks."""
    refuse(leaks(symbol, rows, fold, embargo))


def refuse(found: tuple[Leak, ...]) -> None:
    """Raise SplitsError ``splits_leak``, if there are any."""
    if found:
        heading = "the splits leak; purge them (splits.purge = true), or mend label ends:"
        raise SplitsError.of("splits_leak", heading, [str(leak) for leak in found])


def _found(symbol: str, rows: Split, fold: FoldRows, gap: np.timedelta64) -> Iterator[Leak]:
    assert rows.time is not None
    starts = rows.time
    ends = rows.time if rows.label_end is None else rows.label_end
    for part, of in (("train", "val"), ("train", "test"), ("val", "test")):
        own, other = fold.part(part), fold.part(of)
        near = _near(starts[own], ends[own], starts[other], ends[other], gap)
        if near.any():
            first = own[near][:SHOWN]
            yield Leak(
                symbol,
                fold.fold.number,
                part,
                of,
                int(np.count_nonzero(near)),
                tuple(int(row) for row in first),
                tuple((_text(starts[row]), _text(ends[row])) for row in first),
            )


def _near(
    starts: Array, ends: Array, other_starts: Array, other_ends: Array, gap: np.timedelta64
) -> Array:
    """Return which labels are no more than the gap apart from any of the others.

    Of the others that begin no later than the gap after a label's end, all come near but those
    that end earlier than the gap before its start. (Each of these begins in time, too.)
    """
    begun = np.searchsorted(np.sort(other_starts), ends + gap, side="right")
    over = np.searchsorted(np.sort(other_ends), starts - gap, side="left")
    near: Array = begun > over
    return near


def _text(stamp: np.datetime64) -> str:
    return str(np.datetime_as_string(stamp, unit="auto"))
