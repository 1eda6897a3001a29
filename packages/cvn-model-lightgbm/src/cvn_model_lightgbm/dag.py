"""LightGBM's own Hamilton nodes."""

from __future__ import annotations

from typing import Any

from cvn_harness_core import Datasets


def feature_importance(native: Any, datasets: Datasets) -> dict[str, float]:
    """Return each feature's total gain over all splits, as a share of the whole.

    Source: ``Booster.feature_importance(importance_type="gain")``. Empty if nothing was split on.
    """
    gains = native.feature_importance(importance_type="gain")
    whole = float(gains.sum())
    if not whole:
        return {}
    return dict(zip(datasets.feature_names, (gains / whole).tolist(), strict=True))
