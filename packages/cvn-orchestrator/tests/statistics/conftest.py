"""Small sweeps, made afresh: 3 symbols, 6 folds of 21 dates, a baseline and what a test adds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

SYMBOLS, FOLDS, DAYS = ("AAA", "BBB", "CCC"), (1, 2, 3, 4, 5, 6), 21
FIRST = date(2024, 1, 1)
SCORE_GAIN = {"pr_auc": 1, "roc_auc": 1, "log_loss": -1, "brier": -1}


@dataclass(frozen=True)
class Sweep:
    cells: pl.DataFrame
    trades: pl.DataFrame
    dates: list[date]

    def parts(self) -> tuple[pl.DataFrame, pl.DataFrame, list[date]]:
        return self.cells, self.trades, self.dates


@pytest.fixture
def make_sweep() -> Callable[..., Sweep]:
    """Return a maker of sweeps from each variant's mean gross return and gain in its scores."""

    def make(
        edges: dict[str, float],
        *,
        scores: dict[str, float] | None = None,
        signals: dict[str, float] | None = None,
        seed: int = 0,
    ) -> Sweep:
        rng = np.random.default_rng(seed)
        dates = [FIRST + timedelta(days=day) for day in range(len(FOLDS) * DAYS)]
        market = rng.normal(scale=0.3, size=len(dates))
        shared = rng.normal(scale=0.05, size=(len(SYMBOLS), len(FOLDS)))
        cells, trades = [], []
        for variant, edge in edges.items():
            rate = (signals or {}).get(variant, 0.9)
            for s, symbol in enumerate(SYMBOLS):
                for f, fold in enumerate(FOLDS):
                    days = [f * DAYS + d for d in range(DAYS) if rng.random() < rate]
                    for day in days:
                        gross = edge + market[day] + rng.normal(scale=0.5)
                        trades.append((symbol, fold, variant, dates[day], gross))
                    gain = (scores or {}).get(variant, 0.0)
                    figures = {
                        name: 0.5 + shared[s, f] + sign * gain + rng.normal(scale=0.01)
                        for name, sign in SCORE_GAIN.items()
                    }
                    cell = {"symbol": symbol, "fold": fold, "variant": variant, "state": "done"}
                    cells.append({**cell, **figures, "n_signals": len(days)})
        columns = ["symbol", "fold", "variant", "time", "gross"]
        schema = dict(
            zip(columns, [pl.String, pl.Int64, pl.String, pl.Date, pl.Float64], strict=True)
        )
        return Sweep(pl.DataFrame(cells), pl.DataFrame(trades, schema=schema, orient="row"), dates)

    return make
