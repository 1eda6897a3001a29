"""An ensemble, asked for as users do, against the plain library on the same rows, to the bit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import xgboost as xgb
from sklearn.linear_model import LogisticRegression

from cvn_ensembles.stack_xgb_meta import fixed
from cvn_harness_core import HPOParams, Store, TrainingPolicy, train_ensemble
from cvn_harness_core.nodes import ensemble as nodes
from cvn_harness_core.plugins.registry import ENSEMBLE_REGISTRY

from .small import BASES, PARAMS, datasets

SEED = 7
XGB = {
    "max_depth": 2,
    "learning_rate": 0.1,
    "min_child_weight": 10.0,
    "reg_lambda": 10.0,
    "subsample": 0.8,
}
ROUNDS = 25
OWN = {
    "stack_logreg": HPOParams({"C": 0.3}, seed=SEED, n_threads=1),
    "stack_xgb_meta": HPOParams({**XGB, "n_estimators": ROUNDS}, seed=SEED, n_threads=1),
    "blend_avg": HPOParams(seed=SEED, n_threads=1),
}


@pytest.fixture(scope="module", params=["plain", "weighted"])
def data(request):
    found = datasets()
    if request.param == "plain":
        return found
    weight = np.random.default_rng(1).uniform(0.5, 2.0, len(found.train))
    return replace(found, train=replace(found.train, weight=weight))


@pytest.fixture(scope="module")
def train(data, tmp_path_factory):
    """Train as users do; the bases are fitted once for all tests on these data."""
    store = Store(tmp_path_factory.mktemp("store"))

    def run(name, own=None):
        return train_ensemble(name, data, {**PARAMS, name: own or OWN[name]}, store=store)

    return run


def meta_rows(artifact, data):
    """What the ensemble learnt from, of its bases' own out-of-fold scores."""
    bases = dict(zip(BASES, artifact.native.bases, strict=True))
    unseen = nodes.unseen_base_scores(bases, data)
    values = {
        "unseen_base_scores": unseen,
        "uncalibrated": nodes.uncalibrated(bases),
        "ensemble": ENSEMBLE_REGISTRY[artifact.name],
        "datasets": data,
        "policy": TrainingPolicy.economic(),
    }
    asked = nodes.ensemble_rows.__annotations__.keys() - {"return"}
    rows = nodes.ensemble_rows(**{name: values[name] for name in asked})
    return nodes.meta_rows(rows, unseen, data)


def scores_on_test(artifact, data):
    """The bases' probabilities on test, (n, 3)."""
    return np.column_stack([b.predict_proba(data.test.X)[:, 1] for b in artifact.native.bases])


def logits(scores):
    clipped = np.clip(scores, 1e-6, 1 - 1e-6)
    return np.log(clipped / (1 - clipped))


def difference(artifact, data, plain):
    return np.abs(artifact.predict_proba(data.test.X)[:, 1] - plain).max()


def test_stack_logreg_is_scikit_learns_regression_on_the_same_logits(train, data):
    artifact = train("stack_logreg")
    rows = meta_rows(artifact, data)
    plain = LogisticRegression(C=0.3, max_iter=1000, random_state=SEED)
    plain.fit(logits(rows.scores), rows.y, sample_weight=rows.weight)
    expected = plain.predict_proba(logits(scores_on_test(artifact, data)))[:, 1]
    assert difference(artifact, data, expected) == 0.0


def test_stack_xgb_meta_is_xgboost_on_the_same_scores(train, data):
    artifact = train("stack_xgb_meta")
    rows = meta_rows(artifact, data)
    plain = xgb.train(
        {**XGB, **fixed(len(BASES)), "nthread": 1, "seed": SEED},
        xgb.DMatrix(rows.scores, label=rows.y, weight=rows.weight),
        num_boost_round=ROUNDS,
    )
    expected = plain.predict(xgb.DMatrix(scores_on_test(artifact, data)))
    assert difference(artifact, data, expected) == 0.0


def test_blend_avg_is_numpys_mean(train, data):
    artifact = train("blend_avg")
    expected = scores_on_test(artifact, data).mean(axis=1)
    assert difference(artifact, data, expected) == 0.0


def test_blend_avg_with_weights_is_numpys_product(train, data):
    weights = (0.2, 0.5, 0.3)
    artifact = train("blend_avg", HPOParams({"weights": weights}, seed=SEED, n_threads=1))
    expected = scores_on_test(artifact, data) @ np.array(weights)
    assert difference(artifact, data, expected) == 0.0


def test_what_is_compared_is_no_constant(train, data):
    for name in OWN:
        assert np.ptp(train(name).predict_proba(data.test.X)[:, 1]) > 0.05
