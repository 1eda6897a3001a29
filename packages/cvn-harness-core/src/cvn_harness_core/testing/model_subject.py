"""A model under test."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cvn_harness_core import (
    MODEL_REGISTRY,
    Datasets,
    FitRequest,
    HPOParams,
    ModelAdapter,
    ModelSpec,
    TrainedArtifact,
    TrainingPolicy,
    resolve_parameters,
    train_one,
)
from cvn_harness_core.nodes.fit import stopping
from cvn_harness_core.plugins.adapters import adapter_of
from cvn_harness_core.testing.subject import TO_THE_CEILING, Subject
from cvn_harness_core.testing.synthetic import Change, synthetic_datasets, unseen_rows


class ModelUnderTest(Subject):
    """A model by name, and the ceiling of its boosting iterations."""

    kind = "model"
    registry = MODEL_REGISTRY

    def __init__(
        self, name: str, params: Mapping[str, Any] | None = None, iterations: int = 30
    ) -> None:
        super().__init__(name, params or {})
        self.iterations = iterations

    @property
    def spec(self) -> ModelSpec:
        """The model's specification."""
        return MODEL_REGISTRY[self.name]

    @property
    def ceiling(self) -> str:
        """The name of the parameter that is the ceiling of iterations, or nothing."""
        return self.spec.iterations_param or ""

    def datasets(self, change: Change | None = None) -> Datasets:
        """Return synthetic datasets."""
        return synthetic_datasets(change)

    def train(
        self,
        datasets: Datasets | None = None,
        policy: TrainingPolicy = TO_THE_CEILING,
        params: Mapping[str, Any] | None = None,
        *,
        n_threads: int = 1,
        **settings: Any,
    ) -> TrainedArtifact:
        """Train by ``train_one``."""
        store = settings.pop("store", None)
        hpo_params = HPOParams(self._chosen(params), seed=7, n_threads=n_threads, **settings)
        return train_one(
            self.name, datasets or self.datasets(), hpo_params, policy=policy, store=store
        )

    def author(self) -> ModelAdapter:
        """Return the adapter."""
        return adapter_of(self.name)

    def calls(self) -> Iterator[tuple[str, tuple[Any, ...], dict[str, Any]]]:
        """Yield how the harness calls the adapter."""
        yield "prepare", ("datasets", "request"), {}
        yield "fingerprint", ("prepared",), {}
        yield "fit", ("prepared", "request"), {}
        yield "predict_proba", ("native", "X"), {"n_threads": 1}
        yield "save", ("native",), {}
        yield "load", ("payload",), {}
        yield "effective_params", ("native",), {}

    def raw_scores(self) -> tuple[Any, int]:
        """Return what the adapter itself gives for unseen rows."""
        adapter, request, X = self.author(), self.request(), unseen_rows()
        native = adapter.fit(
            adapter.prepare(self.datasets().without_test(), request), request
        ).native
        return adapter.predict_proba(native, X, n_threads=1), len(X)

    def request(
        self, params: Mapping[str, Any] | None = None, policy: TrainingPolicy = TO_THE_CEILING
    ) -> FitRequest:
        """Return what ``train`` would ask the adapter to do, without the policy's class weight."""
        resolved = resolve_parameters(self.spec, HPOParams(self._chosen(params)), n_features=6)
        values = {n: p.value for n, p in resolved.values.items() if p.value is not None}
        return FitRequest(values, seed=7, n_threads=1, stopping=stopping(self.spec, policy))

    def _chosen(self, params: Mapping[str, Any] | None) -> dict[str, Any]:
        ceiling = {self.ceiling: self.iterations} if self.ceiling else {}
        return {**ceiling, **self.params, **(params or {})}
