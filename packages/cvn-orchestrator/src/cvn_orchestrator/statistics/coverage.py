"""Whether a sweep is whole, and whether there are signals enough to say anything."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

from cvn_orchestrator.statistics.results import CELL, SweepResults


@dataclass(frozen=True)
class Coverage:
    """The cells that a sweep needs and those that it has.

    Parameters
    ----------
    expected, done
        Numbers of cells: symbols and folds x variants, and how many of them finished.
    missing
        The others, as (symbol, fold, variant); at most 20 are listed.
    missing_variants
        Variants that were required and have no cell at all.
    """

    expected: int
    done: int
    missing: tuple[tuple[object, ...], ...] = ()
    missing_variants: tuple[str, ...] = ()

    @property
    def full(self) -> bool:
        """Whether nothing is missing."""
        return self.done == self.expected and not self.missing_variants

    @property
    def sentence(self) -> str:
        """What is there and what is not."""
        text = f"{self.done} of {self.expected} cells are done"
        if self.missing:
            text += f" (missing: {', '.join(map(str, self.missing[:3]))}"
            text += ", ...)" if self.expected - self.done > 3 else ")"
        if self.missing_variants:
            text += f"; no cell at all of {', '.join(self.missing_variants)}"
        return text


@dataclass(frozen=True)
class Signals:
    """How many signals a variant gave on test: in all, and in each fold over all symbols."""

    total: int
    by_fold: tuple[tuple[object, int], ...]

    @property
    def fewest(self) -> tuple[object, int]:
        """The fold with the fewest signals, and their number."""
        return min(self.by_fold, key=lambda pair: pair[1])


def coverage(results: SweepResults, required: Iterable[str] = ()) -> Coverage:
    """Return what is there of every variant on each symbol and fold, and of those ``required``.

    A symbol and fold that no variant has is no hole: a plan may leave it out.
    """
    where, variants = (results.cells.select(*on).unique().sort(*on) for on in (CELL[:2], CELL[2:]))
    grid = where.join(variants, how="cross")
    done = results.cells.filter(pl.col("state") == "done")
    holes = grid.join(done, on=CELL, how="anti", maintain_order="left")
    absent = tuple(sorted(set(required) - set(results.variants)))
    return Coverage(grid.height, grid.height - holes.height, tuple(holes.rows()[:20]), absent)


def signals(results: SweepResults, variant: str) -> Signals:
    """Return how many signals a variant gave, in folds without any as well."""
    mine = results.trades.filter(pl.col("variant") == variant)
    counted: dict[object, int] = dict(mine.group_by("fold").len().iter_rows())
    folds = results.cells["fold"].unique().sort()
    return Signals(mine.height, tuple((fold, counted.get(fold, 0)) for fold in folds))
