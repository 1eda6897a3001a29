"""Checks of early stopping and of the best iteration, for models that boost."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import get_args

import numpy as np

from cvn_harness_core import EarlyStopping, InputError, Split, TrainedArtifact, TrainingPolicy
from cvn_harness_core.contracts.model import StoppingMetric
from cvn_harness_core.testing.check import check
from cvn_harness_core.testing.model_subject import ModelUnderTest
from cvn_harness_core.testing.subject import TO_THE_CEILING
from cvn_harness_core.testing.synthetic import synthetic_datasets
from cvn_harness_core.testing.verdict import refusal, require, skip


@check()
def early_stopping(model: ModelUnderTest) -> None:
    """Each declared metric stops the training, and no other is accepted.

    Against validation labels that are turned over, learning only hurts: it must stop.
    """
    rounds, ceiling = 5, 400
    _needs_stopping(model)
    for metric in get_args(StoppingMetric):
        policy = TrainingPolicy(early_stopping=EarlyStopping(rounds, metric))
        if metric not in model.spec.stopping_metrics:
            with refusal(InputError) as refused:
                model.train(policy=policy)
            expected = f"the undeclared metric {metric} to be refused"
            require(metric in refused.said, expected, refused.said, "do not replace `stopping`")
            continue
        native_name = model.spec.stopping_metrics[metric]
        curve = _against_validation(model, policy, ceiling).learning_curve
        best, run = curve.best_iteration or 0, curve.n_iterations or 0
        require(
            1 <= best <= run < ceiling,
            f"{metric}: 1 <= best_iteration <= n_iterations < {ceiling}, the ceiling",
            curve,
            "return both in Fitted, counted from 1, and obey request.stopping",
        )
        require(
            rounds <= run - best <= rounds + 1,
            f"{metric}: {rounds} iterations after the best one",
            curve,
            "stop when stopping.rounds iterations have not improved on the best one",
        )
        said = (curve.stopping_rounds, curve.ceiling, curve.metric or "")
        require(
            said in {(rounds, ceiling, native_name), (rounds, ceiling, "")},
            f"rounds {rounds}, ceiling {ceiling}, {native_name}",
            curve,
            "watch request.stopping.metric, and correct ModelSpec.iterations_param",
        )


@check()
def no_early_stopping(model: ModelUnderTest) -> None:
    """``early_stopping=None`` keeps every iteration, even those that hurt validation."""
    _needs_stopping(model)
    curve = _against_validation(model, TO_THE_CEILING, 40).learning_curve
    require(
        (curve.best_iteration, curve.n_iterations, curve.stopping_rounds) == (40, 40, None),
        "best_iteration 40, n_iterations 40, stopping_rounds None",
        curve,
        "where stopping.rounds is None, neither stop nor cut the model to its best iteration",
    )


@check()
def least_improvement(model: ModelUnderTest) -> None:
    """A least improvement is obeyed or refused: none is as large as ten, so the first is best."""
    _needs_stopping(model)
    policy = TrainingPolicy(early_stopping=EarlyStopping(3, min_delta=10.0))
    if not model.spec.stopping_min_delta:
        with refusal(InputError) as refused:
            model.train(policy=policy)
        expected = "min_delta to be refused, as it is not declared"
        require("min_delta" in refused.said, expected, refused.said, "do not replace `stopping`")
        return
    curve = model.train(policy=policy).learning_curve
    require(
        curve.best_iteration == 1,
        "best_iteration 1 with min_delta=10",
        curve,
        "pass stopping.min_delta on, or set ModelSpec.stopping_min_delta=False",
    )


@check()
def best_iteration(model: ModelUnderTest) -> None:
    """What the learning curve says at the best iteration is true of the scores."""
    _needs_stopping(model)
    for metric in ("log_loss", "roc_auc"):
        if metric not in model.spec.stopping_metrics:
            continue
        policy = TrainingPolicy(early_stopping=EarlyStopping(5, metric))
        artifact = model.train(policy=policy, params={model.ceiling: 200})
        said, seen = artifact.learning_curve.val_best, artifact.metrics["val"].figures()[metric]
        if said is None:
            skip(f"{model.name} keeps no learning curve")
        require(
            math.isclose(said, seen or 0.0, rel_tol=1e-4),
            f"{metric} {said} on validation, as the learning curve says",
            seen,
            "predict with the first Fitted.best_iteration iterations only",
        )


@check()
def watching(model: ModelUnderTest) -> None:
    """``request.watch`` is called after each iteration and can end the boosting: it prunes."""
    _needs_stopping(model)
    seen: list[tuple[int, float]] = []

    def watch(iteration: int, value: float) -> bool:
        seen.append((iteration, value))
        return iteration == 7

    adapter, request = model.author(), replace(model.request(), watch=watch)
    fitted = adapter.fit(adapter.prepare(synthetic_datasets().without_test(), request), request)
    mend = "call request.watch(iteration from 1, metric on validation), and end where it is True"
    numbers = [iteration for iteration, _ in seen]
    require(numbers == [*range(1, 8)], "watch to be called with 1 to 7", numbers, mend)
    require(fitted.n_iterations == 7, "7 iterations", fitted.n_iterations, mend)
    if fitted.curve is not None:
        values = [value for _, value in seen]
        same = np.allclose(values, fitted.curve.val, rtol=1e-6)
        require(same, f"the curve's values {fitted.curve.val}", values, mend)


def _needs_stopping(model: ModelUnderTest) -> None:
    if not model.spec.stopping_metrics:
        skip(f"{model.name} declares no stopping_metrics")


def _against_validation(
    model: ModelUnderTest, policy: TrainingPolicy, ceiling: int
) -> TrainedArtifact:
    datasets = synthetic_datasets(lambda name, X, y: Split(X, 1 - y if name == "val" else y))
    return model.train(datasets, policy, {model.ceiling: ceiling})
