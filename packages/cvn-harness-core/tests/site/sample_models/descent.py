"""Logistic regression by gradient descent: it iterates, stops early and has a learning curve."""

import json

import numpy as np
from sklearn.metrics import log_loss

from cvn_harness_core import Fitted, LearningCurve, ModelAdapter


class DescentAdapter(ModelAdapter):
    def fit(self, prepared, request):
        train, val, stopping = prepared.train, prepared.val, request.stopping
        coef, intercept = np.zeros(train.X.shape[1]), 0.0
        curve = {"train": [], "val": []}
        steps = []
        for _ in range(request.params["n_steps"]):
            residual = _sigmoid(train.X @ coef + intercept) - train.y
            coef = coef - request.params["rate"] * train.X.T @ residual / residual.size
            intercept -= request.params["rate"] * residual.mean()
            steps.append((coef, intercept))
            for name, split in (("train", train), ("val", val)):
                curve[name].append(log_loss(split.y, _sigmoid(split.X @ coef + intercept)))
            best = int(np.argmin(curve["val"]))
            if stopping.rounds is not None and len(steps) - 1 - best >= stopping.rounds:
                break
        if stopping.rounds is None:
            best = len(steps) - 1
        return Fitted(
            native=steps[best],
            best_iteration=best + 1,
            n_iterations=len(steps),
            curve=LearningCurve(
                metric=stopping.metric,
                train=np.array(curve["train"]),
                val=np.array(curve["val"]),
            ),
        )

    def predict_proba(self, native, X, *, n_threads):
        coef, intercept = native
        return _sigmoid(X @ coef + intercept)

    def save(self, native):
        coef, intercept = native
        return json.dumps([coef.tolist(), float(intercept)]).encode()

    def load(self, payload):
        coef, intercept = json.loads(payload)
        return np.array(coef), intercept


def _sigmoid(margin):
    return 1.0 / (1.0 + np.exp(-margin))
