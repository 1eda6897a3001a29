"""A logistic regression, kept as JSON; it can be told to fail."""

import json

import numpy as np
from sklearn.linear_model import LogisticRegression

from cvn_harness_core import Fitted, ModelAdapter, ModelSpec, Param, hookimpl


class Tracked(ModelAdapter):
    def fit(self, prepared, request):
        params = dict(request.params)
        if params.pop("fail", False):
            message = "no luck at postgresql://fred:s3cret@db.example/prices"
            raise RuntimeError(message)
        params.pop("note", None)
        params.pop("weights", None)
        model = LogisticRegression(**params, random_state=request.seed)
        model.given_ = dict(request.params)
        model.fit(prepared.train.X, prepared.train.y, sample_weight=prepared.train.weight)
        return Fitted(native=model)

    def predict_proba(self, native, X, *, n_threads):
        return native.predict_proba(X)

    def save(self, native):
        facts = {"coef": native.coef_.tolist(), "intercept": native.intercept_.tolist()}
        return json.dumps(facts).encode()

    def load(self, payload):
        facts = json.loads(payload)
        model = LogisticRegression()
        model.classes_ = np.array([0, 1], dtype=np.int8)
        model.coef_ = np.array(facts["coef"])
        model.intercept_ = np.array(facts["intercept"])
        return model

    def effective_params(self, native):
        return {"C": native.C, "max_iter": native.max_iter, "tol": native.tol, **native.given_}


@hookimpl
def cvn_model():
    params = (
        Param("C", float, default=1.0, low=0, open_low=True),
        Param("max_iter", int, default=200, low=1),
        Param("fail", bool),
        Param("note", str),
        Param("weights", tuple),
    )
    return ModelSpec(name="tracked", adapter=Tracked, params=params, file_name="model.json")
