"""The demo's cells: each symbol, fold and model trained under each policy, on the same rows."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl

from cvn_harness_core import (
    MODEL_REGISTRY,
    Datasets,
    HPOParams,
    Payoff,
    TrainedArtifact,
    TrainingPolicy,
    train_one,
)
from cvn_orchestrator.demo import market
from cvn_orchestrator.facts import artifact_facts
from cvn_orchestrator.walk_forward import walk_forward

MODELS = ("xgboost", "lightgbm", "catboost")
"""What the demo compares; any registered name would do."""

POLICIES = (TrainingPolicy.economic(), TrainingPolicy.adr0089())
"""The default and the original design, side by side."""

VAL_DAYS, TEST_DAYS = 730, 365
EMBARGO = timedelta(days=5)
PAYOFF = Payoff(market.TAKE_PROFIT, market.STOP_LOSS, cost=market.COST)


@dataclass(frozen=True)
class Cell:
    """One symbol, one fold, one model, one policy."""

    symbol: str
    fold: int
    model: str
    policy: TrainingPolicy
    datasets: Datasets

    @property
    def name(self) -> str:
        """A name for its bundle."""
        return f"{self.symbol.lower()}-fold{self.fold}-{self.model}-{self.policy.name}"


def cells(n_folds: int, models: Sequence[str] = MODELS) -> Iterator[Cell]:
    """Yield every cell, those of one fold sharing one ``Datasets``."""
    for model in models:
        MODEL_REGISTRY[model]  # one that is missing is reported before anything is trained
    for symbol in market.SYMBOLS:
        frame = market.frame(
            symbol,
            take_profit=market.TAKE_PROFIT,
            stop_loss=market.STOP_LOSS,
            horizon=market.HORIZON,
            cost=market.COST,
        )
        dates = frame["date"]
        folds = walk_forward(
            dates[0], dates[-1], n_folds=n_folds, val_days=VAL_DAYS, test_days=TEST_DAYS
        )
        for fold in folds:
            datasets = Datasets.from_frame(
                frame,
                label="label",
                features=market.FEATURES,
                time="date",
                label_end="label_end",
                returns="net_return",
                train_from=fold.train_from,
                val_from=fold.val_from,
                test_from=fold.test_from,
                test_until=fold.test_until,
                embargo=EMBARGO,
                feature_version="demo-1",
                payoff=PAYOFF,
                tags={"symbol": symbol, "fold": str(fold.number)},
            )
            for model in models:
                for policy in POLICIES:
                    yield Cell(symbol, fold.number, model, policy, datasets)


def run(
    todo: Sequence[Cell], out: Path, *, n_threads: int, done: Callable[[Cell], None]
) -> tuple[list[dict[str, Any]], pl.DataFrame]:
    """Train every cell, write its bundle under ``out`` and its row to ``out/results.json``.

    The results file is replaced atomically after each cell. ``done`` is called after each cell.
    Returns the rows of the results file, and every test row of every cell: ``policy``, ``model``,
    ``date``, ``label``, ``net_return`` and whether it was ``bought``.
    """
    out.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = []
    tested: list[pl.DataFrame] = []
    for cell in todo:
        artifact = train_one(
            cell.model,
            cell.datasets,
            HPOParams(n_threads=n_threads),
            policy=cell.policy,
            tags={"variant": f"{cell.model}-{cell.policy.name}"},
        )
        bundle = artifact.save(out / "bundles" / cell.name, overwrite=True)
        rows.append(_row(cell, artifact, bundle.relative_to(out)))
        tested.append(_tested(cell, artifact))
        _replace(out / "results.json", rows)
        done(cell)
    return rows, pl.concat(tested)


def _tested(cell: Cell, artifact: TrainedArtifact) -> pl.DataFrame:
    test = cell.datasets.test
    return pl.DataFrame(
        {
            "date": test.time,
            "label": test.y,
            "net_return": test.returns,
            "bought": artifact.predict(test.X).astype(bool),
        }
    ).select(pl.lit(cell.policy.name).alias("policy"), pl.lit(cell.model).alias("model"), pl.all())


def _row(cell: Cell, artifact: TrainedArtifact, bundle: Path) -> dict[str, Any]:
    test = cell.datasets.test
    assert test.returns is not None
    assert test.time is not None
    return {
        "symbol": cell.symbol,
        "fold": cell.fold,
        "model": cell.model,
        "test_from": str(test.time.min())[:10],
        "test_to": str(test.time.max())[:10],
        "cost": market.COST,
        "buy_every_row": float(test.returns.mean()),
        "bundle": str(bundle),
        **artifact_facts(artifact),
    }


def _replace(path: Path, rows: list[dict[str, Any]]) -> None:
    temporary = path.with_name(f".{path.name}.new")
    with temporary.open("w") as file:
        json.dump(rows, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
