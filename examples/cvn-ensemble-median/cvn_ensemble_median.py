"""The median of the bases' probabilities as a CVN Harness ensemble: one base cannot pull it far."""

from typing import Any

import numpy as np

import cvn_harness_core as cvn


class Median(cvn.Combiner):
    def combine(self, learnt: Any, scores: cvn.Array) -> cvn.Array:
        return np.asarray(np.median(scores, axis=1))


@cvn.hookimpl
def cvn_ensemble() -> cvn.EnsembleSpec:
    return cvn.EnsembleSpec(
        name="median",
        bases=("xgboost", "lightgbm", "catboost"),
        combiner=Median,
        learns=False,
    )
