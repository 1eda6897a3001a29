"""scikit-learn's ExtraTrees as a CVN Harness model, kept on disk without pickle by skops."""

from typing import Any

import numpy as np
import skops.io
from sklearn.ensemble import ExtraTreesClassifier

from cvn_harness_core import (
    Array,
    Datasets,
    FitRequest,
    Fitted,
    ModelAdapter,
    ModelSpec,
    Param,
    hookimpl,
)


class ExtraTrees(ModelAdapter):
    def fit(self, prepared: Datasets, request: FitRequest) -> Fitted:
        X, y, weight = prepared.train.X, prepared.train.y, prepared.train.weight
        settings = {"random_state": request.seed, "n_jobs": request.n_threads}
        forest = ExtraTreesClassifier(**request.params, **settings)
        return Fitted(forest.fit(X, y, sample_weight=weight))

    def predict_proba(self, native: Any, X: Array, *, n_threads: int) -> Array:
        return np.asarray(native.set_params(n_jobs=n_threads).predict_proba(X))

    def save(self, native: Any) -> bytes:
        return bytes(skops.io.dumps(native))

    def load(self, payload: bytes) -> Any:
        return skops.io.loads(payload)


PARAMS = (
    Param("n_estimators", int, default=300, low=1),
    Param("max_depth", int, low=1),
    Param("min_samples_leaf", int, default=20, low=1),
)


@hookimpl
def cvn_model() -> ModelSpec:
    return ModelSpec(name="extratrees", adapter=ExtraTrees, params=PARAMS, file_name="model.skops")
