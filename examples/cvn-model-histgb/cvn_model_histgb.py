"""scikit-learn's HistGradientBoosting as a CVN Harness model with a Hamilton node of its own."""

from typing import Any

import cvn_model_histgb_nodes as nodes
import numpy as np
from threadpoolctl import threadpool_limits

import cvn_harness_core as cvn

# What the bundle's SHA-256 was checked for; skops itself trusts the rest of it.
TRUSTED = ["sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor"]


class HistGradientBoosting(cvn.ModelAdapter):
    def fit(self, prepared: cvn.Datasets, request: cvn.FitRequest) -> cvn.Fitted:
        from sklearn.ensemble import HistGradientBoostingClassifier

        X, y, weight = prepared.train.X, prepared.train.y, prepared.train.weight
        # It cannot bin a feature that is missing throughout; as a constant it is never split on.
        X = np.where(np.isnan(X).all(axis=0), 0.0, X)
        model = HistGradientBoostingClassifier(
            **request.params, random_state=request.seed, early_stopping=False
        )
        with threadpool_limits(request.n_threads):
            return cvn.Fitted(model.fit(X, y, sample_weight=weight))

    def predict_proba(self, native: Any, X: cvn.Array, *, n_threads: int) -> cvn.Array:
        with threadpool_limits(n_threads):
            return np.asarray(native.predict_proba(X))

    def save(self, native: Any) -> bytes:
        import skops.io

        return bytes(skops.io.dumps(native))

    def load(self, payload: bytes) -> Any:
        import skops.io

        return skops.io.loads(payload, trusted=TRUSTED)

    def effective_params(self, native: Any) -> dict[str, Any]:
        said = native.get_params()
        return {param.name: said[param.name] for param in PARAMS}


PARAMS = (
    cvn.Param("max_iter", int, default=100, low=1),
    cvn.Param("learning_rate", float, default=0.05, low=0, open_low=True),
    cvn.Param("max_leaf_nodes", int, default=15, low=2, search=cvn.Range(4, 64, log=True)),
    cvn.Param("min_samples_leaf", int, default=20, low=1, search=cvn.Range(5, 200, log=True)),
    cvn.Param("l2_regularization", float, low=0, search=cvn.Range(1e-3, 10.0, log=True)),
)


@cvn.hookimpl
def cvn_model() -> cvn.ModelSpec:
    return cvn.ModelSpec(
        name="histgb",
        adapter=HistGradientBoosting,
        params=PARAMS,
        libraries=("sklearn", "skops"),
        file_name="model.skops",
        dag=nodes,
        diagnostics=("permutation_importance",),
    )
