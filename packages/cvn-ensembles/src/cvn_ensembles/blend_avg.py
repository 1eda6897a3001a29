"""The mean of the bases' probabilities, weighted if asked for."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from cvn_ensembles import nodes
from cvn_harness_core import (
    Array,
    Combiner,
    EnsembleSpec,
    FitRequest,
    InputError,
    MetaRows,
    Param,
    ParamValue,
    hookimpl,
)

WEIGHTS = Param("weights", tuple, low=0.0, per_feature=True, of_floats=True)


class Average(Combiner):
    """Learns nothing. Weights, where given, are on the simplex: not negative, their sum 1."""

    def check(self, params: Mapping[str, ParamValue], n_bases: int) -> None:
        """Refuse weights off the simplex."""
        del n_bases  # as many weights as bases: the parameter says so itself
        given: Any = params.get("weights")
        if given is not None and abs(math.fsum(given) - 1.0) > 1e-9:
            message = f"weights {given} sum to {math.fsum(given):g}; they must sum to 1."
            raise InputError("setting_invalid", message)

    def fit(self, rows: MetaRows | None, request: FitRequest) -> Array | None:
        """Return the weights, (k,), or None for equal ones."""
        del rows
        given = request.params.get("weights")
        if given is None:
            return None
        weights: Array = np.asarray(given, dtype=np.float64)
        return weights

    def combine(self, learnt: Any, scores: Array) -> Array:
        """Return the mean of each row, (n,)."""
        mean: Array = scores.mean(axis=1) if learnt is None else scores @ learnt
        return np.clip(mean, 0.0, 1.0)

    def save(self, learnt: Any) -> bytes:
        """Return the weights as JSON."""
        return b"" if learnt is None else json.dumps(learnt.tolist()).encode()

    def load(self, payload: bytes) -> Any:
        """Read the weights."""
        return np.asarray(json.loads(payload)) if payload else None

    def base_weights(self, learnt: Any, n_bases: int) -> Array:
        """Return the weights, (k,)."""
        return np.full(n_bases, 1.0 / n_bases) if learnt is None else np.asarray(learnt)


SPEC = EnsembleSpec(
    name="blend_avg",
    bases=("xgboost", "lightgbm", "catboost"),
    combiner=Average,
    params=(WEIGHTS,),
    file_name="weights.json",
    learns=False,
    dag=nodes,
    diagnostics=("base_correlation",),
)


@hookimpl
def cvn_ensemble() -> EnsembleSpec:
    """Return the specification of ``blend_avg``."""
    return SPEC
