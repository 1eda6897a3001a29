"""The model that is tested, and how the kit trains it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from cvn_harness_core import (
    MODEL_REGISTRY,
    Datasets,
    HPOParams,
    ModelSpec,
    TrainedArtifact,
    TrainingPolicy,
    train_one,
)
from cvn_harness_core.testing.synthetic import synthetic_datasets

TO_THE_CEILING = TrainingPolicy(early_stopping=None)


class ModelUnderTest:
    """What every group of checks asks of: a model by name, its specification, its trainings.

    The attributes are those of ``ModelContract``, where authors read of them.
    """

    model: ClassVar[str]
    params: ClassVar[Mapping[str, Any]] = {}
    iterations: ClassVar[int] = 30

    @property
    def spec(self) -> ModelSpec:
        """The model's specification."""
        return MODEL_REGISTRY[self.model]

    @property
    def artifact(self) -> TrainedArtifact:
        """One training as ``train()`` does it, shared by the tests that only look at it."""
        mine = type(self)
        if mine not in _SHARED:
            _SHARED[mine] = self.train()
        return _SHARED[mine]

    def train(
        self,
        datasets: Datasets | None = None,
        policy: TrainingPolicy = TO_THE_CEILING,
        params: Mapping[str, Any] | None = None,
        *,
        n_threads: int = 1,
    ) -> TrainedArtifact:
        """Train, by default on the synthetic data, to the ceiling, on one thread."""
        ceiling = {self._ceiling: self.iterations} if self.spec.iterations_param else {}
        chosen = {**ceiling, **self.params, **(params or {})}
        hpo_params = HPOParams(chosen, seed=7, n_threads=n_threads)
        return train_one(self.model, datasets or synthetic_datasets(), hpo_params, policy=policy)

    @property
    def _ceiling(self) -> str:
        return self.spec.iterations_param or ""


_SHARED: dict[type[ModelUnderTest], TrainedArtifact] = {}
