"""`train_one` and a plain script, given the same data, parameters, seed and threads, agree exactly.

Exactly: the largest difference between probabilities is 0.0 on train, validation and test, theta
and the best iteration are the same, and so is every figure of `SplitMetrics`, to the last bit.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from sklearn.datasets import load_breast_cancer

from cvn_harness_core import (
    Datasets,
    EarlyStopping,
    HPOParams,
    Payoff,
    SplitMetrics,
    TrainingPolicy,
    train_one,
)
from cvn_orchestrator.demo import market

from . import plain_catboost, plain_lightgbm, plain_xgboost
from .plain_figures import Part

PLAIN = {
    "xgboost": plain_xgboost.train,
    "lightgbm": plain_lightgbm.train,
    "catboost": plain_catboost.train,
}
PAYOFF = Payoff(take_profit=2.0, stop_loss=1.0, cost=0.05)
SEED = 7


@dataclass(frozen=True)
class Settings:
    """One setting of hyperparameters: as the harness is told it, and as the library is."""

    harness: dict[str, float]
    library: dict[str, float]


def same(**params):
    return Settings(params, params)


TUNED = {
    "xgboost": same(
        max_depth=4,
        min_child_weight=3.0,
        subsample=0.8,
        colsample_bytree=0.7,
        reg_lambda=2.0,
        reg_alpha=0.1,
        max_bin=128,
    ),
    "lightgbm": Settings(
        harness={
            "num_leaves": 15,
            "min_child_samples": 10,
            "subsample": 0.8,
            "subsample_freq": 1,
            "colsample_bytree": 0.7,
            "reg_lambda": 2.0,
            "reg_alpha": 0.1,
            "max_bin": 127,
        },
        library={
            "num_leaves": 15,
            "min_data_in_leaf": 10,
            "bagging_fraction": 0.8,
            "bagging_freq": 1,
            "feature_fraction": 0.7,
            "lambda_l2": 2.0,
            "lambda_l1": 0.1,
            "max_bin": 127,
        },
    ),
    "catboost": same(
        depth=4,
        l2_leaf_reg=5.0,
        rsm=0.7,
        subsample=0.8,
        random_strength=0.5,
        border_count=128,
    ),
}


@dataclass(frozen=True)
class Boosting:
    """How long to boost, and whether early stopping is expected to cut it short."""

    n_estimators: int
    rounds: int | None
    learning_rate: float
    stops: bool


BOOSTING = {
    "stops_early": Boosting(300, 10, 0.3, stops=True),
    "reaches_the_ceiling": Boosting(20, 200, 0.05, stops=False),
    "without_early_stopping": Boosting(20, None, 0.05, stops=False),
}


@dataclass(frozen=True)
class Data:
    """Three parts as plain arrays; ``realised`` where returns are known and not from a payoff."""

    parts: dict[str, Part]
    realised: bool = False


def synthetic():
    """A weak nonlinear signal in noise; some values are missing."""
    rng = np.random.default_rng(3)
    X = rng.normal(size=(1900, 8))
    chance = 1 / (1 + np.exp(1.2 - X[:, 0] * X[:, 1] - np.sin(2 * X[:, 2])))
    y = (rng.random(1900) < chance).astype(np.int8)
    X[rng.random(X.shape) < 0.05] = np.nan
    rows = {"train": slice(0, 1100), "val": slice(1100, 1500), "test": slice(1500, None)}
    return Data({name: _paid(X[at], y[at]) for name, at in rows.items()})


def breast_cancer():
    """Scikit-learn's Wisconsin data, 569 tumours, shuffled."""
    X, y = load_breast_cancer(return_X_y=True)
    order = np.random.default_rng(5).permutation(y.size)
    rows = {"train": order[:300], "val": order[300:430], "test": order[430:]}
    return Data({name: _paid(X[at], y[at].astype(np.int8)) for name, at in rows.items()})


def sp500():
    """The demo's market data with realised returns, by calendar, purged."""
    table = market.frame("SP500", take_profit=2.0, stop_loss=1.0, horizon=10, cost=0.05)
    edges = [datetime(year, 1, 1) for year in (1990, 2011, 2014, 2030)]
    parts = {}
    for name, start, end in zip(("train", "val", "test"), edges, edges[1:], strict=False):
        rows = table.filter(pl.col("date") >= start, pl.col("label_end") < end)
        parts[name] = Part(
            rows.select(market.FEATURES).to_numpy(),
            rows["label"].to_numpy(),
            rows["net_return"].to_numpy(),
        )
    return Data(parts, realised=True)


def _paid(X, y):
    gain, loss = PAYOFF.take_profit, -PAYOFF.stop_loss
    return Part(np.ascontiguousarray(X), y, np.where(y == 1, gain, loss) - PAYOFF.cost)


@cache
def data(source, dtype):
    found = source()
    parts = {n: replace(p, X=np.ascontiguousarray(p.X, dtype)) for n, p in found.parts.items()}
    return replace(found, parts=parts)


def as_datasets(found):
    """The same arrays as the harness takes them."""
    splits = {
        name: {"X": p.X, "y": p.y, "weight": p.weight}
        | ({"returns": p.returns} if found.realised else {})
        for name, p in found.parts.items()
    }
    names = [f"f{i}" for i in range(found.parts["train"].X.shape[1])]
    return Datasets.from_arrays(**splits, feature_names=names, payoff=PAYOFF)


def both(model, found, settings, boosting, *, weigh_positives, threads=1):
    """Train by the harness and by the plain script."""
    policy = replace(
        TrainingPolicy.adr0089(),
        class_balance="auto" if weigh_positives else "none",
        early_stopping=None if boosting.rounds is None else EarlyStopping(boosting.rounds),
    )
    ceiling = "iterations" if model == "catboost" else "n_estimators"
    params = {**settings.harness, "learning_rate": boosting.learning_rate}
    artifact = train_one(
        model,
        as_datasets(found),
        HPOParams({**params, ceiling: boosting.n_estimators}, seed=SEED, n_threads=threads),
        policy=policy,
    )
    plain = PLAIN[model](
        found.parts,
        params={**settings.library, "learning_rate": boosting.learning_rate},
        n_estimators=boosting.n_estimators,
        rounds=boosting.rounds,
        weigh_positives=weigh_positives,
        seed=SEED,
        threads=artifact.n_threads,
    )
    return artifact, plain


def require_equal(artifact, plain, found):
    for name, part in found.parts.items():
        probability = artifact.predict_proba(part.X)[:, 1]
        assert np.abs(probability - plain.probability[name]).max() == 0.0, name
    assert artifact.best_iteration == plain.best_iteration
    assert artifact.learning_curve.n_iterations == plain.n_iterations
    assert artifact.theta == plain.theta
    for name in found.parts:
        assert isinstance(artifact.metrics[name], SplitMetrics)
        assert artifact.metrics[name].figures() == plain.figures[name], name


@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])
@pytest.mark.parametrize("boosting", BOOSTING.values(), ids=BOOSTING)
@pytest.mark.parametrize("weigh_positives", [True, False], ids=["class_weight", "no_class_weight"])
@pytest.mark.parametrize("source", [synthetic, breast_cancer, sp500])
@pytest.mark.parametrize("model", PLAIN)
def test_the_path_equals_the_plain_script(model, source, weigh_positives, boosting, dtype):
    found = data(source, dtype)

    artifact, plain = both(model, found, same(), boosting, weigh_positives=weigh_positives)

    assert (plain.n_iterations < boosting.n_estimators) == boosting.stops
    require_equal(artifact, plain, found)


@pytest.mark.parametrize("weigh_positives", [True, False], ids=["class_weight", "no_class_weight"])
@pytest.mark.parametrize("source", [synthetic, breast_cancer, sp500])
@pytest.mark.parametrize("model", PLAIN)
def test_it_does_so_with_other_hyperparameters(model, source, weigh_positives):
    found = data(source, np.float64)

    artifact, plain = both(
        model, found, TUNED[model], BOOSTING["stops_early"], weigh_positives=weigh_positives
    )

    require_equal(artifact, plain, found)


@pytest.mark.parametrize("model", PLAIN)
def test_it_does_so_with_the_threads_that_the_harness_chooses(model):
    found = data(synthetic, np.float64)

    artifact, plain = both(
        model,
        found,
        TUNED[model],
        BOOSTING["reaches_the_ceiling"],
        weigh_positives=True,
        threads=None,
    )

    require_equal(artifact, plain, found)


@pytest.mark.parametrize("model", PLAIN)
def test_it_does_so_with_sample_weights(model):
    found = data(synthetic, np.float64)
    rng = np.random.default_rng(11)
    parts = {
        name: replace(part, weight=rng.uniform(0.2, 3.0, part.y.size))
        for name, part in found.parts.items()
    }
    found = replace(found, parts=parts)

    artifact, plain = both(
        model, found, TUNED[model], BOOSTING["stops_early"], weigh_positives=True
    )

    require_equal(artifact, plain, found)


@pytest.mark.parametrize("model", PLAIN)
def test_class_weight_is_what_tells_the_two_policies_apart(model):
    """Guards the comparison itself: were it dropped on both sides, all would still agree."""
    found = data(sp500, np.float64)
    boosting = BOOSTING["without_early_stopping"]

    weighed, _ = both(model, found, same(), boosting, weigh_positives=True)
    unweighed, _ = both(model, found, same(), boosting, weigh_positives=False)

    X = found.parts["test"].X
    assert weighed.predict_proba(X)[:, 1].mean() > unweighed.predict_proba(X)[:, 1].mean() + 0.05


def test_the_plain_scripts_do_not_use_the_harness():
    program = (
        "import sys; from parity import plain_catboost, plain_lightgbm, plain_xgboost; "
        "print([name for name in sys.modules if name.startswith('cvn_')])"
    )
    folder = Path(__file__).parents[1]

    out = subprocess.run(
        [sys.executable, "-c", program], cwd=folder, check=True, capture_output=True, text=True
    )

    assert out.stdout.strip() == "[]"
