"""Logistic regression of scikit-learn, kept as JSON."""

import json

import numpy as np
from sklearn.linear_model import LogisticRegression

from cvn_harness_core import Fitted, ModelAdapter

FITS = []
"""The data and the request of every fit, in order."""


class LogisticAdapter(ModelAdapter):
    def fit(self, prepared, request):
        FITS.append((prepared, request))
        train = prepared.train
        params = dict(request.params)
        weight, positive_weight = train.weight, params.pop("positive_weight", None)
        if positive_weight is not None:
            balance = np.where(train.y == 1, positive_weight, 1.0)
            weight = balance if weight is None else balance * weight
        model = LogisticRegression(**params, random_state=request.seed)
        model.positive_weight_ = positive_weight
        model.fit(train.X, train.y, sample_weight=weight)
        return Fitted(native=model)

    def predict_proba(self, native, X, *, n_threads):
        return native.predict_proba(X)

    def save(self, native):
        facts = {
            "dtype": str(native.coef_.dtype),
            "coef": native.coef_.tolist(),
            "intercept": native.intercept_.tolist(),
        }
        return json.dumps(facts).encode()

    def load(self, payload):
        facts = json.loads(payload)
        model = LogisticRegression()
        model.classes_ = np.array([0, 1], dtype=np.int8)
        model.coef_ = np.array(facts["coef"], dtype=facts["dtype"])
        model.intercept_ = np.array(facts["intercept"], dtype=facts["dtype"])
        return model

    def effective_params(self, native):
        said = {"C": float(native.C), "max_iter": int(native.max_iter), "tol": float(native.tol)}
        if native.positive_weight_ is not None:
            said["positive_weight"] = native.positive_weight_
        return said
