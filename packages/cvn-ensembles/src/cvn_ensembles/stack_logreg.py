"""A shrunk logistic regression over the log odds of the bases."""

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

EDGE = 1e-6
"""Probabilities are clipped this far from 0 and 1 before their log odds are taken."""

PARAMS = (
    Param("C", float, default=0.1, low=0.0, open_low=True),
    Param("max_iter", int, default=1000, low=1),
)


class LogisticStack(Combiner):
    """scikit-learn's ``LogisticRegression`` with an L2 penalty; a small ``C`` shrinks more."""

    def fit(self, rows: MetaRows | None, request: FitRequest) -> Any:
        """Return the fitted regression."""
        from sklearn.linear_model import LogisticRegression

        assert rows is not None
        model = LogisticRegression(
            C=request.params["C"], max_iter=request.params["max_iter"], random_state=request.seed
        )
        return model.fit(log_odds(rows.scores), rows.y, sample_weight=rows.weight)

    def combine(self, learnt: Any, scores: Array) -> Array:
        """Return the probability of the positive class, (n,)."""
        probabilities: Array = learnt.predict_proba(log_odds(scores))[:, 1]
        return probabilities

    def save(self, learnt: Any) -> bytes:
        """Return coefficients and intercept as JSON."""
        facts = {
            "coef": learnt.coef_[0].tolist(),
            "intercept": float(learnt.intercept_[0]),
            "C": learnt.C,
            "max_iter": learnt.max_iter,
        }
        return json.dumps(facts).encode()

    def load(self, payload: bytes) -> Any:
        """Read them into a regression that predicts to the same bit."""
        from sklearn.linear_model import LogisticRegression

        facts = json.loads(payload)
        model = LogisticRegression(C=facts["C"], max_iter=facts["max_iter"])
        model.coef_ = np.asarray([facts["coef"]])
        model.intercept_ = np.asarray([facts["intercept"]])
        model.classes_ = np.array([0, 1], dtype=np.int8)
        model.n_features_in_ = len(facts["coef"])
        return model

    def effective_params(self, learnt: Any) -> Mapping[str, ParamValue]:
        """Return the regression's own settings."""
        return {"C": float(learnt.C), "max_iter": int(learnt.max_iter)}

    def base_weights(self, learnt: Any, n_bases: int) -> Array:  # noqa: ARG002
        """Return the coefficients' sizes, (k,)."""
        sizes: Array = np.abs(learnt.coef_[0])
        return sizes


def log_odds(scores: Array) -> Array:
    """Return the log odds of probabilities, clipped a millionth from the ends."""
    clipped = np.clip(scores, EDGE, 1.0 - EDGE)
    odds: Array = np.log(clipped / (1.0 - clipped))
    return odds


SPEC = EnsembleSpec(
    name="stack_logreg",
    bases=("xgboost", "lightgbm", "catboost"),
    combiner=LogisticStack,
    params=PARAMS,
    libraries=("sklearn",),
    file_name="regression.json",
    dag=nodes,
    diagnostics=("base_correlation",),
)


@hookimpl
def cvn_ensemble() -> EnsembleSpec:
    """Return the specification of ``stack_logreg``."""
    return SPEC
