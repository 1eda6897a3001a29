"""Regularised logistic regression on imputed, scaled features as a CVN Harness model."""

from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

import cvn_harness_core as cvn


class Logistic(cvn.ModelAdapter):
    def fit(self, prepared: cvn.Datasets, request: cvn.FitRequest) -> cvn.Fitted:
        from sklearn.impute import SimpleImputer
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import Pipeline
        from sklearn.preprocessing import PolynomialFeatures, StandardScaler

        train, params = prepared.train, request.params
        steps = [
            ("impute", SimpleImputer(strategy="median", keep_empty_features=True)),
            ("scale", StandardScaler()),
            ("products", PolynomialFeatures(params["degree"], interaction_only=True)),
            ("fit", LogisticRegression(C=params["C"], max_iter=params["max_iter"])),
        ]
        with threadpool_limits(request.n_threads):
            fitted = Pipeline(steps).fit(train.X, train.y, fit__sample_weight=train.weight)
        return cvn.Fitted(fitted)

    def predict_proba(self, native: Any, X: cvn.Array, *, n_threads: int) -> cvn.Array:
        with threadpool_limits(n_threads):
            return np.asarray(native.predict_proba(X))

    def save(self, native: Any) -> bytes:
        import skops.io

        return bytes(skops.io.dumps(native))

    def load(self, payload: bytes) -> Any:
        import skops.io

        return skops.io.loads(payload, trusted=["numpy.dtype"])

    def effective_params(self, native: Any) -> dict[str, Any]:
        said = native.get_params()
        return {name: said[f"{step}__{name}"] for name, step in STEPS.items()}


STEPS = {"C": "fit", "max_iter": "fit", "degree": "products"}
PARAMS = (
    cvn.Param(
        "C", float, default=0.1, low=0, open_low=True, search=cvn.Range(1e-4, 10.0, log=True)
    ),
    cvn.Param("max_iter", int, default=1000, low=1),
    cvn.Param("degree", int, default=2, low=1, high=3, search=cvn.Range(1, 2)),
)


@cvn.hookimpl
def cvn_model() -> cvn.ModelSpec:
    return cvn.ModelSpec(
        name="logistic",
        adapter=Logistic,
        params=PARAMS,
        libraries=("sklearn", "skops"),
        file_name="model.skops",
    )
