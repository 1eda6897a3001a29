"""The ensembles' own Hamilton nodes: what says whether combining could help at all."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from cvn_harness_core import Array, TrainedArtifact


def base_correlation(
    unseen_base_scores: Array, bases: Mapping[str, TrainedArtifact]
) -> dict[str, float | None]:
    """Return the correlation of each two bases' out-of-fold scores, by ``first/second``.

    Near 1 there is little to gain from an ensemble of them. None where a base is constant.
    """
    names = list(bases)
    scores = unseen_base_scores[np.isfinite(unseen_base_scores).all(axis=1)]
    varies = scores.std(axis=0) > 0
    found: dict[str, float | None] = {}
    for i, first in enumerate(names):
        for j, second in enumerate(names[i + 1 :], start=i + 1):
            known = bool(varies[i] and varies[j])
            value = float(np.corrcoef(scores[:, i], scores[:, j])[0, 1]) if known else None
            found[f"{first}/{second}"] = value
    return found
