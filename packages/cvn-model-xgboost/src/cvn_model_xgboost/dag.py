"""XGBoost's own Hamilton nodes."""

from __future__ import annotations

from typing import Any

from cvn_harness_core import Datasets


def feature_importance(native: Any, datasets: Datasets) -> dict[str, float]:
    """Return each feature's total gain over all splits, as a share of the whole.

    Source: ``Booster.get_score(importance_type="total_gain")``. Empty if nothing was split on.
    """
    gains = native.get_score(importance_type="total_gain")
    whole = sum(gains.values())
    return {
        name: gains.get(f"f{i}", 0.0) / whole
        for i, name in enumerate(datasets.feature_names if whole else ())
    }
