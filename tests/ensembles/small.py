"""Small data and small fits, so that ensembles of three models take a second. Synthetic."""

from __future__ import annotations

import numpy as np

from cvn_harness_core import Datasets, HPOParams, Payoff

HOUR = np.timedelta64(1, "h")
PARAMS = {
    "xgboost": HPOParams({"n_estimators": 15, "max_depth": 2}, seed=1, n_threads=1),
    "lightgbm": HPOParams({"n_estimators": 15, "num_leaves": 4}, seed=1, n_threads=1),
    "catboost": HPOParams({"iterations": 15, "depth": 2}, seed=1, n_threads=1),
}
BASES = tuple(PARAMS)
ENSEMBLES = ("blend_avg", "stack_logreg", "stack_xgb_meta")


def datasets(seed: int = 0, *, n: int = 2_400, canary: bool = False) -> Datasets:
    """Return hourly rows whose labels take three hours to be decided.

    ``canary`` adds a feature that is noise in the rows that the first folds train on, and knows the
    label of the later ones.
    """
    rng = np.random.default_rng(seed)
    parts, start = {}, np.datetime64("2022-01-01", "h")
    for name, size in {"train": n, "val": n // 4, "test": n // 4}.items():
        X = rng.normal(size=(size, 5))
        odds = -1.2 + X[:, 0] + 0.7 * X[:, 1] * (X[:, 2] > 0)
        y = (rng.random(size) < 1 / (1 + np.exp(-odds))).astype(np.int8)
        if canary:
            knows = np.arange(size) >= size // 4 if name == "train" else np.ones(size, bool)
            X[knows, 4] = y[knows] + 0.01 * X[knows, 4]
        time = start + np.arange(size) * HOUR
        parts[name] = {"X": X, "y": y, "time": time, "label_end": time + 3 * HOUR}
        start = time[-1] + 10 * HOUR
    return Datasets.from_arrays(
        **parts,
        feature_names=[f"f{i}" for i in range(5)],
        payoff=Payoff(1.5, 0.5, cost=0.05),
        tags={"symbol": "SYNTHETIC"},
    )
