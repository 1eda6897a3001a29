"""Between the harness and XGBoost's native API."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xgboost as xgb

from cvn_harness_core import (
    Array,
    Datasets,
    FitRequest,
    Fitted,
    LearningCurve,
    ModelAdapter,
    ParamValue,
    Split,
)


@dataclass(frozen=True)
class Prepared:
    """Training and validation rows in XGBoost's own form."""

    train: xgb.DMatrix
    val: xgb.DMatrix


class XGBoostAdapter(ModelAdapter):
    """Binary logistic boosting of trees, on the CPU."""

    def prepare(self, datasets: Datasets, request: FitRequest) -> Prepared:
        """Return quantised matrices (validation by the training's cuts), plain ones for others."""
        train, val = datasets.train, datasets.val
        common = {"nthread": request.n_threads}
        if request.params.get("tree_method") != "hist":
            return Prepared(
                xgb.DMatrix(**_columns(train), **common), xgb.DMatrix(**_columns(val), **common)
            )
        max_bin = request.params.get("max_bin")
        first = xgb.QuantileDMatrix(**_columns(train), max_bin=max_bin, **common)
        second = xgb.QuantileDMatrix(**_columns(val), max_bin=max_bin, ref=first, **common)
        return Prepared(first, second)

    def fingerprint(self, prepared: Prepared) -> Any:
        """Return size, labels, weights and, where the data are quantised, the cuts."""
        return [
            (
                data.num_row(),
                data.num_col(),
                data.get_label().tobytes(),
                data.get_weight().tobytes(),
                [part.tobytes() for part in data.get_quantile_cut()]
                if isinstance(data, xgb.QuantileDMatrix)
                else None,
            )
            for data in (prepared.train, prepared.val)
        ]

    def fit(self, prepared: Prepared, request: FitRequest) -> Fitted:
        """Boost up to ``n_estimators`` rounds and keep those up to the best."""
        stopping = request.stopping
        assert stopping is not None
        params = dict(request.params)
        rounds = int(params.pop("n_estimators"))  # type: ignore[arg-type]
        callbacks: list[xgb.callback.TrainingCallback] = []
        if stopping.rounds is not None:
            callbacks.append(
                xgb.callback.EarlyStopping(
                    rounds=stopping.rounds,
                    metric_name=stopping.metric,
                    data_name="val",
                    min_delta=stopping.min_delta,
                )
            )
        if request.watch is not None:
            callbacks.append(_Watching(request.watch, stopping.metric))
        history: dict[str, dict[str, list[float]]] = {}
        booster = xgb.train(
            {
                **params,
                "objective": "binary:logistic",
                "eval_metric": stopping.metric,
                "device": "cpu",
                "nthread": request.n_threads,
                "seed": request.seed,
                "verbosity": 0,
            },
            prepared.train,
            num_boost_round=rounds,
            evals=[(prepared.train, "train"), (prepared.val, "val")],
            evals_result=history,
            verbose_eval=False,
            callbacks=callbacks,
        )
        run = booster.num_boosted_rounds()
        best = booster.best_iteration + 1 if stopping.rounds is not None else run
        return Fitted(
            native=booster if best == run else booster[:best],
            best_iteration=best,
            n_iterations=run,
            curve=LearningCurve(
                metric=stopping.metric,
                train=np.asarray(history["train"][stopping.metric]),
                val=np.asarray(history["val"][stopping.metric]),
            ),
        )

    def predict_proba(self, native: xgb.Booster, X: Array, *, n_threads: int) -> Array:
        """Return the probability of the positive class, (n,) float32."""
        native.set_param({"nthread": n_threads})
        scores: Array = native.inplace_predict(X)
        return scores

    def save(self, native: xgb.Booster) -> bytes:
        """Return UBJSON."""
        return bytes(native.save_raw("ubj"))

    def load(self, payload: bytes) -> xgb.Booster:
        """Read UBJSON."""
        booster = xgb.Booster()
        booster.load_model(bytearray(payload))
        return booster

    def effective_params(self, native: xgb.Booster) -> Mapping[str, ParamValue]:
        """Return the tree booster's and the objective's parameters from the saved configuration."""
        learner = json.loads(native.save_config())["learner"]
        sections = (learner["gradient_booster"], learner["objective"])
        return {name: value for section in sections for name, value in _leaves(section)}


class _Watching(xgb.callback.TrainingCallback):
    def __init__(self, watch: Callable[[int, float], bool], metric: str) -> None:
        super().__init__()
        self._watch, self._metric = watch, metric

    def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:  # noqa: ARG002
        return self._watch(epoch + 1, float(evals_log["val"][self._metric][-1]))


def _columns(split: Split) -> dict[str, Any]:
    return {"data": split.X, "label": split.y, "weight": split.weight}


_SPELT_TWICE = frozenset({"eta", "gamma", "lambda", "alpha"})


def _leaves(section: Mapping[str, Any]) -> Iterator[tuple[str, ParamValue]]:
    for name, value in section.items():
        if isinstance(value, Mapping):
            yield from _leaves(value)
        elif isinstance(value, str) and name not in _SPELT_TWICE:
            yield name, _number(value)


def _number(text: str) -> ParamValue:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
