"""A small model that keeps the whole contract: the bases of ensembles under test.

It is a logistic regression on the features and their products, by gradient descent; whoever writes
a plugin that iterates may read it as an example.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from cvn_harness_core import (
    Array,
    Datasets,
    FitRequest,
    Fitted,
    LearningCurve,
    ModelAdapter,
    ModelSpec,
    Param,
    Range,
    Split,
    hookimpl,
    reserved,
)

PARAMS = (
    Param("iterations", int, default=30, low=1),
    Param("rate", float, default=0.5, low=0, open_low=True, aliases=("eta",), search=Range(0.1, 1)),
    Param("degree", int, default=2, low=1, high=2, dataset_level=True, search=Range(1, 2)),
    Param("shrinkage", float, low=0, high=1),
    Param("weight_of_positives", float, low=0, open_low=True),
)
RESERVED = reserved(seed=("seed",), threads=("n_threads",))


@dataclass(frozen=True)
class Prepared:
    """Training and validation rows with the products of their features."""

    train: Split
    val: Split


class StandIn(ModelAdapter):
    """Logistic regression by gradient descent."""

    def prepare(self, datasets: Datasets, request: FitRequest) -> Prepared:
        """Return both parts with their products, once for every fit of one degree."""
        degree = request.params["degree"]
        train, val = datasets.train, datasets.val
        return Prepared(
            Split(products(train.X, degree), train.y, weight=train.weight),
            Split(products(val.X, degree), val.y, weight=val.weight),
        )

    def fit(self, prepared: Prepared, request: FitRequest) -> Fitted:
        """Descend, and remember the step that was best on validation."""
        params: dict[str, Any] = dict(request.params)
        train, val, stopping = prepared.train, prepared.val, request.stopping
        assert stopping is not None
        weight = np.ones(len(train)) if train.weight is None else train.weight
        weight = np.where(train.y == 1, params.get("weight_of_positives", 1.0), 1.0) * weight
        steps, curve, best, lowest = [np.zeros(train.X.shape[1])], [], 0, np.inf
        for number in range(1, params["iterations"] + 1):
            error = weight * (chance(train.X, steps[-1]) - train.y) / weight.sum()
            pull = params.get("shrinkage", 0.0) * steps[-1]
            steps.append(
                steps[-1] - params["rate"] * ((train.X * error[:, None]).sum(axis=0) + pull)
            )
            curve.append(log_loss(chance(val.X, steps[-1]), val))
            if curve[-1] < lowest - stopping.min_delta:
                best, lowest = number, curve[-1]
            ended = stopping.rounds is not None and number - best >= stopping.rounds
            if (request.watch is not None and request.watch(number, curve[-1])) or ended:
                break
        run = len(curve)
        kept = run if stopping.rounds is None else best
        native = {"coefficients": steps[kept].tolist(), "params": params}
        return Fitted(native, kept, run, LearningCurve(metric=stopping.metric, val=np.array(curve)))

    def predict_proba(self, native: dict[str, Any], X: Array, *, n_threads: int) -> Array:  # noqa: ARG002
        """Return the probability of the positive class, (n,) float64."""
        coefficients = np.array(native["coefficients"])
        return chance(products(X, native["params"]["degree"]), coefficients)

    def save(self, native: dict[str, Any]) -> bytes:
        """Return JSON, which keeps every bit of a float."""
        return json.dumps(native).encode()

    def load(self, payload: bytes) -> dict[str, Any]:
        """Read it."""
        native: dict[str, Any] = json.loads(payload)
        return native

    def effective_params(self, native: dict[str, Any]) -> dict[str, Any]:
        """Return what the fit was asked for."""
        return dict(native["params"])


def products(X: Array, degree: Any) -> Array:
    """Return a one, the features, and above degree 1 their products; nothing for missing values."""
    known = np.nan_to_num(X.astype(np.float64))
    columns = [np.ones(len(known)), *known.T]
    if degree > 1:
        left, right = np.triu_indices(known.shape[1], k=1)
        columns += [*(known[:, left] * known[:, right]).T]
    return np.ascontiguousarray(np.column_stack(columns))


def chance(Z: Array, coefficients: Array) -> Array:
    """Return the probability of a buy, (n,), each row summed for itself."""
    odds: Array = np.exp(-np.clip((Z * coefficients).sum(axis=1), -30.0, 30.0))
    return 1.0 / (1.0 + odds)


def log_loss(scores: Array, split: Split) -> float:
    """Return the weighted mean negative log likelihood."""
    likelihood = np.where(split.y == 1, scores, 1.0 - scores)
    return float(np.average(-np.log(likelihood), weights=split.weight))


class Door:
    """What an entry point leads to."""

    def __init__(self, name: str) -> None:
        self.name = name

    @hookimpl
    def cvn_model(self) -> ModelSpec:
        """Return the specification."""
        return ModelSpec(
            name=self.name,
            adapter=StandIn,
            params=PARAMS,
            reserved=RESERVED,
            file_name="model.json",
            iterations_param="iterations",
            positive_weight_param="weight_of_positives",
            stopping_metrics={"log_loss": "log_loss"},
            thread_invariant=True,
        )


first, second, third = map(Door, ("stand_in", "stand_in_2", "stand_in_3"))
