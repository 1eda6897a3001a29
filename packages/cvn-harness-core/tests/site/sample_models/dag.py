"""A node of the model's own."""

from typing import Any

from cvn_harness_core.contracts.datasets import Datasets


def coefficients(native: Any, datasets: Datasets) -> dict[str, float]:
    return dict(zip(datasets.feature_names, native.coef_[0].tolist(), strict=True))
