"""Rows as polars tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import fields
from typing import Any, Literal

import numpy as np
import polars as pl

from cvn_harness_core import SplitMetrics
from cvn_orchestrator.results.reading import Place
from cvn_orchestrator.results.rows import CellRow, Trades

_PLACE: dict[str, Any] = {"symbol": pl.String, "fold": pl.Int64, "variant": pl.String}
_FIRST: dict[str, Any] = {
    **_PLACE,
    "state": pl.String,
    "theta": pl.Float64,
    "health": pl.String,
    "tradability": pl.String,
}
_LAST: dict[str, Any] = {
    "n_trials": pl.Int64,
    "seconds": pl.Float64,
    "error_type": pl.String,
    "error_code": pl.String,
    "error_message": pl.String,
    "attempt": pl.Int64,
    "cache_hit": pl.Boolean,
    "finished": pl.Datetime("us", "UTC"),
    "cell": pl.String,
    "artifact_key": pl.String,
}
_SPLITS = ("train", "val", "test")
_FIGURES = [field.name for field in fields(SplitMetrics)]


def cells_frame(rows: Iterable[CellRow]) -> pl.DataFrame:
    """Return a row a cell.

    Figures are columns such as ``test_pr_auc`` and, at a cost, ``expectancy@0.05``; the seconds of
    a stage ``seconds_fitted``. Facts and trades are left out.
    """
    kept = list(rows)
    splits = _ordered((s, f) for row in kept for s, named in row.metrics.items() for f in named)
    costs = _ordered((c, f) for row in kept for c, named in row.by_cost.items() for f in named)
    stages = dict.fromkeys(stage for row in kept for stage in row.timings)
    columns: dict[str, pl.Series] = {}
    for name, kind in _FIRST.items():
        columns[name] = pl.Series(name, [getattr(row, name) for row in kept], kind)
    for split, figure in splits:
        values = [row.metrics.get(split, {}).get(figure) for row in kept]
        columns[f"{split}_{figure}"] = pl.Series(values, dtype=pl.Float64)
    for cost, figure in costs:
        values = [row.by_cost.get(cost, {}).get(figure) for row in kept]
        columns[f"{figure}@{cost}"] = pl.Series(values, dtype=pl.Float64)
    for name, kind in _LAST.items():
        columns[name] = pl.Series(name, [getattr(row, name) for row in kept], kind)
    for stage in stages:
        values = [row.timings.get(stage) for row in kept]
        columns[f"seconds_{stage}"] = pl.Series(values, dtype=pl.Float64)
    return pl.DataFrame(columns)


def trades_frame(kept: Iterable[tuple[Place, Trades]]) -> pl.DataFrame:
    """Return a row a signal on test: symbol, fold, variant, time and net (null: unknown).

    Times are in microseconds, or nanoseconds if those of one cell are.
    """
    pairs = list(kept)
    fine = any(np.datetime_data(trades.time.dtype)[0] == "ns" for _, trades in pairs)
    unit: Literal["ns", "us"] = "ns" if fine else "us"
    columns: dict[str, list[Any]] = {name: [] for name in _PLACE}
    times, nets = [], []
    for place, trades in pairs:
        n = len(trades.time)
        times.append(trades.time.astype(f"datetime64[{unit}]"))
        nets.append(pl.Series([None] * n if trades.net is None else trades.net, dtype=pl.Float64))
        for name, values in columns.items():
            values.extend([getattr(place, name)] * n)
    time = np.concatenate(times) if times else np.empty(0, f"datetime64[{unit}]")
    return pl.DataFrame(
        [
            *(pl.Series(name, values, _PLACE[name]) for name, values in columns.items()),
            pl.Series("time", time, pl.Datetime(unit)),
            pl.concat([pl.Series("net", [], pl.Float64), *nets]),
        ]
    )


def _ordered(pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return distinct pairs of a split or a cost and a figure, in an order that people expect."""

    def rank(pair: tuple[str, str]) -> tuple[Any, ...]:
        return (*_place(pair[0]), *_known(_FIGURES, pair[1]))

    return sorted(set(pairs), key=rank)


def _place(name: str) -> tuple[Any, ...]:
    """Return where a split or a cost stands: costs by their value."""
    try:
        return (0, float(name), name)
    except ValueError:
        return (1, *_known(_SPLITS, name))


def _known(names: Iterable[str], name: str) -> tuple[int, str]:
    order: Iterator[int] = (at for at, other in enumerate(names) if other == name)
    return next(order, len(_FIGURES)), name
