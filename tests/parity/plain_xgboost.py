"""XGBoost by its own API: DMatrix, train, early stopping, threshold 0.5. No harness."""

from __future__ import annotations

import numpy as np
import xgboost as xgb

from .plain_figures import Result, figures, negatives_over_positives


def train(parts, *, params, n_estimators, rounds, weigh_positives, seed, threads, quantised=False):
    settings = {
        "objective": "binary:logistic",
        "eval_metric": "logloss",
        "tree_method": "hist",
        "learning_rate": 0.05,
        "seed": seed,
        "nthread": threads,
        **params,
    }
    if weigh_positives:
        settings["scale_pos_weight"] = negatives_over_positives(parts["train"].y)
    matrix = {
        name: xgb.DMatrix(part.X, label=part.y, weight=part.weight, nthread=threads)
        for name, part in parts.items()
        if name == "test" or not quantised
    }
    if quantised:
        for name, ref in (("train", None), ("val", "train")):
            part = parts[name]
            matrix[name] = xgb.QuantileDMatrix(
                part.X, label=part.y, weight=part.weight, nthread=threads, ref=matrix.get(ref)
            )
    booster = xgb.train(
        settings,
        matrix["train"],
        num_boost_round=n_estimators,
        evals=[(matrix["train"], "train"), (matrix["val"], "val")],
        early_stopping_rounds=rounds,
        verbose_eval=False,
    )
    best = n_estimators if rounds is None else booster.best_iteration + 1
    probability = {
        name: booster.predict(matrix[name], iteration_range=(0, best)).astype(np.float64)
        for name in parts
    }
    theta = 0.5
    return Result(
        probability=probability,
        theta=theta,
        best_iteration=best,
        n_iterations=booster.num_boosted_rounds(),
        figures={name: figures(parts[name], probability[name], theta) for name in parts},
    )
