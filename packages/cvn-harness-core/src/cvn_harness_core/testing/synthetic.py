"""Made-up data: a signal in noise, which a model that learns must find."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from cvn_harness_core import Datasets, Payoff, Split
from cvn_harness_core.contracts.split import Array

Change = Callable[[str, Array, Array], Split]

NAMES = tuple(f"x{i}" for i in range(6))
_SIZES = {"train": 600, "val": 400, "test": 300}
_HOUR = np.timedelta64(1, "h")


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
    change: Change | None = None,
    *,
    n: int = 600,
    sizes: Mapping[str, int] | None = None,
    names: tuple[str, ...] = NAMES,
    timed: bool = False,
) -> Datasets:
    """Return datasets of synthetic rows: ``n`` to train on, 400 for validation, 300 for test.

    ``change(name, X, y)`` may make another split of a part's rows; ``sizes`` are other numbers of
    rows, by part; ``timed`` gives each row an hour of its own, at whose end its label is known.
    """
    splits, hour = {}, np.datetime64("2020-01-01T00", "h")
    for seed, (name, size) in enumerate({**_SIZES, "train": n, **(sizes or {})}.items()):
        X, y = synthetic_rows(size, seed)
        split = Split(X, y) if change is None else change(name, X, y)
        if timed:
            time = hour + np.arange(size) * _HOUR
            split, hour = replace(split, time=time, label_end=time + _HOUR), time[-1] + 3 * _HOUR
        splits[name] = split
    return Datasets.from_arrays(
        **splits,
        feature_names=names,
        feature_version="synthetic data of the conformance kit",
        payoff=Payoff(take_profit=2.0, stop_loss=1.0, cost=0.05),
        tags={"symbol": "SYNTHETIC"},
    )


def unseen_rows() -> Array:
    """Return rows that no training of the kit has seen, (200, 6) float64, fresh every time."""
    return synthetic_rows(200, seed=3)[0]
