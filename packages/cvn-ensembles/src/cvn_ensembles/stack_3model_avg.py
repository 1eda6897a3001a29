"""The name that an earlier design gave ``blend_avg`` over the three models."""

from __future__ import annotations

from dataclasses import replace

from cvn_ensembles.blend_avg import SPEC as ORIGINAL
from cvn_harness_core import EnsembleSpec, hookimpl

MODELS = ("xgboost", "lightgbm", "catboost")
SPEC = replace(ORIGINAL, name="stack_3model_avg", bases=MODELS)


@hookimpl
def cvn_ensemble() -> EnsembleSpec:
    """Return the specification of ``stack_3model_avg``."""
    return SPEC
