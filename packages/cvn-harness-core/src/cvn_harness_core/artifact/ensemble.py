"""An ensemble as a model: its bases score, its combiner makes one score of theirs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from cvn_harness_core.contracts.ensemble import Combiner
from cvn_harness_core.contracts.model import FitRequest, ModelAdapter
from cvn_harness_core.contracts.params import ParamValue
from cvn_harness_core.contracts.split import Array

if TYPE_CHECKING:
    from cvn_harness_core.artifact.trained import TrainedArtifact


@dataclass(frozen=True, eq=False)
class Combined:
    """What stands for an ensemble's native model: its bases, and what its combiner learnt."""

    bases: tuple[TrainedArtifact, ...]
    learnt: Any


class EnsembleAdapter(ModelAdapter):
    """Makes a combiner look like a model, so that artifacts need no other path."""

    def __init__(self, combiner: Combiner) -> None:
        self.combiner = combiner

    def fit(self, prepared: Any, request: FitRequest) -> NoReturn:
        """Refuse: an ensemble is fitted by ``train_ensemble``, which finds its bases."""
        message = "an ensemble is fitted by train_ensemble"
        raise NotImplementedError(message)

    def predict_proba(self, native: Combined, X: Array, *, n_threads: int) -> Array:
        """Return the probability of the positive class, (n,) float64."""
        scores = [base.predict_proba(X, n_threads=n_threads)[:, 1] for base in native.bases]
        return self.combiner.combine(native.learnt, np.column_stack(scores))

    def save(self, native: Combined) -> bytes:
        """Return what the combiner learnt; the bases have bundles of their own."""
        return self.combiner.save(native.learnt)

    def load(self, payload: bytes) -> Any:
        """Return what the combiner learnt."""
        return self.combiner.load(payload)

    def effective_params(self, native: Combined) -> Mapping[str, ParamValue]:
        """Return what the combiner says that it used."""
        return self.combiner.effective_params(native.learnt)
