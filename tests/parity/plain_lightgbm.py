"""LightGBM by its own API: Dataset, train, early stopping, F1 grid. No harness."""

from __future__ import annotations

import lightgbm as lgb

from .plain_figures import Result, figures, first_best_f1, negatives_over_positives


def train(parts, *, params, n_estimators, rounds, weigh_positives, seed, threads):
    settings = {
        "objective": "binary",
        "metric": "binary_logloss",
        "learning_rate": 0.05,
        "deterministic": True,
        "force_col_wise": True,
        "seed": seed,
        "num_threads": threads,
        "verbosity": -1,
        **params,
    }
    if weigh_positives:
        settings["scale_pos_weight"] = negatives_over_positives(parts["train"].y)
    train_set = lgb.Dataset(parts["train"].X, label=parts["train"].y, weight=parts["train"].weight)
    val_set = train_set.create_valid(
        parts["val"].X, label=parts["val"].y, weight=parts["val"].weight
    )
    history = {}
    callbacks = [lgb.record_evaluation(history)]
    if rounds is not None:
        callbacks.append(lgb.early_stopping(rounds, verbose=False))
    booster = lgb.train(
        settings,
        train_set,
        num_boost_round=n_estimators,
        valid_sets=[train_set, val_set],
        valid_names=["train", "val"],
        callbacks=callbacks,
    )
    probability = {
        name: booster.predict(part.X, num_threads=threads) for name, part in parts.items()
    }
    theta = first_best_f1(parts["val"].y, probability["val"])
    return Result(
        probability=probability,
        theta=theta,
        best_iteration=n_estimators if rounds is None else booster.best_iteration,
        n_iterations=len(history["val"]["binary_logloss"]),
        figures={name: figures(parts[name], probability[name], theta) for name in parts},
    )
