"""The demo's cells: each symbol and fold, its models under each policy, and ensembles of them."""

from __future__ import annotations

import json
import os
import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

import polars as pl

from cvn_harness_core import (
    Calibration,
    Datasets,
    HPOParams,
    OutOfFold,
    Payoff,
    Store,
    TrainedArtifact,
    TrainingOutcome,
    TrainingPolicy,
    trainer_for,
)
from cvn_orchestrator.demo import market
from cvn_orchestrator.facts import artifact_facts
from cvn_orchestrator.splits.walk_forward import walk_forward

MODELS = ("xgboost", "lightgbm", "catboost")
"""What the demo compares; any registered model would do."""

ENSEMBLES = ("blend_avg", "stack_logreg", "stack_xgb_meta")
"""What the demo combines of `MODELS`; any registered ensemble of these would do."""

ECONOMIC = TrainingPolicy.economic()

POLICIES = (ECONOMIC, TrainingPolicy.adr0089())
"""The default and the original design, side by side, for each model.

Ensembles are trained under the first alone: the original design has none.
"""

OF_BASES = replace(ECONOMIC, out_of_fold=OutOfFold(), calibration=Calibration())
"""The policy that an ensemble under ``ECONOMIC`` gives to its bases."""

Role = Literal["model", "base", "ensemble"]

VAL_DAYS, TEST_DAYS = 730, 365
EMBARGO = timedelta(days=5)
PAYOFF = Payoff(market.TAKE_PROFIT, market.STOP_LOSS, cost=market.COST)


@dataclass(frozen=True)
class Cell:
    """One symbol, one fold, one policy, and a registered name in one of its roles."""

    symbol: str
    fold: int
    role: Role
    model: str
    policy: TrainingPolicy
    datasets: Datasets

    @property
    def name(self) -> str:
        """A name for its bundle."""
        return f"{self.symbol.lower()}-fold{self.fold}-{self.variant}"

    @property
    def variant(self) -> str:
        """The name, and how it was trained."""
        return f"{self.model}-{'base' if self.role == 'base' else self.policy.name}"


def cells(
    n_folds: int, models: Sequence[str] = MODELS, ensembles: Sequence[str] = ENSEMBLES
) -> Iterator[Cell]:
    """Yield every cell, those of one fold sharing one ``Datasets``, bases before ensembles."""
    for name in (*models, *ensembles):
        trainer_for(name)  # one that is missing is reported before anything is trained
    wanted: list[tuple[Role, str, TrainingPolicy]] = [
        ("model", model, policy) for model in models for policy in POLICIES
    ]
    if ensembles:
        wanted += [("base", model, OF_BASES) for model in models]
        wanted += [("ensemble", ensemble, ECONOMIC) for ensemble in ensembles]
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
            for role, name, policy in wanted:
                yield Cell(symbol, fold.number, role, name, policy, datasets)


def run(
    todo: Sequence[Cell],
    out: Path,
    *,
    n_threads: int,
    done: Callable[[Cell, TrainingOutcome], None],
) -> tuple[list[dict[str, Any]], pl.DataFrame]:
    """Train every cell, write its bundle under ``out`` and its row to ``out/results.json``.

    All of them share the store ``out/store``: an ensemble finds its bases there, and what an
    earlier run left is read. The results file is replaced atomically after each cell, and ``done``
    is called.

    Returns
    -------
    rows
        Those of the results file.
    tested
        Every test row of every cell: ``policy``, ``role``, ``model``, ``date``, ``label``,
        ``net_return``, ``score`` (the probability of a positive label) and whether it was
        ``bought``.
    """
    out.mkdir(parents=True, exist_ok=True)
    store = Store(out / "store")
    rows: list[dict[str, Any]] = []
    texts: list[str] = []  # of the rows: each is encoded once
    tested: list[pl.DataFrame] = []
    for cell in todo:
        outcome = trainer_for(cell.model, store, cell.policy).train(
            cell.datasets,
            HPOParams(n_threads=n_threads),
            tags={"variant": cell.variant},
        )
        artifact = outcome.artifact
        path = out / "bundles" / cell.name
        bundle = artifact.save(path, overwrite=True, self_contained=True)
        rows.append(_row(cell, outcome, bundle.relative_to(out)))
        tested.append(_tested(cell, artifact))
        texts.append(textwrap.indent(json.dumps(rows[-1], indent=1), " "))
        _replace(out / "results.json", "[\n" + ",\n".join(texts) + "\n]")
        done(cell, outcome)
    return rows, pl.concat(tested)


def _tested(cell: Cell, artifact: TrainedArtifact) -> pl.DataFrame:
    test = cell.datasets.test
    scores = artifact.predict_proba(test.X)[:, 1]
    rows = {
        "date": test.time,
        "label": test.y,
        "net_return": test.returns,
        "score": scores,
        "bought": artifact.signals(scores).astype(bool),
    }
    whose = {"policy": cell.policy.name, "role": cell.role, "model": cell.model}
    return pl.DataFrame(rows).select(
        *(pl.lit(value).alias(name) for name, value in whose.items()), pl.all()
    )


def _row(cell: Cell, outcome: TrainingOutcome, bundle: Path) -> dict[str, Any]:
    test = cell.datasets.test
    assert test.returns is not None
    assert test.time is not None
    return {
        "symbol": cell.symbol,
        "fold": cell.fold,
        "role": cell.role,
        "model": cell.model,
        "test_from": str(test.time.min())[:10],
        "test_to": str(test.time.max())[:10],
        "cost": market.COST,
        "buy_every_row": float(test.returns.mean()),
        "bundle": str(bundle),
        "cache_hit": outcome.cache_hit,
        **artifact_facts(outcome.artifact),
    }


def _replace(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.new")
    with temporary.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
