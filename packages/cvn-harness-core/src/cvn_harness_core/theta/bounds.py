"""Confidence bounds of a share."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np

from cvn_harness_core.contracts.split import Array


def lower_bound(share: Array, n: Array, confidence: float) -> Array:
    """Return the one-sided lower bound of shares (k,) seen in ``n`` (k,) trials each.

    Wilson (1927), "Probable inference, the law of succession, and statistical inference". Equal to
    the lower end of ``scipy.stats.binomtest(...).proportion_ci(2 * confidence - 1, "wilson")``, for
    every cut at once.
    """
    z = NormalDist().inv_cdf(confidence)
    squared = z * z / n
    bound = share + squared / 2 - z * np.sqrt(share * (1 - share) / n + squared / (4 * n))
    return bound / (1 + squared)  # type: ignore[no-any-return]
