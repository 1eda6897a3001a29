"""A sweep that was really trained, on synthetic data, as rows of results.

python -m tests.report.made FOLDER     # writes FOLDER/cvn-results.db, to look at its report
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from cvn_harness_core import (
    Array,
    Datasets,
    HPOParams,
    OutOfFold,
    Payoff,
    TrainedArtifact,
    TrainingPolicy,
    train_ensemble,
    train_one,
)
from cvn_harness_core.metrics.trading import net_returns, trading_figures
from cvn_orchestrator.results.cell_facts import cell_facts
from cvn_orchestrator.results.database import open_results
from cvn_orchestrator.results.rows import CellRow, RunRow, Trades

RUN = "feedbeef" * 8
STARTED = datetime(2026, 3, 1, 12, tzinfo=UTC)
PAYOFF = Payoff(1.5, 0.75, cost=0.05)
COSTS = (0.0, 0.05, 0.15)
SYMBOLS = ("SYNTH-A", "SYNTH-B")
VARIANTS = ("lgbm", "xgb", "lgbm-searched", "blend")
BASES = {
    "lightgbm": HPOParams({"n_estimators": 60, "num_leaves": 7}, n_threads=1),
    "xgboost": HPOParams({"n_estimators": 60, "max_depth": 3}, n_threads=1),
}
POLICY = TrainingPolicy.economic()
SPLITS = ("train", "val", "test")
HOURS = 6


def datasets(symbol: int, fold: int, *, n: int = 1_200, edge: float = 0.9) -> Datasets:
    """Return six-hourly rows of a made-up market, each fold later than the one before."""
    rng = np.random.default_rng((symbol, fold))
    parts: dict[str, Any] = {}
    start = np.datetime64("2021-01-01", "h") + fold * 130 * np.timedelta64(24, "h")
    for name, size in {"train": n, "val": n // 2, "test": n // 2}.items():
        X = rng.normal(size=(size, 6))
        X[:, 5] += 0.4 * fold * (name != "train")  # shifts more and more
        odds = -1.1 + edge * X[:, 0] + edge * X[:, 1] * (X[:, 2] > 0)
        y = (rng.random(size) < 1 / (1 + np.exp(-odds))).astype(np.int8)
        time = start + np.arange(size) * np.timedelta64(HOURS, "h")
        gross = np.where(y == 1, PAYOFF.take_profit, -PAYOFF.stop_loss)
        gross = gross * rng.uniform(0.6, 1.1, size)
        parts[name] = {
            "X": X,
            "y": y,
            "time": time,
            "label_end": time + np.timedelta64(12, "h"),
            "returns": gross - PAYOFF.cost,
        }
        start = time[-1] + np.timedelta64(48, "h")
    return Datasets.from_arrays(
        **parts,
        feature_names=[f"made_up_{i}" for i in range(6)],
        feature_version="synthetic-1",
        payoff=PAYOFF,
    )


def artifact(variant: str, data: Datasets) -> TrainedArtifact:
    """Train a variant as `cvn sweep` would."""
    if variant == "blend":
        policy = replace(POLICY, out_of_fold=OutOfFold(n_folds=2))
        return train_ensemble("blend_avg", data, BASES, policy=policy, bases=tuple(BASES))
    if variant == "lgbm-searched":
        params = HPOParams({"n_estimators": 60}, n_trials=6, n_threads=1, max_concurrent=1)
        return train_one("lightgbm", data, params, policy=POLICY)
    name = {"lgbm": "lightgbm", "xgb": "xgboost"}[variant]
    return train_one(name, data, BASES[name], policy=POLICY)


def row(symbol: str, fold: int, variant: str, data: Datasets, number: int) -> CellRow:
    """Train a cell and return its row, as the loop of a sweep should."""
    found = artifact(variant, data)
    scores = found.predict_proba(data.test.X)[:, 1]
    signals = found.signals(scores).astype(bool)
    returns = net_returns(data.test, data.payoff)
    time = data.test.time
    assert returns is not None
    assert time is not None
    return CellRow(
        run=RUN,
        cell=f"{symbol}-{fold}-{variant}",
        symbol=symbol,
        fold=fold,
        variant=variant,
        state="done",
        attempt=1,
        finished=STARTED + timedelta(seconds=number),
        seconds=found.timings["total"],
        theta=found.theta,
        health=found.health.verdict,
        tradability=found.tradability.verdict,
        metrics={name: found.metrics[name].figures() for name in SPLITS},
        by_cost={str(cost): _at(cost, signals, returns, time) for cost in COSTS},
        facts=cell_facts(found, data, scores),
        artifact_key=f"{number:064x}",
        cache_hit=False,
        n_trials=1 if found.search is None else len(found.search.trials),
        timings=found.timings,
        trades=Trades(time[signals], returns[signals]),
    )


def _at(cost: float, signals: Array, returns: Array, time: Array) -> dict[str, float | None]:
    figures, _ = trading_figures(signals, returns + PAYOFF.cost - cost, time)
    total = float((returns[signals] + PAYOFF.cost - cost).sum())
    names = ("expectancy", "sortino", "profit_factor", "max_drawdown")
    return {"total": total, **{name: figures[name] for name in names}}


def run_row(n_folds: int, variants: tuple[str, ...] = VARIANTS, **changes: Any) -> RunRow:
    known: dict[str, Any] = {
        "run": RUN,
        "name": "made-up",
        "plan": {
            "data": {"path": "synthetic.parquet", "payoff": "1.5/0.75/0.05"},
            "sweep": {"name": "made-up", "baseline": "lgbm", "seed": 0},
            "variants": {name: {"model": name} for name in variants},
        },
        "baseline": "lgbm",
        "variants": variants,
        "costs": COSTS,
        "cells": len(SYMBOLS) * n_folds * len(variants),
        "environment": {"python": "3.11", "lightgbm": "4.7.0"},
        "started": STARTED,
    }
    return RunRow(**{**known, **changes})


def rows(n_folds: int, variants: tuple[str, ...] = VARIANTS, **of_data: Any) -> Iterator[CellRow]:
    """Train and yield every cell of the sweep."""
    number = 0
    for at, symbol in enumerate(SYMBOLS):
        for fold in range(1, n_folds + 1):
            data = datasets(at, fold, **of_data)
            for variant in variants:
                number += 1
                yield row(symbol, fold, variant, data, number)


if __name__ == "__main__":
    url = f"sqlite:///{Path(sys.argv[1]) / 'cvn-results.db'}"
    with open_results(url) as results:
        results.begin(run_row(4))
        results.write(rows(4))
    print(url)
