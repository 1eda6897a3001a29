"""A small ensemble that keeps the whole contract: bases weigh what they know of the labels."""

import json

import numpy as np

from cvn_harness_core import Combiner, EnsembleSpec, Param, hookimpl


class Shares(Combiner):
    def fit(self, rows, request):
        weight = np.ones(len(rows.y)) if rows.weight is None else rows.weight
        known = rows.y - np.average(rows.y, weights=weight)
        gains = (rows.scores * (weight * known)[:, None]).sum(axis=0) / weight.sum()
        shares = np.maximum(gains, 1e-6) ** request.params["power"]
        return {"shares": (shares / shares.sum()).tolist(), "power": request.params["power"]}

    def combine(self, learnt, scores):
        return np.clip((scores * np.array(learnt["shares"])).sum(axis=1), 0.0, 1.0)

    def save(self, learnt):
        return json.dumps(learnt).encode()

    def load(self, payload):
        return json.loads(payload)

    def effective_params(self, learnt):
        return {"power": learnt["power"]}

    def base_weights(self, learnt, n_bases):
        return np.array(learnt["shares"])


@hookimpl
def cvn_ensemble():
    return EnsembleSpec(
        name="shares",
        bases=("xgboost", "lightgbm"),
        combiner=Shares,
        params=(Param("power", float, default=1.0, low=0, open_low=True, aliases=("exponent",)),),
        file_name="shares.json",
    )
