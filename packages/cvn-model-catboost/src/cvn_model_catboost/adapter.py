"""Between the harness and CatBoost's native API."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from catboost import CatBoost, Pool

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
from cvn_model_catboost.params import PARAMS

_DATASET_LEVEL = frozenset(p.name for p in PARAMS if p.dataset_level)


@dataclass(frozen=True)
class Prepared:
    """Training and validation rows in CatBoost's own form, binned once."""

    train: Pool
    val: Pool


class CatBoostAdapter(ModelAdapter):
    """Binary gradient boosting of oblivious trees, on the CPU."""

    def prepare(self, datasets: Datasets, request: FitRequest) -> Prepared:
        """Return a quantised pool each, that of validation by the training's borders.

        A feature that is constant in training has none, and CatBoost refuses what is missing there
        in validation. No tree can look at it, so any number may stand in: scores and learning
        curve are, to the bit, those without quantisation.
        """
        params = {n: v for n, v in request.params.items() if n in _DATASET_LEVEL}
        train = _pool(datasets.train, datasets.train.X, request.n_threads)
        train.quantize(**params)
        with _borders(train) as borders:
            used = {int(line.partition("\t")[0]) for line in borders.read_text().splitlines()}
            X = _filled(datasets.val.X, sorted({*range(train.num_col())} - used))
            val = _pool(datasets.val, X, request.n_threads)
            val.quantize(input_borders=str(borders))
        return Prepared(train, val)

    def fingerprint(self, prepared: Prepared) -> Any:
        """Return size, labels, weights, baseline and borders.

        The quantised values are left out: CatBoost neither shows them nor has a way to set them.
        """
        return [_fingerprint(data) for data in (prepared.train, prepared.val)]

    def fit(self, prepared: Prepared, request: FitRequest) -> Fitted:
        """Boost up to ``iterations`` rounds and keep those up to the best."""
        stopping = request.stopping
        assert stopping is not None
        settings: dict[str, Any] = {
            **{n: list(v) if isinstance(v, tuple) else v for n, v in request.params.items()},
            "loss_function": "Logloss",
            "eval_metric": stopping.metric,
            "use_best_model": stopping.rounds is not None,
            "allow_writing_files": False,
            "logging_level": "Silent",
            "random_seed": request.seed,
            "task_type": "CPU",
            "thread_count": request.n_threads,
        }
        if stopping.rounds is not None:
            settings.update(od_type="Iter", od_wait=stopping.rounds)
        model = CatBoost(settings)
        callbacks = None if request.watch is None else [_Watching(request.watch, stopping.metric)]
        model.fit(prepared.train, eval_set=prepared.val, callbacks=callbacks)
        history = model.get_evals_result()
        val = np.asarray(history["validation"][stopping.metric])
        train = history.get("learn", {}).get(stopping.metric)
        return Fitted(
            native=model,
            best_iteration=int(model.tree_count_),
            n_iterations=val.size,
            curve=LearningCurve(
                metric=stopping.metric,
                val=val,
                train=None if train is None else np.asarray(train),
            ),
        )

    def predict_proba(self, native: CatBoost, X: Array, *, n_threads: int) -> Array:
        """Return the probability of both classes, (n, 2) float64."""
        scores: Array = native.predict(X, prediction_type="Probability", thread_count=n_threads)
        return scores

    def save(self, native: CatBoost) -> bytes:
        """Return CBM."""
        with tempfile.TemporaryDirectory(prefix="cvn-catboost-") as folder:
            path = Path(folder) / "model.cbm"
            native.save_model(str(path), format="cbm")
            return path.read_bytes()

    def load(self, payload: bytes) -> CatBoost:
        """Read CBM."""
        return CatBoost().load_model(blob=payload)

    def effective_params(self, native: CatBoost) -> Mapping[str, ParamValue]:
        """Return every parameter that CatBoost reports of the fitted model."""
        said = native.get_all_params()
        negative, positive = said.get("class_weights", (1.0, 1.0))
        constraints = {int(i): int(way) for i, way in said.get("monotone_constraints", {}).items()}
        return {
            **{n: v for n, v in said.items() if isinstance(v, bool | int | float | str)},
            "scale_pos_weight": positive / negative,
            "monotone_constraints": tuple(
                constraints.get(i, 0) for i in range(len(native.feature_names_))
            ),
        }


class _Watching:
    """What CatBoost calls after each iteration; it goes on while that returns True."""

    def __init__(self, watch: Callable[[int, float], bool], metric: str) -> None:
        self._watch, self._metric = watch, metric

    def after_iteration(self, info: Any) -> bool:
        """Return whether to go on."""
        value = float(info.metrics["validation"][self._metric][-1])
        return not self._watch(info.iteration, value)


def _pool(split: Split, X: Array, n_threads: int) -> Pool:
    return Pool(X, label=split.y, weight=split.weight, thread_count=n_threads)


@contextmanager
def _borders(pool: Pool) -> Iterator[Path]:
    """Give a file with a line for each border of a quantised pool: the feature, the value."""
    with tempfile.TemporaryDirectory(prefix="cvn-catboost-") as folder:
        path = Path(folder) / "borders.tsv"
        pool.save_quantization_borders(str(path))
        yield path


def _fingerprint(pool: Pool) -> tuple[Any, ...]:
    numbers = (pool.get_label(), pool.get_weight(), pool.get_baseline())
    with _borders(pool) as borders:
        return (pool.shape, *(np.asarray(n).tobytes() for n in numbers), borders.read_bytes())


def _filled(X: Array, columns: list[int]) -> Array:
    """Return the rows with a number for what is missing in some columns."""
    if not np.isnan(X[:, columns]).any():
        return X
    filled = X.copy()
    filled[:, columns] = 0
    return filled
