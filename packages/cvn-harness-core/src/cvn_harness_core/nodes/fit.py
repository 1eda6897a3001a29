"""From parameters and data to a fitted model and its scores."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cvn_harness_core.contracts.datasets import Datasets
from cvn_harness_core.contracts.model import FitRequest, Fitted, ModelAdapter, ModelSpec, Stopping
from cvn_harness_core.contracts.params import EffectiveParam, ParamValue, ResolvedParam
from cvn_harness_core.contracts.plain import plain
from cvn_harness_core.contracts.split import Array
from cvn_harness_core.errors import InputError
from cvn_harness_core.nodes.class_balance import ClassBalance
from cvn_harness_core.policy import TrainingPolicy
from cvn_harness_core.scoring import positive_scores


@dataclass(frozen=True)
class Scores:
    """Probabilities of the positive class on each split, float64, (n,) each; test may be none."""

    train: Array
    val: Array
    test: Array = field(default_factory=lambda: np.empty(0))


def stopping(spec: ModelSpec, policy: TrainingPolicy) -> Stopping | None:
    """Return early stopping in the library's terms; None if the model does not boost."""
    if not spec.stopping_metrics:
        return None
    if policy.early_stopping is None:
        return Stopping(next(iter(spec.stopping_metrics.values())), rounds=None)
    wanted = policy.early_stopping
    if wanted.metric not in spec.stopping_metrics:
        message = (
            f"{spec.name} cannot stop on {wanted.metric!r}; it offers "
            f"{', '.join(spec.stopping_metrics)} (policy.early_stopping.metric)."
        )
        raise InputError("setting_invalid", message)
    if wanted.min_delta and not spec.stopping_min_delta:
        message = f"{spec.name} cannot stop by a least improvement; set min_delta=0."
        raise InputError("setting_invalid", message)
    return Stopping(spec.stopping_metrics[wanted.metric], wanted.rounds, wanted.min_delta)


def fit_request(
    spec: ModelSpec,
    parameters: dict[str, ResolvedParam],
    class_balance: ClassBalance,
    stopping: Stopping | None,
    seed: int,
    n_threads: int,
    watch: Any,
) -> FitRequest:
    """Return what the adapter is asked to do; ``watch`` is a search's, else None."""
    params = {name: p.value for name, p in parameters.items() if p.value is not None}
    weighs = spec.positive_weight_param
    if weighs is not None and (weighs in params or class_balance.positive_weight != 1.0):
        params[weighs] = class_balance.positive_weight
    return FitRequest(params, seed, n_threads, stopping, watch)


def prepared(prepare: Any, training_data: Datasets, fit_request: FitRequest) -> Any:
    """Return the library's own form of the data; ``prepare`` is the adapter's, or a search's.

    It sees no row of test.
    """
    return prepare(training_data.without_test(), fit_request)


def fitted(adapter: ModelAdapter, prepared: Any, fit_request: FitRequest) -> Fitted:
    """Train, once."""
    result = adapter.fit(prepared, fit_request)
    if not isinstance(result, Fitted):
        message = f"the adapter's fit returned {type(result).__name__}, not Fitted"
        raise TypeError(message)
    best, run = result.best_iteration, result.n_iterations
    points = None if result.curve is None else result.curve.val.size
    ceiling = min((n for n in (run, points) if n is not None), default=best)
    if best is not None and ceiling is not None and not 1 <= best <= ceiling:
        message = f"best_iteration is {best} of {run} iterations and {points} points of the curve"
        raise ValueError(message)
    return result


def native(fitted: Fitted) -> Any:
    """Return the library's model."""
    return fitted.native


def native_scores(adapter: ModelAdapter, native: Any, datasets: Datasets, n_threads: int) -> Scores:
    """Score all splits that have rows, as the library does."""
    parts = {
        name: positive_scores(adapter, native, split.X, n_threads)
        for name, split in datasets.splits()
    }
    return Scores(**parts)


def effective_params(
    adapter: ModelAdapter,
    native: Any,
    spec: ModelSpec,
    parameters: dict[str, ResolvedParam],
    class_balance: ClassBalance,
    fit_request: FitRequest,
) -> dict[str, EffectiveParam]:
    """Return what the fitted model says it used, and who chose each value.

    A parameter of the plugin appears under its canonical name; whatever else the library reports
    appears under the library's name. A value that was requested and that the library does not
    report is None: it is unconfirmed, or had no effect. (The ceiling of iterations is the
    harness's own, and stands as requested.)
    """
    said = {name: _reported(v) for name, v in adapter.effective_params(native).items()}
    found: dict[str, EffectiveParam] = {}
    left = [name for name in parameters if name not in fit_request.params]  # to the library
    for name in (*fit_request.params, *left):
        value, param = fit_request.params.get(name), spec.param(name)
        native_name = (param.native if param else None) or name
        chosen = parameters.get(name, ResolvedParam(value, "policy"))
        if name == spec.positive_weight_param and value is not None:
            chosen = _weighed(chosen, class_balance)
        unsaid = value if name == spec.iterations_param else None
        found[name] = EffectiveParam(
            said.pop(native_name, unsaid),
            chosen.source,
            requested=value,
            overridden=chosen.overridden,
            origin=chosen.origin,
        )
    canonical = {p.native or p.name: p.name for p in spec.params}
    for name, value in said.items():
        found.setdefault(canonical.get(name, name), EffectiveParam(value, "library"))
    return found


def _weighed(chosen: ResolvedParam, class_balance: ClassBalance) -> ResolvedParam:
    """Return the weight of positives with the policy's place among the layers."""
    if class_balance.source == "user":
        replaced = class_balance.replaced
        return chosen if replaced is None else chosen.over(replaced, "policy")
    if chosen.source == "policy":
        return chosen
    return chosen.replaced(class_balance.positive_weight, "policy")


def _reported(value: Any) -> ParamValue:
    kept: Any = plain(value)
    return tuple(kept) if isinstance(kept, list) else kept
