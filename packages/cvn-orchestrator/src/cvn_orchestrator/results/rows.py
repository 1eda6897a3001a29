"""What a sweep keeps: a row of the run, a row of each cell, and the trades behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, kw_only=True)
class RunRow:
    """One plan on one content of data.

    Parameters
    ----------
    run
        The digest of the resolved plan and of the data: the same plan on the same data is the same
        run, whoever starts it and how often.
    name
        The plan's.
    plan
        The resolved plan, JSON-like.
    baseline
        The variant that others are compared with.
    variants, costs
        In the plan's order.
    cells
        How many cells the run has.
    environment
        Versions of Python, the packages and the libraries.
    started
        When it was first started, UTC.
    """

    run: str
    name: str
    plan: dict[str, Any]
    baseline: str
    variants: tuple[str, ...]
    costs: tuple[float, ...]
    cells: int
    environment: dict[str, str]
    started: datetime


@dataclass(frozen=True, eq=False)
class Trades:
    """The signals of a cell on test, in order of time, (n,) each.

    ``time`` is datetime64; ``net`` what each signal earned, net of the cost that is in the data, or
    None where no money is known.
    """

    time: npt.NDArray[np.datetime64]
    net: npt.NDArray[np.float64] | None


@dataclass(frozen=True, kw_only=True)
class CellRow:
    """What became of one cell.

    Parameters
    ----------
    run
        As in ``RunRow``.
    cell
        The digest of what the cell depends on: its data, variant, seed, threads and the code.
    symbol, fold, variant
        Which cell it is; folds count from 1.
    state
        ``done`` or ``failed``.
    attempt
        From 1; of two rows of one cell, the later attempt is the one that holds.
    error_type, error_code, error_message
        Of a failed cell.
    metrics
        By split, each figure by the names of ``SplitMetrics``; None where it is undefined.
    by_cost
        On test, by cost as text: ``expectancy``, ``total``, ``sortino``, ``profit_factor`` and
        ``max_drawdown`` of the same trades, each None where it is undefined.
    theta, health, tradability
        Theta (None for NO_TRADE), and the artifact's verdicts.
    facts
        Whatever else the artifact says of itself, JSON-like.
    artifact_key
        Its key in the store.
    cache_hit
        Whether the store had it; None without a store.
    n_trials
        Trials that were run for it, by its own search and those of its bases; 1 without a search.
    seconds
        What it took, wall time.
    timings
        Seconds by stage.
    finished
        When it ended, UTC.
    trades
        None for a failed cell.
    """

    run: str
    cell: str
    symbol: str
    fold: int
    variant: str
    state: Literal["done", "failed"]
    attempt: int
    finished: datetime
    seconds: float
    error_type: str | None = None
    error_code: str | None = None
    error_message: str | None = None
    theta: float | None = None
    health: str | None = None
    tradability: str | None = None
    metrics: Mapping[str, Mapping[str, float | None]] = field(default_factory=dict)
    by_cost: Mapping[str, Mapping[str, float | None]] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    artifact_key: str | None = None
    cache_hit: bool | None = None
    n_trials: int = 1
    timings: Mapping[str, float] = field(default_factory=dict)
    trades: Trades | None = None
