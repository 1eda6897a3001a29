"""CatBoost's own Hamilton nodes."""

from __future__ import annotations

from typing import Any

from cvn_harness_core import Datasets


def feature_importance(native: Any, datasets: Datasets) -> dict[str, float]:
    """Return each feature's share of the change in prediction when its value changes.

    Source: ``CatBoost.get_feature_importance(type="PredictionValuesChange")``. Empty if nothing
    was split on.
    """
    changes = native.get_feature_importance(type="PredictionValuesChange")
    whole = float(sum(changes))
    if not whole:
        return {}
    return {
        name: float(change) / whole
        for name, change in zip(datasets.feature_names, changes, strict=True)
    }
