"""What boosting did, iteration by iteration, in summary."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class CurveSummary:
    """The learning curve of one fit; None where the library keeps none.

    ``best_iteration`` is what prediction uses, ``n_iterations`` what was run and ``ceiling`` what
    was allowed, all counted from 1. ``*_best`` are the values at ``best_iteration``.
    """

    metric: str | None = None
    best_iteration: int | None = None
    n_iterations: int | None = None
    ceiling: int | None = None
    stopping_rounds: int | None = None
    train_first: float | None = None
    train_best: float | None = None
    train_last: float | None = None
    val_first: float | None = None
    val_best: float | None = None
    val_last: float | None = None
