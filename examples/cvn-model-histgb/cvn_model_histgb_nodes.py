"""The node that HistGradientBoosting needs: it keeps no importances of its own."""

from typing import Any

from threadpoolctl import threadpool_limits

from cvn_harness_core import Datasets


def permutation_importance(
    native: Any, datasets: Datasets, seed: int, n_threads: int
) -> dict[str, float]:
    """Return what average precision on validation loses when a feature's values are shuffled."""
    from sklearn import inspection

    X, y, n = datasets.val.X, datasets.val.y, min(2000, len(datasets.val))
    with threadpool_limits(n_threads):
        lost = inspection.permutation_importance(
            native, X, y, scoring="average_precision", n_repeats=3, random_state=seed, max_samples=n
        )
    return dict(zip(datasets.feature_names, lost.importances_mean.tolist(), strict=True))
