"""A search: the same trials for any number of workers, its winner's own model, and no surprises."""

from __future__ import annotations

import os
from dataclasses import replace

import numpy as np
import optuna
import pytest

from cvn_harness_core import (
    MODEL_REGISTRY,
    Calibration,
    Choice,
    HarnessError,
    HPOParams,
    InputError,
    OutOfFold,
    ParameterError,
    Range,
    SearchedDimension,
    SearchError,
    Store,
    TrainedArtifact,
    TrainingPolicy,
    resolve_parameters,
    train_ensemble,
    train_one,
)
from cvn_harness_core.plugins.adapters import adapter_of
from cvn_harness_core.resources.budget import Budget
from cvn_harness_core.search.space import suggest
from cvn_harness_core.search.storage import quiet_optuna
from cvn_harness_core.testing.recorded import event_faults, recorded_events
from tests.ensembles.small import datasets

from .worker import ITERATIONS, said, settings

MODELS = ("xgboost", "lightgbm", "catboost")
TRIALS = int(os.environ.get("CVN_TEST_TRIALS", "16"))


@pytest.fixture(scope="module")
def data():
    return datasets()


@pytest.fixture(scope="module")
def found(data):
    return {model: train_one(model, data, settings(model)) for model in MODELS}


def counting(own, counted, name):
    def method(self, *given):
        counted[name] += 1
        return own(self, *given)

    return method


@pytest.fixture
def fits(monkeypatch):
    """How often each adapter fitted and prepared."""
    counted = {"fit": 0, "prepare": 0}
    for model in MODELS:
        kind = type(adapter_of(model))
        for name in counted:
            monkeypatch.setattr(kind, name, counting(getattr(kind, name), counted, name))
    return counted


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("n_workers", [2, 3])
def test_the_number_of_workers_changes_nothing(model, n_workers, data, found):
    assert said(train_one(model, data, settings(model, n_workers=n_workers))) == said(found[model])


@pytest.mark.parametrize("model", MODELS)
def test_another_seed_gives_other_trials(model, data, found):
    other = train_one(model, data, settings(model, seed=4)).search
    assert other.trials[0].params != found[model].search.trials[0].params


@pytest.mark.parametrize("model", MODELS)
def test_the_artifact_is_the_best_trials_own_model(model, data, found, fits):
    artifact = train_one(model, data, settings(model))
    assert fits["fit"] == len(artifact.search.trials) == 12
    assert fits["prepare"] == 1
    best = artifact.search.trials[artifact.search.best]
    values = [t.value for t in artifact.search.trials if t.state == "complete"]
    assert best.value == artifact.search.value == max(values)
    assert artifact.learning_curve == best.curve
    fixed = {name: value for name, value in best.params.items() if value is not None}
    again = train_one(model, data, HPOParams({ITERATIONS[model]: 60, **fixed}, seed=3, n_threads=1))
    ours, theirs = artifact.predict_proba(data.test.X), again.predict_proba(data.test.X)
    assert np.array_equal(ours, theirs)
    assert artifact.decision == again.decision
    assert artifact.metrics == again.metrics


@pytest.mark.parametrize("model", MODELS)
def test_every_trial_can_be_audited(model, data, found, tmp_path):
    search = found[model].search
    assert search.count("failed") == 0
    spec = MODEL_REGISTRY[model]
    for trial in search.trials:
        assert set(trial.params) <= {p.name for p in spec.params if p.search is not None}
        assert trial.seconds > 0
        assert trial.curve.ceiling == 60
        if trial.state == "complete":
            assert 1 <= trial.curve.best_iteration <= trial.curve.n_iterations <= 60
            assert len(trial.scores) == 64
            assert list(trial.scores) == sorted(trial.scores)
            assert trial.buy_rate is not None
        else:
            assert trial.curve.n_iterations < 60
            assert trial.value is None
    loaded = TrainedArtifact.load(found[model].save(tmp_path / "bundle"))
    assert loaded.search == search
    searched = {n for n, p in found[model].effective_params.items() if p.source == "search"}
    assert searched == set(search.trials[search.best].params)
    rate = found[model].effective_params["learning_rate"]
    assert [(o.value, o.source) for o in rate.overridden] == [(0.05, "default")]
    assert rate.value == pytest.approx(rate.requested, rel=1e-6)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("pruner", ["extrapolation", "hyperband", "median"])
def test_hopeless_trials_are_ended_within_the_boosting(model, pruner, data):
    def run(kind):
        hpo = settings(model, n_trials=24, pruner=kind, objective="log_loss", sampler="random")
        return train_one(model, data, hpo).search

    pruned, whole = run(pruner), run("none")
    assert [t.params for t in pruned.trials] == [t.params for t in whole.trials]
    ended = [t for t in pruned.trials if t.state == "pruned"]
    assert ended
    for trial in ended:
        assert trial.value is None
        assert trial.curve.n_iterations < whole.trials[trial.number].curve.n_iterations
    for trial in pruned.trials:
        if trial.state == "complete":
            assert trial.value == whole.trials[trial.number].value
    assert whole.count("pruned") == 0


def test_trials_and_the_end_are_events(data):
    told = []
    with recorded_events() as events:
        artifact = train_one(
            "lightgbm",
            data,
            settings("lightgbm", n_trials=5),
            on_trial=lambda model, record: told.append((model, record.number)),
        )
    names = [e["event"] for e in events]
    assert names[:7] == ["training_started", *["hpo_trial_complete"] * 5, "hpo_complete"]
    assert names[-1] == "training_complete"
    assert not [fault for line in events for fault in event_faults(line)]
    assert told == [("lightgbm", n) for n in range(5)]
    (end,) = (e for e in events if e["event"] == "hpo_complete")
    assert (end["best_trial"], end["value"]) == (artifact.search.best, artifact.search.value)


@pytest.mark.parametrize("model", MODELS)
def test_sharing_is_safe(model, data, tmp_path):
    """After many trials over the whole space, the first one repeated gives the same bits."""
    run = settings(model, n_trials=TRIALS, sampler="random", pruner="none", objective="log_loss")
    first = train_one(model, data, run).search.trials[0]
    fixed = {name: value for name, value in first.params.items() if value is not None}
    again = train_one(model, data, HPOParams({ITERATIONS[model]: 60, **fixed}, seed=3, n_threads=1))
    assert again.metrics["val"].log_loss == first.value


@pytest.mark.parametrize(
    ("model", "bins"),
    [("xgboost", "max_bin"), ("lightgbm", "max_bin"), ("catboost", "border_count")],
)
def test_parameters_of_the_data_do_not_stick(model, bins, data, fits):
    run = settings(
        model, n_trials=8, space={bins: Choice(4, 64)}, pruner="none", objective="log_loss"
    )
    search = train_one(model, data, run).search
    assert {t.params[bins] for t in search.trials} == {4, 64}
    assert fits["prepare"] == 2
    for trial in search.trials:
        fixed = {name: value for name, value in trial.params.items() if value is not None}
        alone = train_one(
            model, data, HPOParams({ITERATIONS[model]: 60, **fixed}, seed=3, n_threads=1)
        )
        assert alone.metrics["val"].log_loss == trial.value


def test_a_fit_that_changes_what_is_shared_is_found_out(data, monkeypatch):
    kind = type(adapter_of("lightgbm"))
    own = kind.fit

    def spoiling(self, prepared, request):
        prepared.train.params["max_bin"] = 7
        return own(self, prepared, request)

    monkeypatch.setattr(kind, "fit", spoiling)
    with pytest.raises(SearchError, match="dataset_level") as caught:
        train_one("lightgbm", data, settings("lightgbm"))
    assert caught.value.code == "prepared_changed"


@pytest.mark.parametrize("objective", ["pr_auc", "log_loss", "f1_buy", "expectancy"])
def test_each_objective_is_what_the_artifact_reports(objective, data):
    artifact = train_one("lightgbm", data, settings("lightgbm", objective=objective))
    val, search = artifact.metrics["val"], artifact.search
    wanted = {
        "pr_auc": val.pr_auc,
        "log_loss": val.log_loss,
        "f1_buy": val.f1_buy,
        "expectancy": (val.expectancy or 0.0) * val.buy_rate,
    }[objective]
    assert search.value == pytest.approx(wanted, rel=1e-9)
    values = [t.value for t in search.trials if t.value is not None]
    assert search.value == (min(values) if objective == "log_loss" else max(values))
    assert search.direction == ("minimize" if objective == "log_loss" else "maximize")


def test_expectancy_needs_money(data):
    bare = replace(data, payoff=None)
    with pytest.raises(InputError) as caught:
        train_one("lightgbm", bare, settings("lightgbm", objective="expectancy"))
    assert caught.value.code == "money_unknown"


@pytest.mark.parametrize(("rows", "measured"), [("train", "forward_folds"), ("val", "validation")])
def test_returns_of_the_rows_that_are_measured_are_money(rows, measured, data):
    rng = np.random.default_rng(5)
    earned = rng.normal(size=len(getattr(data, rows)))
    bare = replace(data, payoff=None, **{rows: replace(getattr(data, rows), returns=earned)})
    found = {}
    for evaluate_on in ("forward_folds", "validation"):
        run = settings("lightgbm", n_trials=2, objective="expectancy", evaluate_on=evaluate_on)
        try:
            found[evaluate_on] = train_one("lightgbm", bare, run).search.count("complete")
        except InputError as error:
            found[evaluate_on] = error.code
    other = "forward_folds" if measured == "validation" else "validation"
    assert found == {measured: 2, other: "money_unknown"}


def test_forward_folds_that_cannot_be_laid_are_refused_before_any_trial(data, tmp_path):
    timeless = replace(data, **{
        name: replace(getattr(data, name), time=None, label_end=None)
        for name in ("train", "val", "test")
    })  # fmt: skip
    storage = tmp_path / "hpo.journal"
    run = settings("lightgbm", n_trials=2, evaluate_on="forward_folds", storage=storage)
    with pytest.raises(InputError, match="evaluate_on='forward_folds'") as caught:
        train_one("lightgbm", timeless, run)
    assert caught.value.code == "time_missing"
    assert not storage.exists()


def test_the_threads_of_the_artifact_are_those_of_its_own_fit(data, monkeypatch):
    monkeypatch.setenv("CVN_THREADS", "2")
    if Budget.current().threads < 2:
        pytest.skip("needs two cores")
    found = train_one("lightgbm", data, settings("lightgbm", n_trials=2, n_threads=None))
    alone = train_one("lightgbm", data, HPOParams({"n_estimators": 20}))
    for artifact in (found, alone):
        assert f"[num_threads: {artifact.n_threads}]" in artifact.native.model_to_string()
    assert found.n_threads == 2  # n_workers=1 leaves a trial both
    shared = train_one("lightgbm", data, settings("lightgbm", n_trials=2, n_threads=None,
                                                  n_workers=2))  # fmt: skip
    assert shared.n_threads == 1
    assert "[num_threads: 1]" in shared.native.model_to_string()
    run = settings("lightgbm", n_trials=2, n_threads=None, n_workers=2, evaluate_on="forward_folds")
    assert train_one("lightgbm", data, run).n_threads == 2  # fitted again, with all there are


def test_a_storage_may_be_a_path(data, tmp_path):
    storage = tmp_path / "hpo.journal"
    searched = train_one("lightgbm", data, settings("lightgbm", n_trials=2, storage=storage)).search
    assert searched.storage == str(storage)
    assert storage.exists()


@pytest.mark.parametrize("changes", [
    {"storage": 5}, {"study_name": 5, "storage": "x.journal"}, {"params": None}, {"params": [1]},
    {"params": {1: 2}}, {"space": ["num_leaves"]}, {"timeout_s": 10**400},
])  # fmt: skip
def test_a_setting_of_another_type_is_refused(changes):
    with pytest.raises(InputError) as caught:
        HPOParams(**{"n_trials": 2, **changes})
    assert caught.value.code == "setting_invalid"


def test_forward_folds_can_be_the_judge(data, fits):
    run = settings("lightgbm", n_trials=4, evaluate_on="forward_folds", objective="log_loss")
    policy = TrainingPolicy(out_of_fold=OutOfFold(n_folds=3))
    search = train_one("lightgbm", data, run, policy=policy).search
    assert fits["fit"] == 4 * 3 + 3 + 1  # the winner is fitted as any training is
    assert fits["prepare"] == 3 + 1  # each fold once, and the whole
    assert search.count("complete") == 4


@pytest.mark.parametrize("policy", [
    TrainingPolicy(calibration=Calibration(min_rows=100)),
    TrainingPolicy(out_of_fold=OutOfFold(n_folds=2), calibration=Calibration(min_rows=100)),
    TrainingPolicy(class_balance="auto"),
    TrainingPolicy.adr0089(),
])  # fmt: skip
def test_under_any_policy_the_winner_is_not_fitted_again(policy, data, fits):
    artifact = train_one("xgboost", data, settings("xgboost", n_trials=4), policy=policy)
    folds = 0 if policy.out_of_fold is None else policy.out_of_fold.n_folds
    assert fits["fit"] == 4 + folds
    best = artifact.search.trials[artifact.search.best]
    assert artifact.learning_curve == best.curve


def test_a_conditional_parameter_is_tried_only_where_it_has_an_effect(data):
    search = train_one("catboost", data, settings("catboost", n_trials=12)).search
    for trial in search.trials:
        bayesian = trial.params["bootstrap_type"] == "Bayesian"
        assert ("bagging_temperature" in trial.params) == bayesian
        assert ("subsample" in trial.params) != bayesian


def test_a_dimension_is_narrowed_added_or_fixed(data):
    run = replace(
        settings(
            "lightgbm", n_trials=4, space={"num_leaves": Range(5, 7), "max_depth": Range(2, 4)}
        ),
        params={"n_estimators": 60, "learning_rate": 0.1},
    )
    search = train_one("lightgbm", data, run).search
    assert search.space["num_leaves"] == SearchedDimension(low=5, high=7)
    assert "learning_rate" not in search.space
    for trial in search.trials:
        assert 5 <= trial.params["num_leaves"] <= 7
        assert 2 <= trial.params["max_depth"] <= 4


@pytest.mark.parametrize(
    ("changes", "error", "code"),
    [
        ({"space": {"num_leavs": Range(2, 4)}}, ParameterError, "parameter_unknown"),
        ({"space": {"num_leaves": Range(8, 4)}}, ParameterError, "space_invalid"),
        ({"space": {"num_leaves": Range(8, 8)}}, ParameterError, "space_invalid"),
        (
            {"space": {"n_estimators": Choice(None, 5)}, "params": {}},
            ParameterError,
            "space_invalid",
        ),
        ({"space": {"min_child_samples": Range(1, 1e30)}}, ParameterError, "space_invalid"),
        ({"params": {"min_child_samples": 2**32 + 20}}, ParameterError, "parameter_invalid"),
        ({"space": {"learning_rate": Range(0.0, 0.1, log=True)}}, ParameterError, "space_invalid"),
        ({"space": {"extra_trees": Choice("yes", "no")}}, ParameterError, "space_invalid"),
        ({"params": {"num_leaves": "many"}}, ParameterError, "parameter_invalid"),
        ({"timeout_s": 1e-9}, SearchError, "no_trial_finished"),
        ({"storage": "sqlite:////nowhere/at/all.db"}, SearchError, "storage_unavailable"),
        ({"storage": "what is this"}, SearchError, "storage_unavailable"),
        (
            {"storage": "postgresql+psycopg://me:secret@127.0.0.1:1/x"},
            SearchError,
            "storage_unavailable",
        ),
    ],
)  # fmt: skip
def test_bad_input_is_a_typed_error(changes, error, code, data):
    with pytest.raises(error) as caught:
        train_one("lightgbm", data, replace(settings("lightgbm"), **changes))
    assert caught.value.code == code
    assert "secret" not in str(caught.value)


def test_nothing_to_search_is_an_error(data):
    spec = MODEL_REGISTRY["lightgbm"]
    fixed = {"n_estimators": 5, "learning_rate": 0.1, "num_leaves": 4, "min_child_samples": 5,
             "min_split_gain": 0.1, "subsample": 0.9, "colsample_bytree": 0.9, "reg_alpha": 0.1,
             "reg_lambda": 0.1, "path_smooth": 0.1, "extra_trees": False}  # fmt: skip
    assert {p.name for p in spec.params if p.search} <= set(fixed)
    with pytest.raises(SearchError) as caught:
        train_one("lightgbm", data, HPOParams(fixed, n_trials=3))
    assert caught.value.code == "space_empty"


def test_settings_of_a_search_without_one_are_refused():
    for changes in (
        {"timeout_s": 1.0}, {"space": {"num_leaves": Range(2, 4)}}, {"storage": "x"},
        {"objective": "log_loss"}, {"evaluate_on": "forward_folds"}, {"sampler": "random"},
        {"pruner": "none"}, {"max_concurrent": 2}, {"n_workers": 1},
    ):  # fmt: skip
        with pytest.raises(InputError, match=next(iter(changes))):
            HPOParams(**changes)
    assert "secret" not in repr(HPOParams(n_trials=1, storage="postgresql://me:secret@h/d"))


def test_trials_that_fail_are_kept_with_their_reason(data, monkeypatch):
    kind = type(adapter_of("lightgbm"))
    own = kind.fit

    def failing(self, prepared, request):
        if request.params["num_leaves"] > 20:
            raise MemoryError
        return own(self, prepared, request)

    monkeypatch.setattr(kind, "fit", failing)
    search = train_one("lightgbm", data, settings("lightgbm")).search
    assert search.count("failed") > 0
    for trial in search.trials:
        assert (trial.state == "failed") == (trial.params["num_leaves"] > 20)
    monkeypatch.setattr(kind, "fit", lambda *_: (_ for _ in ()).throw(ValueError("never")))
    with pytest.raises(SearchError, match="never") as caught:
        train_one("lightgbm", data, settings("lightgbm"))
    assert caught.value.code == "no_trial_finished"


def test_a_searched_training_is_kept_and_its_folds_are_shared(data, tmp_path):
    store = Store(tmp_path / "store")
    policy = TrainingPolicy(out_of_fold=OutOfFold(n_folds=2))
    first = train_one("lightgbm", data, settings("lightgbm"), policy=policy, store=store)
    with recorded_events() as events:
        again = train_one("lightgbm", data, settings("lightgbm"), policy=policy, store=store)
        best = first.search.trials[first.search.best].params
        fixed = HPOParams({"n_estimators": 60, **best}, seed=3, n_threads=1)
        plain = train_one("lightgbm", data, fixed, policy=policy, store=store)
    assert again.search == first.search
    assert events[0]["event"] == "cache_hit"
    (missed,) = (e for e in events if e["event"] == "cache_miss")
    assert missed["key"] == plain.content_key  # and both folds were there


def test_bases_are_searched_and_an_ensemble_is_not(data):
    given = {m: settings(m, n_trials=3) for m in ("xgboost", "lightgbm")}
    artifact = train_ensemble("blend_avg", data, given, bases=tuple(given))
    assert all(len(base.search.trials) == 3 for base in artifact.native.bases)
    assert artifact.search is None
    with pytest.raises(HarnessError) as caught:
        train_ensemble("blend_avg", data, {"blend_avg": HPOParams(n_trials=3)})
    assert caught.value.code == "search_unsupported"


def test_one_at_a_time_and_unpruned_the_trials_are_those_of_a_plain_optuna_loop(data):
    run = replace(settings("lightgbm", n_trials=14, max_concurrent=1), pruner="none")
    ours = train_one("lightgbm", data, run).search
    spec = MODEL_REGISTRY["lightgbm"]
    fixed, space = resolve_parameters(spec, run)
    values = iter([trial.value for trial in ours.trials])

    def objective(trial):
        suggest(trial, spec, space, fixed)
        return next(values)

    with quiet_optuna():
        sampler = optuna.samplers.TPESampler(seed=run.seed)
        plain = optuna.create_study(direction="maximize", sampler=sampler)
        plain.optimize(objective, n_trials=14)
    assert [trial.params for trial in plain.trials] == [trial.params for trial in ours.trials]
