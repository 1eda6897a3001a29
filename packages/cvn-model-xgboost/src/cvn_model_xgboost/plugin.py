"""The door: what ``cvn_harness.models.v1`` finds."""

from __future__ import annotations

from cvn_harness_core import Envelope, Fixed, ModelAdapter, ModelSpec, hookimpl
from cvn_model_xgboost import dag
from cvn_model_xgboost.params import PARAMS, RESERVED


def _adapter() -> ModelAdapter:
    from cvn_model_xgboost.adapter import XGBoostAdapter

    return XGBoostAdapter()


@hookimpl
def cvn_model() -> ModelSpec:
    """Return the specification of ``xgboost``."""
    return ModelSpec(
        name="xgboost",
        adapter=_adapter,
        params=PARAMS,
        reserved=RESERVED,
        libraries=("xgboost",),
        file_name="model.ubj",
        iterations_param="n_estimators",
        positive_weight_param="scale_pos_weight",
        stopping_metrics={"log_loss": "logloss", "roc_auc": "auc", "pr_auc": "aucpr"},
        thread_invariant=True,
        theta=Fixed(0.5),
        dag=dag,
        diagnostics=("feature_importance",),
        envelope=Envelope(memory=5, time=4),
    )
