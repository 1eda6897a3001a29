"""The door: what ``cvn_harness.models.v1`` finds."""

from __future__ import annotations

from cvn_harness_core import Envelope, ModelAdapter, ModelSpec, hookimpl
from cvn_model_lightgbm import dag
from cvn_model_lightgbm.params import PARAMS, RESERVED


def _adapter() -> ModelAdapter:
    from cvn_model_lightgbm.adapter import LightGBMAdapter

    return LightGBMAdapter()


@hookimpl
def cvn_model() -> ModelSpec:
    """Return the specification of ``lightgbm``."""
    return ModelSpec(
        name="lightgbm",
        adapter=_adapter,
        params=PARAMS,
        reserved=RESERVED,
        libraries=("lightgbm",),
        file_name="model.txt",
        iterations_param="n_estimators",
        positive_weight_param="scale_pos_weight",
        stopping_metrics={
            "log_loss": "binary_logloss",
            "roc_auc": "auc",
            "pr_auc": "average_precision",
        },
        thread_invariant=True,
        thread_variant={"data_sample_strategy": ("goss",), "linear_tree": (True,)},
        dag=dag,
        diagnostics=("feature_importance",),
        envelope=Envelope(memory=4, time=3),
    )
