"""The name that an earlier design gave ``stack_logreg`` over the three models."""

from __future__ import annotations

from dataclasses import replace

from cvn_ensembles.stack_logreg import SPEC as ORIGINAL
from cvn_harness_core import EnsembleSpec, hookimpl

SPEC = replace(
    ORIGINAL, name="stack_3model_logreg_shrink", bases=("xgboost", "lightgbm", "catboost")
)


@hookimpl
def cvn_ensemble() -> EnsembleSpec:
    """Return the specification of ``stack_3model_logreg_shrink``."""
    return SPEC
