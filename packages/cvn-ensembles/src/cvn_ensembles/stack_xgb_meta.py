"""A small, monotone, strongly regularised XGBoost over the bases' scores."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from cvn_ensembles import nodes
from cvn_harness_core import (
    Array,
    Combiner,
    EnsembleSpec,
    FitRequest,
    MetaRows,
    Param,
    ParamValue,
    hookimpl,
)

PARAMS = (
    Param("n_estimators", int, default=60, low=1),
    Param("max_depth", int, default=2, low=1),
    Param("learning_rate", float, default=0.1, low=0.0, open_low=True),
    Param("min_child_weight", float, default=10.0, low=0.0),
    Param("reg_lambda", float, default=10.0, low=0.0),
    Param("subsample", float, default=1.0, low=0.0, high=1.0, open_low=True),
)


class XGBoostStack(Combiner):
    """XGBoost that may only rise with each base's score, so that no base is turned against."""

    def fit(self, rows: MetaRows | None, request: FitRequest) -> Any:
        """Return the booster."""
        import xgboost as xgb

        assert rows is not None
        params = dict(request.params)
        rounds = int(params.pop("n_estimators"))  # type: ignore[arg-type]
        return xgb.train(
            {
                **params,
                **fixed(rows.scores.shape[1]),
                "nthread": request.n_threads,
                "seed": request.seed,
            },
            xgb.DMatrix(rows.scores, label=rows.y, weight=rows.weight, nthread=request.n_threads),
            num_boost_round=rounds,
        )

    def combine(self, learnt: Any, scores: Array) -> Array:
        """Return the probability of the positive class, (n,)."""
        probabilities: Array = learnt.inplace_predict(scores)
        return probabilities

    def save(self, learnt: Any) -> bytes:
        """Return UBJSON."""
        return bytes(learnt.save_raw("ubj"))

    def load(self, payload: bytes) -> Any:
        """Read UBJSON."""
        import xgboost as xgb

        booster = xgb.Booster()
        booster.load_model(bytearray(payload))
        return booster

    def effective_params(self, learnt: Any) -> Mapping[str, ParamValue]:
        """Return the trees' parameters from the booster's own configuration."""
        learner = json.loads(learnt.save_config())["learner"]
        trees = learner["gradient_booster"]["tree_train_param"]
        said = {p.name: p.type(float(trees[p.name])) for p in PARAMS if p.name in trees}
        return {**said, "n_estimators": learnt.num_boosted_rounds()}

    def base_weights(self, learnt: Any, n_bases: int) -> Array:
        """Return each base's gain over all splits, (k,)."""
        gain = learnt.get_score(importance_type="total_gain")
        return np.array([float(gain.get(f"f{i}", 0.0)) for i in range(n_bases)])


def fixed(n_bases: int) -> dict[str, Any]:
    """Return what no parameter changes."""
    return {
        "objective": "binary:logistic",
        "tree_method": "hist",
        "monotone_constraints": (1,) * n_bases,
        "device": "cpu",
        "verbosity": 0,
    }


SPEC = EnsembleSpec(
    name="stack_xgb_meta",
    bases=("xgboost", "lightgbm", "catboost"),
    combiner=XGBoostStack,
    params=PARAMS,
    libraries=("xgboost",),
    file_name="meta.ubj",
    dag=nodes,
    diagnostics=("base_correlation",),
)


@hookimpl
def cvn_ensemble() -> EnsembleSpec:
    """Return the specification of ``stack_xgb_meta``."""
    return SPEC
