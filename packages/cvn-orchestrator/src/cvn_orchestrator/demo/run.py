"""The demo's cells once they are trained: bundles, rows with all facts, and the test rows."""

from __future__ import annotations

import json
import os
import textwrap
from collections.abc import Collection
from itertools import groupby
from pathlib import Path
from typing import Any, Literal

import polars as pl

from cvn_harness_core import Datasets, Store, TrainedArtifact
from cvn_orchestrator.demo import market
from cvn_orchestrator.facts import artifact_facts
from cvn_orchestrator.plan.variants import Variant
from cvn_orchestrator.sweep.prepared import Cell, PreparedSweep

Role = Literal["model", "base", "ensemble"]


def role_of(variant: Variant) -> Role:
    """Return what a variant is in the demo: a base is a model as ensembles train theirs."""
    if variant.kind == "ensemble":
        return "ensemble"
    return "base" if variant.name.endswith("-base") else "model"


def read(
    sweep: PreparedSweep, out: Path, trained: Collection[Cell]
) -> tuple[list[dict[str, Any]], pl.DataFrame]:
    """Read every cell's artifact from the store ``out/store``; write bundles and results.json.

    What the store has lost meanwhile is trained again. ``trained`` are the cells that were fitted
    just now; the rows of others say that they are hits.

    Returns
    -------
    rows
        Those of the results file.
    tested
        Every test row of every cell: ``policy``, ``role``, ``model``, ``date``, ``label``,
        ``net_return``, ``score`` (the probability of a positive label) and whether it was
        ``bought``.
    """
    store = Store(out / "store")
    rows: list[dict[str, Any]] = []
    tested: list[pl.DataFrame] = []
    for (symbol, fold), some in groupby(sweep.cells, lambda cell: (cell.symbol, cell.fold)):
        datasets = sweep.datasets(symbol, fold)
        for cell in some:
            variant = sweep.plan.variant(cell.variant)
            artifact = variant.train(datasets, store).artifact
            path = out / "bundles" / f"{symbol.lower()}-fold{fold}-{variant.name}"
            bundle = artifact.save(path, overwrite=True, self_contained=True).relative_to(out)
            facts = {"bundle": str(bundle), "cache_hit": cell not in trained}
            rows.append(_where(cell, variant, datasets) | facts | artifact_facts(artifact))
            tested.append(_tested(variant, artifact, datasets))
    texts = [textwrap.indent(json.dumps(row, indent=1), " ") for row in rows]
    _replace(out / "results.json", "[\n" + ",\n".join(texts) + "\n]")
    return rows, pl.concat(tested)


def _where(cell: Cell, variant: Variant, datasets: Datasets) -> dict[str, Any]:
    test = datasets.test
    assert test.returns is not None
    assert test.time is not None
    return {
        "symbol": cell.symbol,
        "fold": cell.fold,
        "role": role_of(variant),
        "model": variant.trains,
        "test_from": str(test.time.min())[:10],
        "test_to": str(test.time.max())[:10],
        "cost": market.COST,
        "buy_every_row": float(test.returns.mean()),
    }


def _tested(variant: Variant, artifact: TrainedArtifact, datasets: Datasets) -> pl.DataFrame:
    test = datasets.test
    scores = artifact.predict_proba(test.X)[:, 1]
    rows = {
        "date": test.time,
        "label": test.y,
        "net_return": test.returns,
        "score": scores,
        "bought": artifact.signals(scores).astype(bool),
    }
    whose = {"policy": variant.policy.name, "role": role_of(variant), "model": variant.trains}
    return pl.DataFrame(rows).select(
        *(pl.lit(value).alias(name) for name, value in whose.items()), pl.all()
    )


def _replace(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.new")
    with temporary.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
