"""The folds of a plan, laid over every symbol: what each part holds, and what is wrong."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from cvn_harness_core import Array, Split
from cvn_orchestrator.data.shared import SharedTable
from cvn_orchestrator.errors import SplitsError
from cvn_orchestrator.splits.leaks import Leak, leaks, refuse
from cvn_orchestrator.splits.rows import FoldRows, assign
from cvn_orchestrator.splits.settings import SplitSettings
from cvn_orchestrator.splits.windows import PARTS, FoldWindows


@dataclass(frozen=True)
class PartFacts:
    """One part of one fold: its rows, those left out, and its share of positive labels.

    ``time_from`` and ``label_until`` are ISO 8601, UTC; they and ``prevalence`` are None where
    there are no rows.
    """

    rows: int
    purged: int
    embargoed: int
    prevalence: float | None
    time_from: str | None
    label_until: str | None


@dataclass(frozen=True)
class FoldFacts:
    """One symbol's fold, by part, and what it lacks; complete where that is nothing."""

    symbol: str
    fold: int
    train: PartFacts
    val: PartFacts
    test: PartFacts
    lacks: tuple[str, ...]

    def part(self, name: str) -> PartFacts:
        """Return the facts of one of ``PARTS``."""
        found: PartFacts = getattr(self, name)
        return found


@dataclass(frozen=True)
class Survey:
    """The windows of all folds, the same for every symbol, and what they hold of each."""

    folds: tuple[FoldWindows, ...]
    facts: tuple[FoldFacts, ...]
    leaks: tuple[Leak, ...]

    @property
    def lacking(self) -> tuple[FoldFacts, ...]:
        """The folds of symbols that lack something."""
        return tuple(facts for facts in self.facts if facts.lacks)

    def require_sound(self, settings: SplitSettings) -> None:
        """Raise SplitsError ``splits_leak``, or ``splits_incomplete`` where that is refused.

        Nothing but incomplete folds always is.
        """
        refuse(self.leaks)
        if self.lacking and settings.incomplete == "refuse":
            faults = [f"{f.symbol}, fold {f.fold}: {'; '.join(f.lacks)}" for f in self.lacking]
            heading = (
                "some folds are incomplete; lay fewer or longer ones, leave the symbol out, skip "
                'them (splits.incomplete = "skip"), or let their cells fail ("fail"):'
            )
            raise SplitsError.of("splits_incomplete", heading, faults)
        if len(self.lacking) == len(self.facts):
            message = "every fold of every symbol is incomplete, so nothing is left to train."
            raise SplitsError("splits_incomplete", message)


def survey(settings: SplitSettings, table: SharedTable, symbols: Sequence[str]) -> Survey:
    """Lay the folds over the history of all these symbols together, and look into each.

    Every symbol has the same windows, so that cells of one fold can be compared.

    Raises InputError ``history_too_short``.
    """
    windows = settings.layout.folds(*_history(table, symbols))
    facts: list[FoldFacts] = []
    found: list[Leak] = []
    for symbol in symbols:
        rows = table.rows(symbol)
        for window in windows:
            fold = assign(rows, window, settings.embargo, purge=settings.purge)
            facts.append(_facts(symbol, rows, fold))
            found.extend(leaks(symbol, rows, fold, settings.embargo))
    return Survey(windows, tuple(facts), tuple(found))


def _history(table: SharedTable, symbols: Sequence[str]) -> tuple[datetime, datetime]:
    edges = []
    for symbol in symbols:
        time = table.rows(symbol).time
        assert time is not None
        edges += [time[0], time[-1]]
    return _datetime(min(edges)), _datetime(max(edges))


def _facts(symbol: str, rows: Split, fold: FoldRows) -> FoldFacts:
    parts = {name: _part(name, rows, fold) for name in PARTS}
    lacks = tuple(_lacks(parts))
    return FoldFacts(symbol, fold.fold.number, **parts, lacks=lacks)


def _part(name: str, rows: Split, fold: FoldRows) -> PartFacts:
    at, prevalence, time_from, label_until = fold.part(name), None, None, None
    if at.size:
        assert rows.time is not None
        ends: Array = rows.time if rows.label_end is None else rows.label_end
        prevalence = float(rows.y[at].mean())
        time_from, label_until = _text(rows.time[at[0]]), _text(ends[at].max())
    return PartFacts(
        int(at.size), fold.purged[name], fold.embargoed[name], prevalence, time_from, label_until
    )


def _lacks(parts: dict[str, PartFacts]) -> Iterator[str]:
    for name, part in parts.items():
        if not part.rows:
            yield f"{name} has no rows"
        elif name != "test" and part.prevalence in (0.0, 1.0):
            yield f"{name} has labels of one class only"


def _datetime(stamp: Any) -> datetime:
    moment: datetime = stamp.astype("datetime64[us]").item()
    return moment


def _text(stamp: np.datetime64) -> str:
    return str(np.datetime_as_string(stamp, unit="auto"))
