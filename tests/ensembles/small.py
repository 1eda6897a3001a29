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


def drifting(seed: int, *, n: int = 3_000, horizon: int = 24) -> Datasets:
    """Return hourly rows of a random walk: whether it rises, and its level, which tells nothing.

    Labels overlap, so that level and labels go together for long stretches by chance.
    """
    rng = np.random.default_rng(seed)
    size = n + 1_200 + horizon
    price = np.cumsum(rng.normal(size=size + horizon))
    y = (price[horizon:] > price[:-horizon]).astype(np.int8)
    X = np.column_stack([price[:size], rng.normal(size=size)])
    time = np.datetime64("2020-01-01", "h") + np.arange(size) * HOUR
    first, last = n + horizon + 1, n + horizon + 601
    cuts = {"train": (0, n), "val": (first, last), "test": (last + horizon + 1, size)}
    parts = {
        name: {"X": X[a:b], "y": y[a:b], "time": time[a:b], "label_end": time[a:b] + horizon * HOUR}
        for name, (a, b) in cuts.items()
    }
    return Datasets.from_arrays(**parts, feature_names=["level", "noise"], payoff=Payoff(1.0, 1.0))


def datasets(
    seed: int = 0,
    *,
    n: int = 2_400,
    canary: tuple[float, float] | None = None,
    noise: float = 0.01,
) -> Datasets:
    """Return hourly rows whose labels take three hours to be decided.

    ``canary`` makes of the last feature one that knows the label, but for ``noise``, from one share
    of the training rows to another (and in validation and test); elsewhere it knows nothing.
    """
    rng = np.random.default_rng(seed)
    parts, start = {}, np.datetime64("2022-01-01", "h")
    for name, size in {"train": n, "val": n // 4, "test": n // 4}.items():
        X = rng.normal(size=(size, 5))
        odds = -1.2 + X[:, 0] + 0.7 * X[:, 1] * (X[:, 2] > 0)
        y = (rng.random(size) < 1 / (1 + np.exp(-odds))).astype(np.int8)
        if canary:
            knows = (
                slice(int(canary[0] * n), int(canary[1] * n)) if name == "train" else slice(None)
            )
            X[knows, 4] = y[knows] + noise * X[knows, 4]
        time = start + np.arange(size) * HOUR
        parts[name] = {"X": X, "y": y, "time": time, "label_end": time + 3 * HOUR}
        start = time[-1] + 10 * HOUR
    return Datasets.from_arrays(
        **parts,
        feature_names=[f"f{i}" for i in range(5)],
        payoff=Payoff(1.5, 0.5, cost=0.05),
        tags={"symbol": "SYNTHETIC"},
    )
