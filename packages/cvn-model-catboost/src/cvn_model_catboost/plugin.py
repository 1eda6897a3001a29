"""The door: what ``cvn_harness.models.v1`` finds."""

from __future__ import annotations

import os

from cvn_harness_core import Envelope, ModelAdapter, ModelSpec, hookimpl
from cvn_model_catboost import dag
from cvn_model_catboost.params import PARAMS, RESERVED

# CatBoost's allocator, mimalloc, gives back what a tree has freed after 3 ms, not 10: two fits
# at once then hold half as much. It reads this as the library is loaded, and a user's word stands.
# (CatBoost 1.2.7's allocator is an older one, without this setting; hence 1.2.8 in pyproject.toml.)
os.environ.setdefault("MIMALLOC_PURGE_DELAY", "3")


def _adapter() -> ModelAdapter:
    from cvn_model_catboost.adapter import CatBoostAdapter

    return CatBoostAdapter()


@hookimpl
def cvn_model() -> ModelSpec:
    """Return the specification of ``catboost``."""
    return ModelSpec(
        name="catboost",
        adapter=_adapter,
        params=PARAMS,
        reserved=RESERVED,
        libraries=("catboost",),
        file_name="model.cbm",
        iterations_param="iterations",
        positive_weight_param="scale_pos_weight",
        weighs_validation=True,
        stopping_metrics={"log_loss": "Logloss", "roc_auc": "AUC", "pr_auc": "PRAUC"},
        stopping_min_delta=False,
        dag=dag,
        diagnostics=("feature_importance",),
        envelope=Envelope(memory=3, time=5),
    )
