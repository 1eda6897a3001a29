"""CatBoost as a model: the contract, and what is true of this library only."""

from __future__ import annotations

import inspect
import math
import os
import subprocess
import sys

import catboost
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
from cvn_harness_core.testing import ModelContract
from cvn_harness_core.testing.synthetic import synthetic_datasets, synthetic_rows
from cvn_model_catboost.params import PARAMS, RESERVED

TO_THE_CEILING = TrainingPolicy(early_stopping=None)
ROWS = synthetic_rows(300, seed=3)[0]
ROWS[::9, 2] = np.nan


class TestCatBoost(ModelContract):
    model = "catboost"


def with_gaps(_, X, y):
    X[np.random.default_rng(2).random(X.shape) < 0.1] = np.nan
    return Split(X, y)


def train(policy=TO_THE_CEILING, *, datasets=None, n_threads=1, **params):
    hpo_params = HPOParams({"iterations": 12, **params}, seed=5, n_threads=n_threads)
    return train_one("catboost", datasets or synthetic_datasets(), hpo_params, policy=policy)


# -- memory --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("given", "delay"), [({}, 3), ({"MIMALLOC_PURGE_DELAY": "7"}, 7)])
def test_its_allocator_gives_memory_back_soon_unless_the_user_says_when(given, delay):
    work = "from cvn_harness_core import MODEL_REGISTRY as m; m['catboost']; import catboost"
    bare = {name: said for name, said in os.environ.items() if not name.startswith("MIMALLOC_")}
    env = {**bare, **given, "MIMALLOC_VERBOSE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", work], env=env, capture_output=True, text=True, check=True
    )

    assert f"option 'purge_delay': {delay} \n" in done.stderr


# -- names ---------------------------------------------------------------------------------------


def test_every_spelling_is_an_argument_of_its_scikit_learn_classifier():
    arguments = set(inspect.signature(catboost.CatBoostClassifier).parameters)

    assert {s for p in PARAMS for s in (p.name, *p.aliases)} | set(RESERVED) <= arguments


# Each parameter: a value other than the library's, and what else has to be set for it to matter.
VALUES = {
    "iterations": (9, {}),
    "learning_rate": (0.21, {}),
    "depth": (3, {}),
    "l2_leaf_reg": (7.5, {}),
    "boosting_type": ("Ordered", {}),
    "bootstrap_type": ("Bernoulli", {}),
    "bagging_temperature": (3.5, {"bootstrap_type": "Bayesian"}),
    "subsample": (0.55, {}),
    "mvs_reg": (4.5, {}),
    "sampling_frequency": ("PerTreeLevel", {}),
    "random_strength": (6.5, {}),
    "rsm": (0.55, {}),
    "grow_policy": ("Lossguide", {}),
    "min_data_in_leaf": (33, {"grow_policy": "Depthwise"}),
    "max_leaves": (5, {"grow_policy": "Lossguide"}),
    "score_function": ("L2", {}),
    "leaf_estimation_method": ("Gradient", {}),
    "leaf_estimation_iterations": (4, {}),
    "model_shrink_rate": (0.17, {}),
    "model_shrink_mode": ("Decreasing", {"model_shrink_rate": 0.17}),
    "boost_from_average": (True, {}),
    "langevin": (True, {}),
    "diffusion_temperature": (77.0, {"langevin": True}),
    "posterior_sampling": (True, {}),
    "has_time": (True, {"boosting_type": "Ordered"}),
    "scale_pos_weight": (2.9, {}),
    "monotone_constraints": ((1, 0, -1, 0, 0, 0), {}),
    "border_count": (9, {}),
    "feature_border_type": ("Uniform", {}),
    "nan_mode": ("Max", {}),
}

# No effect on bits here: the Newton steps improve every time, so there is nothing to track back.
WITHOUT_EFFECT = {"leaf_estimation_backtracking": ("No", {"leaf_estimation_iterations": 4})}


@pytest.mark.parametrize(
    ("alias", "param"),
    [(alias, p) for p in PARAMS for alias in p.aliases],
    ids=lambda v: v if isinstance(v, str) else v.name,
)
def test_every_alias_is_a_synonym_for_the_library(alias, param):
    value, beside = VALUES[param.name]
    ceiling = {} if param.name == "iterations" else {"iterations": 2}
    X, y = synthetic_rows(200)

    model = catboost.CatBoostClassifier(
        **{alias: value}, **beside, **ceiling, logging_level="Silent", allow_writing_files=False
    ).fit(X, y)

    assert math.isclose(model.get_all_params()[param.name], value, rel_tol=1e-6)


# -- values --------------------------------------------------------------------------------------


def test_a_value_is_tried_of_every_declared_parameter():
    assert set(VALUES | WITHOUT_EFFECT) == {p.name for p in PARAMS}


@pytest.mark.parametrize("name", VALUES | WITHOUT_EFFECT)
def test_every_parameter_reaches_the_library(name):
    value, beside = (VALUES | WITHOUT_EFFECT)[name]
    datasets = synthetic_datasets(with_gaps)

    artifact = train(datasets=datasets, **beside, **{name: value})

    assert artifact.effective_params[name].source == "user"
    without = train(datasets=datasets, **beside)
    same = np.array_equal(artifact.predict_proba(ROWS), without.predict_proba(ROWS))
    assert same == (name in WITHOUT_EFFECT)


@pytest.mark.parametrize("name", VALUES | WITHOUT_EFFECT)
def test_every_parameter_is_read_back_from_the_model(name):
    value, beside = (VALUES | WITHOUT_EFFECT)[name]
    artifact = train(**beside, **{name: value})

    said = artifact.adapter.effective_params(artifact.native)[name]

    number = isinstance(value, float)
    assert math.isclose(said, value, rel_tol=1e-6) if number else said == value


@pytest.mark.parametrize(
    ("name", "choice"), [(p.name, choice) for p in PARAMS for choice in p.choices]
)
def test_every_choice_is_one_of_the_library(name, choice):
    beside = (VALUES | WITHOUT_EFFECT)[name][1]
    artifact = train(**beside, **{name: choice})

    assert artifact.adapter.effective_params(artifact.native)[name] == choice


@pytest.mark.parametrize(
    ("name", "value", "beside"),
    [
        ("bagging_temperature", 3.5, {}),
        ("bagging_temperature", 3.5, {"bootstrap_type": "MVS"}),
        ("mvs_reg", 4.5, {"bootstrap_type": "Bernoulli"}),
        ("min_data_in_leaf", 33, {}),
        ("max_leaves", 5, {"grow_policy": "Depthwise"}),
        ("model_shrink_mode", "Decreasing", {}),
        ("diffusion_temperature", 77.0, {}),
    ],
)
def test_a_parameter_that_the_library_would_ignore_is_refused(name, value, beside):
    with pytest.raises(ParameterError, match=f"{name} has no effect unless"):
        train(**beside, **{name: value})


# -- the model -----------------------------------------------------------------------------------


@pytest.mark.parametrize("stops", [True, False])
def test_the_saved_file_is_the_librarys_own(tmp_path, stops):
    policy = TrainingPolicy(early_stopping=EarlyStopping(5)) if stops else TO_THE_CEILING
    artifact = train(policy, iterations=200 if stops else 12)
    artifact.save(tmp_path / "bundle")

    model = catboost.CatBoostClassifier().load_model(tmp_path / "bundle" / "model.cbm")

    assert model.tree_count_ == artifact.best_iteration
    assert np.array_equal(model.predict_proba(ROWS)[:, 1], artifact.predict_proba(ROWS)[:, 1])


@pytest.mark.parametrize(
    ("metric", "name"), [("log_loss", "Logloss"), ("roc_auc", "AUC"), ("pr_auc", "PRAUC")]
)
def test_the_best_iteration_is_the_librarys(metric, name):
    datasets = synthetic_datasets()
    artifact = train(TrainingPolicy(early_stopping=EarlyStopping(7, metric)), iterations=200)

    model = catboost.CatBoostClassifier(
        iterations=200,
        learning_rate=0.05,
        boosting_type="Plain",
        eval_metric=name,
        random_seed=5,
        thread_count=1,
        logging_level="Silent",
        allow_writing_files=False,
    ).fit(
        datasets.train.X,
        datasets.train.y,
        eval_set=(datasets.val.X, datasets.val.y),
        early_stopping_rounds=7,
    )

    assert artifact.best_iteration == model.get_best_iteration() + 1
    assert 1 < model.get_best_iteration() + 1 < 193


def newly_recorded(name, X, y):
    """A feature that training knows one value of, and that is missing in part later."""
    X[:, 4] = 1.0
    if name != "train":
        X[::3, 4] = np.nan
    return Split(X, y)


@pytest.mark.parametrize("nan_mode", [None, "Max", "Forbidden"])
def test_a_constant_feature_may_be_missing_later(nan_mode):
    datasets = synthetic_datasets(newly_recorded)
    params = {} if nan_mode is None else {"nan_mode": nan_mode}

    artifact = train(datasets=datasets, **params)

    model = catboost.CatBoostClassifier(
        iterations=12,
        learning_rate=0.05,
        boosting_type="Plain",
        random_seed=5,
        thread_count=1,
        use_best_model=False,
        logging_level="Silent",
        allow_writing_files=False,
        **params,
    ).fit(
        datasets.train.X, datasets.train.y, eval_set=(datasets.val.X, datasets.val.y)
    )  # not quantised before
    said = artifact.predict_proba(datasets.test.X)
    assert np.array_equal(said, model.predict_proba(datasets.test.X))
    curve = model.get_evals_result()["validation"]["Logloss"]
    assert artifact.learning_curve.val_last == curve[-1]


@pytest.mark.parametrize("change", ["weight", "baseline"])
def test_a_change_of_the_prepared_data_is_seen(change):
    adapter = MODEL_REGISTRY["catboost"].adapter()
    prepared = adapter.prepare(synthetic_datasets(), FitRequest({}, seed=0, n_threads=1))
    before = adapter.fingerprint(prepared)
    assert adapter.fingerprint(prepared) == before
    getattr(prepared.val, f"set_{change}")(np.full(400, 0.5))
    assert adapter.fingerprint(prepared) != before


def test_borders_tell_prepared_data_apart():
    adapter = MODEL_REGISTRY["catboost"].adapter()
    kinds = (FitRequest({"feature_border_type": t}, 0, 1) for t in ("Median", "Uniform"))
    one, other = (adapter.fingerprint(adapter.prepare(synthetic_datasets(), k)) for k in kinds)
    assert one != other


def test_it_uses_one_thread_unless_told_otherwise():
    """Its bits depend on the threads, so these never depend on the machine."""
    assert not MODEL_REGISTRY["catboost"].thread_invariant
    assert train(n_threads=None).n_threads == 1


def test_it_writes_no_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    train()

    assert list(tmp_path.iterdir()) == []


def test_feature_importance_is_each_features_share():
    importance = train().diagnostics["feature_importance"]

    assert list(importance) == [f"x{i}" for i in range(6)]
    assert math.isclose(sum(importance.values()), 1.0)
    assert importance["x2"] > importance["x5"] >= 0.0


def test_feature_importance_is_empty_where_nothing_was_split():
    artifact = train(grow_policy="Depthwise", min_data_in_leaf=600)

    assert artifact.diagnostics["feature_importance"] == {}


def test_importing_the_plugin_does_not_import_the_library():
    program = "import sys, cvn_model_catboost.plugin; print('catboost' in sys.modules)"

    out = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)

    assert out.stdout.split() == [b"False"]
