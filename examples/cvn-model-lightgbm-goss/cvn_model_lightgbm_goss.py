"""LightGBM with gradient-based one-side sampling (GOSS) as a CVN Harness model."""

from typing import Any

import numpy as np

import cvn_harness_core as cvn

PINNED = {"deterministic": True, "force_col_wise": True, "verbosity": -1}
METRICS: Any = {"log_loss": "binary_logloss", "roc_auc": "auc", "pr_auc": "average_precision"}


class Goss(cvn.ModelAdapter):
    def fit(self, prepared: cvn.Datasets, request: cvn.FitRequest) -> cvn.Fitted:
        import lightgbm as lgb

        stop: Any = request.stopping
        params: dict[str, Any] = dict(request.params)
        rounds = params.pop("n_estimators")
        params |= {"objective": "binary", "data_sample_strategy": "goss", "metric": stop.metric}
        params |= {"seed": request.seed, "num_threads": request.n_threads, **PINNED}
        train, val = prepared.train, prepared.val
        rows = lgb.Dataset(train.X, train.y, weight=train.weight)
        held = lgb.Dataset(val.X, val.y, weight=val.weight, reference=rows)
        told: dict[str, Any] = {}
        calls = [lgb.record_evaluation(told)]
        if stop.rounds is not None:
            calls.append(lgb.early_stopping(stop.rounds, verbose=False, min_delta=stop.min_delta))
        calls += [pruned_by(request.watch)] if request.watch else []
        booster = lgb.train(params, rows, rounds, [held], ["val"], callbacks=calls)
        curve = np.asarray(told["val"][stop.metric])
        best = curve.size if stop.rounds is None else booster.best_iteration
        return cvn.Fitted(booster, best, curve.size, cvn.LearningCurve(stop.metric, curve))

    def predict_proba(self, native: Any, X: cvn.Array, *, n_threads: int) -> cvn.Array:
        return np.asarray(native.predict(X, num_threads=n_threads))

    def save(self, native: Any) -> bytes:
        return bytes(native.model_to_string().encode())

    def load(self, payload: bytes) -> Any:
        import lightgbm as lgb

        return lgb.Booster(model_str=payload.decode())

    def effective_params(self, native: Any) -> dict[str, Any]:
        # By the model's own text.
        return {n: v for n, v in self.load(self.save(native)).params.items() if type(v) is not list}


def pruned_by(watch: Any) -> Any:
    from lightgbm.callback import EarlyStopException

    def after_iteration(env: Any) -> None:
        if watch(env.iteration + 1, env.evaluation_result_list[0][2]):
            raise EarlyStopException(env.iteration, env.evaluation_result_list)

    after_iteration.order = 40  # type: ignore[attr-defined]  # after what records
    return after_iteration


PARAMS = (
    cvn.Param("n_estimators", int, default=300, low=1, native="num_iterations"),
    cvn.Param("learning_rate", float, default=0.1, low=0, open_low=True),
    cvn.Param("num_leaves", int, default=15, low=2, search=cvn.Range(4, 64, log=True)),
    cvn.Param("min_child_samples", int, default=20, low=0, native="min_data_in_leaf"),
    cvn.Param("top_rate", float, default=0.2, low=0, high=0.5, search=cvn.Range(0.1, 0.5)),
    cvn.Param("other_rate", float, default=0.1, low=0, high=0.5),
)


@cvn.hookimpl
def cvn_model() -> cvn.ModelSpec:
    return cvn.ModelSpec(
        name="lightgbm_goss",
        adapter=Goss,
        params=PARAMS,
        libraries=("lightgbm",),
        file_name="model.txt",
        iterations_param="n_estimators",
        stopping_metrics=METRICS,
    )
