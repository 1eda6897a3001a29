"""What observers are told of a sweep: many cells, each a symbol, a fold and a variant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class SweepFacts:
    """A sweep as it begins, or as it ended.

    Parameters
    ----------
    run
        The digest of its plan and data: the same sweep, resumed, has the same.
    name
        The plan's.
    n_cells
        How many cells it has.
    n_done, n_failed
        How many of them have a result: at the beginning, those of earlier calls.
    n_workers
        How many cells may run at once.
    interrupted
        Whether it was ended before all cells had a result.
    """

    run: str
    name: str
    n_cells: int
    n_done: int
    n_failed: int
    n_workers: int
    interrupted: bool = False

    @property
    def n_open(self) -> int:
        """How many cells have no result."""
        return self.n_cells - self.n_done - self.n_failed


@dataclass(frozen=True, kw_only=True)
class CellFacts:
    """A cell as it begins (``running``), or as it ended.

    Parameters
    ----------
    run
        Of its sweep.
    cell
        The digest of what it depends on.
    symbol, fold, variant
        Which it is; folds count from 1.
    attempt
        From 1.
    state
        ``running``, ``done`` or ``failed``.
    retried
        Whether a failed one will be tried again.
    seconds
        Wall time; None while it runs.
    cache_hit
        Whether the store had its artifact; None while it runs, for a failed cell, or without a
        store.
    n_cached
        Trainings and folds that were found in the store, of bases too, and not fitted again.
    peak_bytes
        The most memory that its process held above what it held before; None if unknown.
    tradability
        The artifact's verdict.
    error_code, error_message
        Of a failed cell.
    """

    run: str
    cell: str
    symbol: str
    fold: int
    variant: str
    attempt: int
    state: Literal["running", "done", "failed"]
    retried: bool = False
    seconds: float | None = None
    cache_hit: bool | None = None
    n_cached: int = 0
    peak_bytes: int | None = None
    tradability: str | None = None
    error_code: str | None = None
    error_message: str | None = None

    @property
    def name(self) -> str:
        """A name for people: ``SP500/3/lgbm``."""
        return f"{self.symbol}/{self.fold}/{self.variant}"
