"""The power mean of the bases' probabilities: an ensemble that learns nothing."""

import json

from cvn_harness_core import Combiner


class Mean(Combiner):
    def fit(self, rows, request):
        return request.params["power"]

    def combine(self, learnt, scores):
        return (scores**learnt).mean(axis=1) ** (1 / learnt)

    def save(self, learnt):
        return json.dumps(learnt).encode()

    def load(self, payload):
        return json.loads(payload)
