"""scikit-learn's random forest as a CVN Harness model, kept on disk without pickle by skops."""

from typing import Any

import numpy as np

import cvn_harness_core as cvn

# Trees hold indices that scikit-learn does not check; the bundle's SHA-256 was checked before.
TRUSTED = ["sklearn.tree._tree.Tree"]


class RandomForest(cvn.ModelAdapter):
    def fit(self, prepared: cvn.Datasets, request: cvn.FitRequest) -> cvn.Fitted:
        from sklearn.ensemble import RandomForestClassifier

        X, y, weight = prepared.train.X, prepared.train.y, prepared.train.weight
        settings = {"random_state": request.seed, "n_jobs": request.n_threads}
        forest = RandomForestClassifier(**request.params, **settings)
        return cvn.Fitted(forest.fit(X, y, sample_weight=weight))

    def predict_proba(self, native: Any, X: cvn.Array, *, n_threads: int) -> cvn.Array:
        return np.asarray(native.set_params(n_jobs=n_threads).predict_proba(X))

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
    cvn.Param("n_estimators", int, default=300, low=1),
    cvn.Param("max_depth", int, low=1, search=cvn.Range(3, 16)),
    cvn.Param("min_samples_leaf", int, default=20, low=1, search=cvn.Range(5, 200, log=True)),
    cvn.Param("max_features", float, low=0, open_low=True, high=1, search=cvn.Range(0.1, 1.0)),
    cvn.Param("max_samples", float, low=0, open_low=True, high=1, search=cvn.Range(0.2, 1.0)),
)


@cvn.hookimpl
def cvn_model() -> cvn.ModelSpec:
    return cvn.ModelSpec(
        name="randomforest",
        adapter=RandomForest,
        params=PARAMS,
        libraries=("sklearn", "skops"),
        file_name="model.skops",
    )
