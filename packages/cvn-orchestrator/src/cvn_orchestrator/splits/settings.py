"""What a plan says of its splits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, TypeAlias

from cvn_orchestrator.splits.combinatorial import combinatorial
from cvn_orchestrator.splits.walk_forward import walk_forward
from cvn_orchestrator.splits.windows import FoldWindows, windows_of


@dataclass(frozen=True)
class WalkForward:
    """See ``walk_forward``."""

    n_folds: int
    val_days: int
    test_days: int
    train_days: int | None = None

    def folds(self, first: datetime, last: datetime) -> tuple[FoldWindows, ...]:
        """Return the folds of a history; raise as ``walk_forward``."""
        laid = walk_forward(
            first,
            last,
            n_folds=self.n_folds,
            val_days=self.val_days,
            test_days=self.test_days,
            train_days=self.train_days,
        )
        return tuple(map(windows_of, laid))


@dataclass(frozen=True)
class Combinatorial:
    """See ``combinatorial``."""

    n_groups: int
    n_test_groups: int

    def folds(self, first: datetime, last: datetime) -> tuple[FoldWindows, ...]:
        """Return the folds of a history; raise as ``combinatorial``."""
        return combinatorial(first, last, n_groups=self.n_groups, n_test_groups=self.n_test_groups)


Layout: TypeAlias = WalkForward | Combinatorial


@dataclass(frozen=True)
class SplitSettings:
    """How the folds are laid, and what becomes of rows that come too near.

    Parameters
    ----------
    layout
        Which windows.
    embargo
        Time around validation and test in which no label may end or begin.
    purge
        Whether rows that come too near are left out. False leaves them in, and a fold that leaks
        is then refused: for rows that are purged already.
    incomplete
        What becomes of a symbol's fold that lacks rows, or a class, in some part: its cells fail,
        that fold of that symbol is skipped, or the plan is refused.
    """

    layout: Layout
    embargo: timedelta = timedelta(0)
    purge: bool = True
    incomplete: Literal["fail", "skip", "refuse"] = "fail"
