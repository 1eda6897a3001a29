"""An ensemble under test, over small bases of the kit's own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from cvn_harness_core import (
    ENSEMBLE_REGISTRY,
    Combiner,
    Datasets,
    EnsembleSpec,
    FitRequest,
    HPOParams,
    MetaRows,
    TrainedArtifact,
    TrainingPolicy,
    resolve_parameters,
    train_ensemble,
)
from cvn_harness_core.contracts.split import Array
from cvn_harness_core.plugins.adapters import combiner_of
from cvn_harness_core.testing.stand_ins import STAND_INS
from cvn_harness_core.testing.subject import TO_THE_CEILING, Subject
from cvn_harness_core.testing.synthetic import Change, synthetic_datasets


class EnsembleUnderTest(Subject):
    """An ensemble by name; ``bases`` stand in for those that it declares."""

    kind = "ensemble"
    registry = ENSEMBLE_REGISTRY
    bases: Sequence[str] = STAND_INS

    @property
    def spec(self) -> EnsembleSpec:
        """The ensemble's specification."""
        return ENSEMBLE_REGISTRY[self.name]

    def datasets(self, change: Change | None = None) -> Datasets:
        """Return synthetic datasets in time, long enough for forward folds."""
        return synthetic_datasets(change, n=2400, timed=True)

    def train(
        self,
        datasets: Datasets | None = None,
        policy: TrainingPolicy = TO_THE_CEILING,
        params: Mapping[str, Any] | None = None,
        *,
        n_threads: int = 1,
        **settings: Any,
    ) -> TrainedArtifact:
        """Train by ``train_ensemble``."""
        own = HPOParams({**self.params, **(params or {})}, seed=7, n_threads=n_threads)
        given = {name: HPOParams(seed=7, n_threads=n_threads) for name in self.bases}
        return train_ensemble(
            self.name,
            datasets or self.datasets(),
            {**given, self.name: own},
            bases=self.bases,
            policy=policy,
            store=settings.pop("store", None),
        )

    def author(self) -> Combiner:
        """Return the combiner."""
        return combiner_of(self.name)

    def calls(self) -> Iterator[tuple[str, tuple[Any, ...], dict[str, Any]]]:
        """Yield how the harness calls the combiner."""
        yield "check", ({}, 3), {}
        yield "fit", (None, "request"), {}
        yield "combine", ("learnt", "scores"), {}
        yield "save", ("learnt",), {}
        yield "load", ("payload",), {}
        yield "effective_params", ("learnt",), {}
        yield "base_weights", ("learnt", 3), {}

    def raw_scores(self) -> tuple[Any, int]:
        """Return what the combiner itself makes of made-up scores."""
        combiner, rows = self.author(), made_up_rows()
        learnt = combiner.fit(rows if self.spec.learns else None, self.request())
        return combiner.combine(learnt, made_up_rows(200, seed=1).scores), 200

    def request(self, n_bases: int = 3) -> FitRequest:
        """Return what ``train`` would ask the combiner to do."""
        resolved = resolve_parameters(self.spec, HPOParams(self.params), n_features=n_bases)
        return FitRequest({n: p.value for n, p in resolved.values.items()}, seed=7, n_threads=1)


def made_up_rows(
    n: int = 400, n_bases: int = 3, *, seed: int = 0, weight: Array | None = None
) -> MetaRows:
    """Return scores of bases that know something of the labels, each with noise of its own."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=n)
    scores = 1 / (1 + np.exp(1.0 - truth[:, None] - rng.normal(size=(n, n_bases))))
    labels = (rng.random(n) < 1 / (1 + np.exp(1.0 - truth))).astype(np.int8)
    return MetaRows(scores, labels, weight)
