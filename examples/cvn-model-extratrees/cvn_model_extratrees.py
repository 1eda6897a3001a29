"""scikit-learn's ExtraTrees as a CVN Harness model, kept on disk without pickle by skops."""

from typing import Any

import numpy as np
import skops.io
from sklearn.ensemble import ExtraTreesClassifier

import cvn_harness_core as cvn

# Trees hold indices that scikit-learn does not check; the bundle's SHA-256 was checked before.
TRUSTED = ["sklearn.tree._tree.Tree"]


class ExtraTrees(cvn.ModelAdapter):
    def fit(self, prepared: cvn.Datasets, request: cvn.FitRequest) -> cvn.Fitted:
        X, y, weight = prepared.train.X, prepared.train.y, prepared.train.weight
        settings = {"random_state": request.seed, "n_jobs": request.n_threads}
        forest = ExtraTreesClassifier(**request.params, **settings)
        return cvn.Fitted(forest.fit(X, y, sample_weight=weight))

    def predict_proba(self, native: Any, X: cvn.Array, *, n_threads: int) -> cvn.Array:
        return np.asarray(native.set_params(n_jobs=n_threads).predict_proba(X))

    def save(self, native: Any) -> bytes:
        return bytes(skops.io.dumps(native))

    def load(self, payload: bytes) -> Any:
        return skops.io.loads(payload, trusted=TRUSTED)


PARAMS = (
    cvn.Param("n_estimators", int, default=300, low=1),
    cvn.Param("max_depth", int, low=1),
    cvn.Param("min_samples_leaf", int, default=20, low=1),
)


@cvn.hookimpl
def cvn_model() -> cvn.ModelSpec:
    return cvn.ModelSpec(
        name="extratrees", adapter=ExtraTrees, params=PARAMS, file_name="model.skops"
    )
