"""LightGBM as a model: the contract, and what is true of this library only."""

from __future__ import annotations

import math
import subprocess
import sys
from dataclasses import replace

import lightgbm as lgb
import numpy as np
import pytest

from cvn_harness_core import (
    MODEL_REGISTRY,
    EarlyStopping,
    FitRequest,
    HPOParams,
    ParameterError,
    Split,
    TrainingPolicy,
    train_one,
)
from cvn_harness_core.contracts.model import Stopping
from cvn_harness_core.testing import ModelContract
from cvn_harness_core.testing.synthetic import synthetic_datasets, synthetic_rows
from cvn_model_lightgbm.params import PARAMS, RESERVED

TO_THE_CEILING = TrainingPolicy(early_stopping=None)
ROWS = synthetic_rows(300, seed=3)[0]

# Every spelling that the library knows of one parameter.
SYNONYMS = [
    {canonical, *aliases}
    for canonical, aliases in lgb.basic._ConfigAliases._get_all_param_aliases().items()
]
SPELLINGS = {p.name: {p.name, *p.aliases} for p in PARAMS}


class TestLightGBM(ModelContract):
    model = "lightgbm"


def with_gaps(_, X, y):
    """A tenth of the values is missing, and a tenth is zero."""
    chance = np.random.default_rng(2).random(X.shape)
    X[chance < 0.2] = 0.0
    X[chance < 0.1] = np.nan
    return Split(X, y)


def train(policy=TO_THE_CEILING, *, datasets=None, n_threads=1, **params):
    hpo_params = HPOParams({"n_estimators": 12, **params}, seed=5, n_threads=n_threads)
    return train_one("lightgbm", datasets or synthetic_datasets(), hpo_params, policy=policy)


# -- names ---------------------------------------------------------------------------------------


def test_every_declared_spelling_is_one_of_the_library():
    known = set().union(*SYNONYMS)

    assert {s for spellings in SPELLINGS.values() for s in spellings} <= known


@pytest.mark.parametrize("param", PARAMS, ids=lambda p: p.name)
def test_every_synonym_of_the_library_is_accepted(param):
    synonyms = next(group for group in SYNONYMS if param.name in group)

    assert SPELLINGS[param.name] == synonyms


def test_every_synonym_of_a_reserved_name_is_reserved():
    for group in SYNONYMS:
        assert not group & set(RESERVED) or group <= set(RESERVED)


@pytest.mark.parametrize("param", PARAMS, ids=lambda p: p.name)
def test_names_are_those_of_its_scikit_learn_classifier(param):
    """Where the classifier names a parameter, that name is the canonical one."""
    its_own = set(lgb.LGBMClassifier().get_params())

    assert not SPELLINGS[param.name] & its_own or param.name in its_own


# -- values --------------------------------------------------------------------------------------

# Each parameter: a value other than the library's, and what else has to be set for it to matter.
VALUES = {
    "n_estimators": (9, {}),
    "learning_rate": (0.21, {}),
    "num_leaves": (7, {}),
    "max_depth": (2, {}),
    "min_child_samples": (45, {}),
    "min_child_weight": (12.5, {}),
    "min_split_gain": (0.9, {}),
    "subsample": (0.6, {"subsample_freq": 1}),
    "subsample_freq": (2, {"subsample": 0.6}),
    "colsample_bytree": (0.6, {}),
    "colsample_bynode": (0.6, {}),
    "reg_alpha": (1.7, {}),
    "reg_lambda": (2.3, {}),
    "max_delta_step": (0.31, {}),
    "path_smooth": (1.9, {}),
    "extra_trees": (True, {}),
    "data_sample_strategy": ("goss", {"learning_rate": 0.5}),
    "top_rate": (0.35, {"learning_rate": 0.5, "data_sample_strategy": "goss"}),
    "other_rate": (0.25, {"learning_rate": 0.5, "data_sample_strategy": "goss"}),
    "scale_pos_weight": (2.9, {}),
    "boost_from_average": (False, {}),
    "monotone_constraints": ((1, 0, -1, 0, 0, 0), {}),
    "max_bin": (15, {}),
    "min_data_in_bin": (40, {}),
    "subsample_for_bin": (250, {}),
    "linear_tree": (True, {}),
    "linear_lambda": (3.1, {"linear_tree": True}),
    "use_missing": (False, {}),
    "zero_as_missing": (True, {}),
}

# No effect on bits: the only choice, and the bundling of features that exclude one another.
WITHOUT_EFFECT = {"boosting_type": ("gbdt", {}), "enable_bundle": (False, {})}


def said_of(artifact, name):
    """What the fitted model says of a parameter, in the type that was declared."""
    param = MODEL_REGISTRY["lightgbm"].param(name)
    said = artifact.adapter.effective_params(artifact.native)[param.native or name]
    return tuple(int(v) for v in said.split(",")) if param.type is tuple else said


def test_a_value_is_tried_of_every_declared_parameter():
    assert set(VALUES | WITHOUT_EFFECT) == set(SPELLINGS)


@pytest.mark.parametrize("name", ["top_rate", "other_rate", "linear_lambda"])
def test_a_parameter_that_the_library_would_ignore_is_refused(name):
    with pytest.raises(ParameterError, match=f"{name} has no effect unless"):
        train(**{name: VALUES[name][0]})


@pytest.mark.parametrize("name", VALUES | WITHOUT_EFFECT)
def test_every_parameter_reaches_the_library(name):
    value, beside = (VALUES | WITHOUT_EFFECT)[name]
    datasets = synthetic_datasets(with_gaps)

    artifact = train(datasets=datasets, **beside, **{name: value})

    said = said_of(artifact, name)
    number = isinstance(value, float)
    assert math.isclose(said, value, rel_tol=1e-9) if number else said == value
    assert artifact.effective_params[name].source == "user"
    without = train(datasets=datasets, **beside)
    same = np.array_equal(artifact.predict_proba(ROWS), without.predict_proba(ROWS))
    assert same == (name in WITHOUT_EFFECT)


@pytest.mark.parametrize(
    ("name", "choice"), [(p.name, choice) for p in PARAMS for choice in p.choices]
)
def test_every_choice_is_one_of_the_library(name, choice):
    assert said_of(train(**{name: choice}), name) == choice


def test_a_dataset_parameter_does_not_stick():
    before = train().predict_proba(ROWS)

    coarse = train(max_bin=5).predict_proba(ROWS)

    assert not np.array_equal(coarse, before)
    assert np.array_equal(train().predict_proba(ROWS), before)


@pytest.mark.parametrize(
    "params",
    [
        {"data_sample_strategy": "goss", "learning_rate": 0.5},
        {"linear_tree": True},
        {"extra_trees": True},
        {"subsample": 0.7, "subsample_freq": 1},
        {"colsample_bytree": 0.5, "colsample_bynode": 0.7},
        {"scale_pos_weight": 4.7, "max_bin": 63},
    ],
    ids=lambda params: next(iter(params)),
)
def test_results_do_not_depend_on_the_machine(params):
    """Left to itself, the harness takes every core only where that changes no bit."""
    datasets = synthetic_datasets(n=6000)
    if train(datasets=datasets, n_threads=None, **params).n_threads == 1:
        return
    one, two = (train(datasets=datasets, n_threads=n, **params) for n in (1, 2))
    assert np.array_equal(one.predict_proba(ROWS), two.predict_proba(ROWS))


# -- the model -----------------------------------------------------------------------------------


@pytest.mark.parametrize("stops", [True, False])
def test_the_saved_file_is_the_librarys_own(tmp_path, stops):
    policy = TrainingPolicy(early_stopping=EarlyStopping(5)) if stops else TO_THE_CEILING
    artifact = train(policy, n_estimators=200 if stops else 12)
    artifact.save(tmp_path / "bundle")

    booster = lgb.Booster(model_file=tmp_path / "bundle" / "model.txt")

    assert booster.num_trees() == artifact.best_iteration
    assert np.array_equal(booster.predict(ROWS), artifact.predict_proba(ROWS)[:, 1])


@pytest.mark.parametrize(
    ("metric", "name"),
    [("log_loss", "binary_logloss"), ("roc_auc", "auc"), ("pr_auc", "average_precision")],
)
def test_the_best_iteration_is_the_librarys(metric, name):
    datasets = synthetic_datasets()
    artifact = train(TrainingPolicy(early_stopping=EarlyStopping(7, metric)), n_estimators=200)

    train_set = lgb.Dataset(datasets.train.X, label=datasets.train.y)
    booster = lgb.train(
        {"objective": "binary", "metric": name, "learning_rate": 0.05, "verbosity": -1},
        train_set,
        num_boost_round=200,
        valid_sets=[train_set.create_valid(datasets.val.X, label=datasets.val.y)],
        callbacks=[lgb.early_stopping(7, verbose=False)],
    )

    assert artifact.best_iteration == booster.best_iteration
    assert 1 < booster.best_iteration < 193


@pytest.mark.parametrize("metric", ["log_loss", "roc_auc", "pr_auc"])
@pytest.mark.parametrize("min_delta", [0.0, 0.01])
def test_boosting_that_is_ended_early_knows_its_best_iteration(metric, min_delta):
    """It is that of early stopping, which was on its way and had not stopped yet."""
    spec = MODEL_REGISTRY["lightgbm"]
    adapter, stopping = spec.adapter(), Stopping(spec.stopping_metrics[metric], 50, min_delta)
    params = {"n_estimators": 200, "learning_rate": 0.5}
    ended, stopped = (
        adapter.fit(
            adapter.prepare(synthetic_datasets(), request := FitRequest(params, 0, 1, rule, watch)),
            request,
        )
        for rule, watch in (
            (stopping, lambda iteration, _: iteration == 40),
            (replace(stopping, rounds=40), None),
        )
    )

    assert ended.n_iterations == 40
    assert ended.best_iteration == stopped.best_iteration < 40


@pytest.mark.parametrize("change", ["label", "weight", "init_score"])
def test_a_change_of_the_prepared_data_is_seen(change):
    adapter = MODEL_REGISTRY["lightgbm"].adapter()
    prepared = adapter.prepare(synthetic_datasets(), FitRequest({}, seed=0, n_threads=1))
    before = adapter.fingerprint(prepared)
    assert adapter.fingerprint(prepared) == before
    getattr(prepared.val, f"set_{change}")(np.full(prepared.val.num_data(), 0.5))
    assert adapter.fingerprint(prepared) != before


def test_feature_importance_is_each_features_share():
    importance = train().diagnostics["feature_importance"]

    assert list(importance) == [f"x{i}" for i in range(6)]
    assert math.isclose(sum(importance.values()), 1.0)
    assert importance["x2"] > importance["x5"] >= 0.0


def test_feature_importance_is_empty_where_nothing_was_split():
    assert train(min_child_samples=600).diagnostics["feature_importance"] == {}


def test_importing_the_plugin_does_not_import_the_library():
    program = "import sys, cvn_model_lightgbm.plugin; print('lightgbm' in sys.modules)"

    out = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)

    assert out.stdout.split() == [b"False"]
