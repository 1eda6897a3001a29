"""Between the harness and LightGBM's native API."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import lightgbm as lgb
import numpy as np

from cvn_harness_core import (
    Array,
    Datasets,
    FitRequest,
    Fitted,
    LearningCurve,
    ModelAdapter,
    ParamValue,
)
from cvn_model_lightgbm.params import PARAMS

_DATASET_LEVEL = frozenset(p.name for p in PARAMS if p.dataset_level)


@dataclass(frozen=True)
class Prepared:
    """Training and validation rows in LightGBM's own form, binned once."""

    train: lgb.Dataset
    val: lgb.Dataset


class LightGBMAdapter(ModelAdapter):
    """Binary gradient boosting of trees, on the CPU, deterministic."""

    def prepare(self, datasets: Datasets, request: FitRequest) -> Prepared:
        """Return binned datasets, validation by the training's bins.

        Only dataset-level parameters go in, so that one that belongs to the fit cannot stick.
        """
        params = {n: v for n, v in request.params.items() if n in _DATASET_LEVEL}
        settings = {**params, **_pinned(request)}
        train = lgb.Dataset(
            datasets.train.X,
            label=datasets.train.y,
            weight=datasets.train.weight,
            params=settings,
            free_raw_data=not params.get("linear_tree", False),
        )
        val = lgb.Dataset(
            datasets.val.X,
            label=datasets.val.y,
            weight=datasets.val.weight,
            reference=train,
            params=settings,
            free_raw_data=not params.get("linear_tree", False),
        )
        return Prepared(train.construct(), val.construct())

    def fingerprint(self, prepared: Prepared) -> Any:
        """Return the settings, the bins' number by feature, the labels, weights and first scores.

        The binned values and their bounds are left out: LightGBM has no way to set them.
        """
        return [
            (
                dict(data.params or {}),
                data.num_data(),
                [data.feature_num_bin(i) for i in range(data.num_feature())],
                *(
                    None if numbers is None else np.asarray(numbers).tobytes()
                    for numbers in (data.get_label(), data.get_weight(), data.get_init_score())
                ),
            )
            for data in (prepared.train, prepared.val)
        ]

    def fit(self, prepared: Prepared, request: FitRequest) -> Fitted:
        """Boost up to ``n_estimators`` rounds and remember the best."""
        stopping = request.stopping
        assert stopping is not None
        params = dict(request.params)
        rounds = int(params.pop("n_estimators"))  # type: ignore[arg-type]
        history: dict[str, dict[str, list[float]]] = {}
        callbacks = [lgb.record_evaluation(history)]
        if stopping.rounds is not None:
            callbacks.append(
                lgb.early_stopping(stopping.rounds, verbose=False, min_delta=stopping.min_delta)
            )
        if request.watch is not None:
            callbacks.append(_watching(request.watch, stopping.min_delta))
        booster = lgb.train(
            {
                **params,
                **_pinned(request),
                "objective": "binary",
                "metric": stopping.metric,
                "seed": request.seed,
            },
            prepared.train,
            num_boost_round=rounds,
            valid_sets=[prepared.train, prepared.val],
            valid_names=["train", "val"],
            callbacks=callbacks,
        )
        val = np.asarray(history["val"][stopping.metric])
        best = booster.best_iteration if stopping.rounds is not None else val.size
        return Fitted(
            native=booster,
            best_iteration=best,
            n_iterations=val.size,
            curve=LearningCurve(
                metric=stopping.metric,
                train=np.asarray(history["train"][stopping.metric]),
                val=val,
            ),
        )

    def predict_proba(self, native: lgb.Booster, X: Array, *, n_threads: int) -> Array:
        """Return the probability of the positive class, (n,) float64."""
        return np.asarray(native.predict(X, num_threads=n_threads))

    def save(self, native: lgb.Booster) -> bytes:
        """Return LightGBM's text, up to the best iteration."""
        text: str = native.model_to_string()
        return text.encode()

    def load(self, payload: bytes) -> lgb.Booster:
        """Read LightGBM's text."""
        return lgb.Booster(model_str=payload.decode())

    def effective_params(self, native: lgb.Booster) -> Mapping[str, ParamValue]:
        """Return the parameters that the model's own text states."""
        text: str = native.model_to_string(num_iteration=1)
        section = text.partition("\nparameters:\n")[2].partition("\nend of parameters")[0]
        lines = (line.strip("[]").partition(": ") for line in section.splitlines())
        return {name.rstrip(":"): _number(value) for name, _, value in lines if name}


def _watching(
    watch: Callable[[int, float], bool], min_delta: float
) -> Callable[[lgb.callback.CallbackEnv], None]:
    """Return what ends the boosting when told to, at the iteration that early stopping would keep.

    LightGBM takes the one that the exception names for the best.
    """
    best, best_at = -math.inf, 0

    def callback(env: lgb.callback.CallbackEnv) -> None:
        nonlocal best, best_at
        results = env.evaluation_result_list or []
        value, higher_is_better = next(result[2:4] for result in results if result[0] == "val")
        signed = value if higher_is_better else -value
        if signed > best + min_delta:
            best, best_at = signed, env.iteration
        if watch(env.iteration + 1, float(value)):
            raise lgb.callback.EarlyStopException(best_at, results)

    callback.order = 40  # type: ignore[attr-defined]  # after what records and what stops early
    return callback


def _pinned(request: FitRequest) -> dict[str, Any]:
    return {
        "deterministic": True,
        "feature_pre_filter": False,
        "force_col_wise": True,
        "num_threads": request.n_threads,
        "verbosity": -1,
    }


def _number(text: str) -> ParamValue:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
