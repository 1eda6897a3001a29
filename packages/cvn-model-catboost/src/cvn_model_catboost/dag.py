"""CatBoost's own Hamilton nodes."""

from __future__ import annotations

from typing import Any

from cvn_harness_core.contracts.datasets import Datasets


def feature_importance(native: Any, datasets: Datasets) -> dict[str, float]:
    """Return each feature's share of the change in prediction when its value changes.

    Source: ``CatBoost.get_feature_importance(type="PredictionValuesChange")``, over 100.
    """
    changes = native.get_feature_importance(type="PredictionValuesChange")
    return {
        name: float(change) / 100.0
        for name, change in zip(datasets.feature_names, changes, strict=True)
    }
