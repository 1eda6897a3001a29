"""XGBoost as a model: the contract, and what is true of this library only."""

from __future__ import annotations

import inspect
import json
import math
import subprocess
import sys

import numpy as np
import pytest
import xgboost as xgb

from cvn_harness_core import (
    MODEL_REGISTRY,
    EarlyStopping,
    HPOParams,
    TrainingPolicy,
    train_one,
)
from cvn_harness_core.testing import ModelContract
from cvn_harness_core.testing.synthetic import synthetic_datasets, synthetic_rows
from cvn_model_xgboost.params import PARAMS, RESERVED

TO_THE_CEILING = TrainingPolicy(early_stopping=None)
ROWS = synthetic_rows(300, seed=3)[0]


class TestXGBoost(ModelContract):
    model = "xgboost"


def train(policy=TO_THE_CEILING, *, datasets=None, n_threads=1, **params):
    hpo_params = HPOParams({"n_estimators": 12, **params}, seed=5, n_threads=n_threads)
    return train_one("xgboost", datasets or synthetic_datasets(), hpo_params, policy=policy)


def test_every_declared_name_is_one_of_its_scikit_learn_classifier():
    its_own = xgb.XGBClassifier().get_params()

    assert {p.name for p in PARAMS} <= set(its_own)


def test_every_reserved_name_is_one_of_the_library():
    native = {"seed": "random_state", "nthread": "n_jobs"}

    assert {native.get(name, name) for name in RESERVED} <= set(xgb.XGBClassifier().get_params())


@pytest.mark.parametrize(
    ("alias", "param"),
    [(a, p) for p in PARAMS for a in p.aliases if p.name != "n_estimators"],
    ids=lambda v: v if isinstance(v, str) else v.name,
)
def test_every_alias_is_a_synonym_for_the_library(alias, param):
    X, y = synthetic_rows(100)

    booster = xgb.train({alias: 0.37}, xgb.DMatrix(X, label=y), num_boost_round=1)

    settings = json.loads(booster.save_config())["learner"]["gradient_booster"]
    said = next(
        section["tree_train_param"] for section in walk(settings) if "tree_train_param" in section
    )
    assert math.isclose(float(said[param.native or param.name]), 0.37, rel_tol=1e-6)


def walk(section):
    yield section
    for value in section.values():
        if isinstance(value, dict):
            yield from walk(value)


def test_the_aliases_of_the_ceiling_are_documented():
    """``xgboost.train`` calls it num_boost_round, the command line called it num_round."""
    ceiling = next(p for p in PARAMS if p.name == "n_estimators")

    assert "num_boost_round" in inspect.signature(xgb.train).parameters
    assert set(ceiling.aliases) == {"num_boost_round", "num_round"}


# Each parameter: a value other than the library's, and what else has to be set for it to matter.
VALUES = {
    "n_estimators": (9, {}),
    "learning_rate": (0.21, {}),
    "max_depth": (3, {}),
    "max_leaves": (5, {}),
    "max_bin": (17, {}),
    "grow_policy": ("lossguide", {"max_leaves": 6}),
    "min_child_weight": (7.5, {}),
    "gamma": (1.9, {}),
    "max_delta_step": (0.31, {}),
    "subsample": (0.6, {}),
    "colsample_bytree": (0.6, {}),
    "colsample_bylevel": (0.6, {}),
    "colsample_bynode": (0.6, {}),
    "reg_alpha": (1.7, {}),
    "reg_lambda": (2.3, {}),
    "scale_pos_weight": (2.9, {}),
    "tree_method": ("exact", {}),
    "num_parallel_tree": (3, {"subsample": 0.6}),
    "monotone_constraints": ((1, 0, -1, 0, 0, 0), {}),
}

# No effect on bits: the only choice.
WITHOUT_EFFECT = {"sampling_method": ("uniform", {})}


def said_of(artifact, name):
    """What the fitted model says of a parameter, in the type that was declared."""
    param = MODEL_REGISTRY["xgboost"].param(name)
    if name == "n_estimators":
        return artifact.native.num_boosted_rounds()
    said = artifact.adapter.effective_params(artifact.native)[param.native or name]
    return tuple(int(v) for v in said.strip("()").split(",")) if param.type is tuple else said


def test_a_value_is_tried_of_every_declared_parameter():
    assert set(VALUES | WITHOUT_EFFECT) == {p.name for p in PARAMS}


@pytest.mark.parametrize("name", VALUES | WITHOUT_EFFECT)
def test_every_parameter_reaches_the_library(name):
    value, beside = (VALUES | WITHOUT_EFFECT)[name]

    artifact = train(**beside, **{name: value})

    said = said_of(artifact, name)
    number = isinstance(value, float)
    assert math.isclose(said, value, rel_tol=1e-6) if number else said == value
    assert artifact.effective_params[name].source == "user"
    same = np.array_equal(artifact.predict_proba(ROWS), train(**beside).predict_proba(ROWS))
    assert same == (name in WITHOUT_EFFECT)


@pytest.mark.parametrize(
    ("name", "choice"), [(p.name, choice) for p in PARAMS for choice in p.choices]
)
def test_every_choice_is_one_of_the_library(name, choice):
    assert said_of(train(**{name: choice}), name) == choice


@pytest.mark.parametrize(
    "params",
    [
        {"tree_method": "approx"},
        {"tree_method": "exact"},
        {"grow_policy": "lossguide", "max_leaves": 12},
        {"subsample": 0.7, "colsample_bynode": 0.7},
        {"num_parallel_tree": 3, "subsample": 0.7},
        {"scale_pos_weight": 4.7, "max_bin": 63},
    ],
    ids=lambda params: "-".join(map(str, next(iter(params.items())))),
)
def test_results_do_not_depend_on_the_machine(params):
    """Left to itself, the harness takes every core only where that changes no bit."""
    datasets = synthetic_datasets(n=6000)
    if train(datasets=datasets, n_threads=None, **params).n_threads == 1:
        return
    one, two = (train(datasets=datasets, n_threads=n, **params) for n in (1, 2))
    assert np.array_equal(one.predict_proba(ROWS), two.predict_proba(ROWS))


@pytest.mark.parametrize("params", [{}, {"num_parallel_tree": 2, "subsample": 0.7}], ids=str)
@pytest.mark.parametrize("stops", [True, False])
def test_the_saved_file_is_the_librarys_own(tmp_path, stops, params):
    policy = TrainingPolicy(early_stopping=EarlyStopping(5)) if stops else TO_THE_CEILING
    artifact = train(policy, **{"n_estimators": 200 if stops else 12, **params})
    artifact.save(tmp_path / "bundle")

    booster = xgb.Booster(model_file=tmp_path / "bundle" / "model.ubj")

    assert booster.num_boosted_rounds() == artifact.best_iteration
    scores = booster.predict(xgb.DMatrix(ROWS))
    assert np.array_equal(scores, artifact.predict_proba(ROWS)[:, 1])


@pytest.mark.parametrize(
    ("metric", "name"), [("log_loss", "logloss"), ("roc_auc", "auc"), ("pr_auc", "aucpr")]
)
def test_the_best_iteration_is_the_librarys(metric, name):
    datasets = synthetic_datasets()
    artifact = train(TrainingPolicy(early_stopping=EarlyStopping(7, metric)), n_estimators=200)

    booster = xgb.train(
        {"objective": "binary:logistic", "eval_metric": name, "learning_rate": 0.05},
        xgb.DMatrix(datasets.train.X, label=datasets.train.y),
        num_boost_round=200,
        evals=[(xgb.DMatrix(datasets.val.X, label=datasets.val.y), "val")],
        early_stopping_rounds=7,
        verbose_eval=False,
    )

    assert artifact.best_iteration == booster.best_iteration + 1
    assert 1 < booster.best_iteration + 1 < 193


def test_feature_importance_is_each_features_share():
    importance = train().diagnostics["feature_importance"]

    assert list(importance) == [f"x{i}" for i in range(6)]
    assert math.isclose(sum(importance.values()), 1.0)
    assert importance["x2"] > importance["x5"] >= 0.0


def test_feature_importance_is_empty_where_nothing_was_split():
    assert train(gamma=1e6).diagnostics["feature_importance"] == {}


def test_importing_the_plugin_does_not_import_the_library():
    program = "import sys, cvn_model_xgboost.plugin; print('xgboost' in sys.modules)"

    out = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)

    assert out.stdout.split() == [b"False"]
