"""Made-up data: a signal in noise, which a model that learns must find."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from cvn_harness_core import Datasets, Payoff, Split
from cvn_harness_core.contracts.split import Array


def synthetic_rows(n: int, seed: int = 0) -> tuple[Array, Array]:
    """Return made-up rows: X (n, 6) float64, standard normal, and labels y (n,) int8.

    The log odds are ``x0 * x1 + sin(2 * x2) - 1``: a weak signal that no linear model finds, in
    noise; about a third is positive. The other three features mean nothing.
    """
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 6))
    log_odds = X[:, 0] * X[:, 1] + np.sin(2 * X[:, 2]) - 1.0
    return X, (rng.random(n) < 1 / (1 + np.exp(-log_odds))).astype(np.int8)


def synthetic_datasets(
    change: Callable[[str, Array, Array], Split] | None = None, *, n: int = 600
) -> Datasets:
    """Return datasets of synthetic rows: ``n`` to train on, 400 for validation, 300 for test.

    ``change(name, X, y)`` may make another split of a part's rows.
    """
    splits = {}
    for seed, (name, size) in enumerate({"train": n, "val": 400, "test": 300}.items()):
        X, y = synthetic_rows(size, seed)
        splits[name] = Split(X, y) if change is None else change(name, X, y)
    return Datasets.from_arrays(
        **splits,
        feature_names=[f"x{i}" for i in range(splits["train"].X.shape[1])],
        feature_version="synthetic data of the conformance kit",
        payoff=Payoff(take_profit=2.0, stop_loss=1.0, cost=0.05),
        tags={"symbol": "SYNTHETIC"},
    )


# Rows that no training of the kit has seen, (200, 6) float64.
UNSEEN_ROWS = synthetic_rows(200, seed=3)[0]
