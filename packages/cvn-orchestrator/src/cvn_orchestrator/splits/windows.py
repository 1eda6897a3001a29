"""A fold as stretches of the calendar, whatever laid them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from cvn_orchestrator.splits.walk_forward import Fold

PARTS = ("train", "val", "test")


@dataclass(frozen=True, order=True)
class Window:
    """A stretch of the calendar in UTC, half-open: ``[start, until)``."""

    start: datetime
    until: datetime


@dataclass(frozen=True)
class FoldWindows:
    """One fold: stretches that do not overlap, each part's in order of time.

    ``number`` counts from 1. Walk-forward folds have one stretch a part, train before validation
    before test; combinatorial ones may train on either side of what they test.
    """

    number: int
    train: tuple[Window, ...]
    val: tuple[Window, ...]
    test: tuple[Window, ...]

    @property
    def forward(self) -> bool:
        """Whether train lies before validation and validation before test."""
        return self.train[-1].until <= self.val[0].start and (
            self.val[-1].until <= self.test[0].start
        )

    def part(self, name: str) -> tuple[Window, ...]:
        """Return the stretches of one of ``PARTS``."""
        found: tuple[Window, ...] = getattr(self, name)
        return found


def windows_of(fold: Fold[datetime]) -> FoldWindows:
    """Return the windows of a walk-forward fold."""
    return FoldWindows(
        fold.number,
        (Window(fold.train_from, fold.val_from),),
        (Window(fold.val_from, fold.test_from),),
        (Window(fold.test_from, fold.test_until),),
    )
