"""CatBoost by its own API: Pool, train, early stopping, F1 grid. No harness."""

from __future__ import annotations

import catboost

from .plain_figures import Result, figures, first_best_f1, negatives_over_positives


def train(parts, *, params, n_estimators, rounds, weigh_positives, seed, threads):
    settings = {
        "loss_function": "Logloss",
        "iterations": n_estimators,
        "learning_rate": 0.05,
        "boosting_type": "Plain",
        "random_seed": seed,
        "thread_count": threads,
        "allow_writing_files": False,
        **params,
    }
    if weigh_positives:
        settings["scale_pos_weight"] = negatives_over_positives(parts["train"].y)
    pool = {
        name: catboost.Pool(part.X, label=part.y, weight=part.weight)
        for name, part in parts.items()
    }
    if rounds is None:
        settings["use_best_model"] = False
    model = catboost.train(
        pool["train"],
        settings,
        eval_set=pool["val"],
        early_stopping_rounds=rounds,
        logging_level="Silent",
    )
    probability = {
        name: model.predict(part.X, prediction_type="Probability", thread_count=threads)[:, 1]
        for name, part in parts.items()
    }
    theta = first_best_f1(parts["val"].y, probability["val"])
    return Result(
        probability=probability,
        theta=theta,
        best_iteration=n_estimators if rounds is None else model.get_best_iteration() + 1,
        n_iterations=len(model.get_evals_result()["validation"]["Logloss"]),
        figures={name: figures(parts[name], probability[name], theta) for name in parts},
    )
