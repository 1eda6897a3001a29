"""The canonical entry point, with small real models."""

from __future__ import annotations

import signal
import sys
from dataclasses import replace
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from cvn_harness_core import (
    MODEL_REGISTRY,
    Datasets,
    EarlyStopping,
    EffectiveParam,
    F1Capped,
    F1Grid,
    FitError,
    Fixed,
    HarnessError,
    HealthLimits,
    HPOParams,
    InputError,
    Payoff,
    Probability,
    SearchError,
    Split,
    TrainingPolicy,
    train_one,
)
from cvn_harness_core.contracts.params import Overridden
from cvn_harness_core.metrics.split import split_metrics

pytestmark = pytest.mark.usefixtures("models")


def policy(**changes: Any) -> TrainingPolicy:
    return replace(TrainingPolicy.economic(), **changes)


def events_of(models: Any, name: str) -> list[Any]:
    return [event for event in models.events if event.event == name]


# --- the artifact ---------------------------------------------------------------------------


def test_it_does_what_a_plain_script_does(datasets: Datasets) -> None:
    train, val = datasets.train, datasets.val
    plain = LogisticRegression(C=0.3, max_iter=200, random_state=5).fit(train.X, train.y)
    best_cut = policy(theta=F1Capped(min_signals=1, bootstrap=None))
    hpo = HPOParams(params={"C": 0.3}, seed=5)
    artifact = train_one("logreg", datasets, hpo, policy=best_cut)
    np.testing.assert_array_equal(artifact.predict_proba(val.X), plain.predict_proba(val.X))
    scores = plain.predict_proba(val.X)[:, 1]
    best = max(
        (2 * val.y[scores >= t].sum() / ((scores >= t).sum() + val.y.sum()), t)
        for t in scores
        if (scores >= t).mean() <= val.y.mean()
    )
    assert (artifact.decision.f1, artifact.theta) == best
    np.testing.assert_array_equal(artifact.predict(val.X), scores >= best[1])


def test_the_artifact_says_how_it_came_about(datasets: Datasets) -> None:
    hpo = HPOParams(params={"inverse_l2": 0.5}, seed=11, n_threads=2)
    artifact = train_one("logreg", datasets, hpo)
    assert (artifact.name, artifact.kind) == ("logreg", "model")
    assert artifact.params == {"C": 0.5}
    assert (artifact.seed, artifact.n_threads) == (11, 2)
    assert artifact.datasets_digest == datasets.digest
    assert artifact.feature_version == datasets.feature_version
    assert artifact.payoff == Payoff(1.5, 0.5, cost=0.05)
    assert artifact.probability == Probability("raw")
    assert artifact.lineage == ()
    assert artifact.tags == {"symbol": "ES", "fold": "3", "variant": "base"}
    assert artifact.policy["name"] == "economic"
    assert artifact.policy["theta"]["rule"] == "expected_value"
    assert artifact.best_iteration is None
    assert artifact.decision.n == len(datasets.val)
    assert len(artifact.run_id) == 32
    assert {"python", "cvn-harness-core", "sample-models", "numpy", "sklearn"} <= set(
        artifact.environment
    )
    assert artifact.environment["sample-models"] == "1.0"
    assert artifact.timings["total"] >= artifact.timings["fitted"] > 0
    assert list(artifact.diagnostics["coefficients"]) == list(datasets.feature_names)


def test_every_value_that_was_used_has_a_source(datasets: Datasets) -> None:
    artifact = train_one("logreg", datasets, HPOParams(params={"C": 0.5}))
    assert artifact.effective_params == {
        "C": EffectiveParam(0.5, "user", requested=0.5, overridden=(Overridden(1.0, "default"),)),
        "max_iter": EffectiveParam(200, "default", requested=200),
        "tol": EffectiveParam(1e-4, "library"),
    }


def test_a_value_that_the_library_does_not_confirm_is_not_passed_off_as_used(
    datasets: Datasets,
) -> None:
    """The sample model says nothing of ``fit_intercept``."""
    artifact = train_one("logreg", datasets, HPOParams(params={"fit_intercept": False}))
    assert artifact.params == {"fit_intercept": False}
    assert artifact.effective_params["fit_intercept"] == EffectiveParam(
        None, "user", requested=False
    )


@pytest.mark.parametrize("name", ["train", "val", "test"])
def test_every_split_has_the_figures_of_its_scores_at_theta(name: str, datasets: Datasets) -> None:
    artifact = train_one("logreg", datasets)
    split = getattr(datasets, name)
    wanted = split_metrics(
        artifact.predict_proba(split.X)[:, 1],
        split,
        theta=artifact.theta,
        payoff=datasets.payoff,
    )
    assert artifact.metrics[name] == wanted
    assert artifact.metrics[name].n_signals == artifact.predict(split.X).sum()


def test_the_defaults_are_the_economic_policy_and_no_parameters(datasets: Datasets) -> None:
    plain = train_one("logreg", datasets)
    spelt = train_one("logreg", datasets, HPOParams(), policy=TrainingPolicy.economic())
    assert plain.decision == spelt.decision
    assert plain.policy == spelt.policy
    assert plain.run_id != spelt.run_id


def test_test_rows_decide_nothing(datasets: Datasets) -> None:
    other = Split(-datasets.test.X, 1 - datasets.test.y)
    one, two = train_one("logreg", datasets), train_one("logreg", replace(datasets, test=other))
    assert one.decision == two.decision
    assert one.metrics["val"] == two.metrics["val"]
    assert one.metrics["test"] != two.metrics["test"]


def test_the_inputs_stay_as_they_were(parts: Any, names: tuple[str, ...]) -> None:
    before = {
        (where, name): array.copy() for where, part in parts.items() for name, array in part.items()
    }
    datasets = Datasets.from_arrays(**parts, feature_names=names)
    digest, hpo = datasets.digest, HPOParams(params={"C": 1.0})
    train_one("logreg", datasets, hpo, policy=policy(class_balance="auto"), tags={"fold": "9"})
    for (where, name), array in before.items():
        np.testing.assert_array_equal(parts[where][name], array)
    assert replace(datasets).digest == digest
    assert datasets.tags == {}
    assert hpo.params == {"C": 1.0}


def test_tags_are_added_to_those_of_the_data_and_reach_every_event(
    models: Any, datasets: Datasets
) -> None:
    artifact = train_one("logreg", datasets, tags={"fold": "4", "desk": "rates"})
    assert artifact.tags == {"symbol": "ES", "fold": "4", "variant": "base", "desk": "rates"}
    for event in models.events:
        assert (event.symbol, event.fold, event.variant) == ("ES", "4", "base")
        assert (event.run_id, event.kind, event.model) == (artifact.run_id, "model", "logreg")


def test_events_report_what_the_artifact_holds(models: Any, datasets: Datasets) -> None:
    artifact = train_one("logreg", datasets, HPOParams(params={"C": 0.5}, seed=3))
    (started,) = events_of(models, "training_started")
    assert (started.n_train, started.n_val, started.n_test) == (300, 160, 160)
    assert (started.params, started.seed, started.policy) == ({"C": 0.5}, 3, "economic")
    assert started.datasets_digest == datasets.digest
    (picked,) = events_of(models, "theta_picked")
    assert (picked.theta, picked.n_signals) == (artifact.theta, artifact.decision.n_signals)
    (complete,) = events_of(models, "training_complete")
    assert complete.metrics["test"] == artifact.metrics["test"].figures()
    assert complete.health == artifact.health.verdict


# --- threads --------------------------------------------------------------------------------


def test_one_thread_unless_threads_do_not_change_the_bits(
    datasets: Datasets,
) -> None:
    assert train_one("logreg", datasets).n_threads == 1
    assert train_one("weighted", datasets).n_threads == joblib.cpu_count()
    assert train_one("weighted", datasets, HPOParams(n_threads=1)).n_threads == 1


def test_a_value_with_which_threads_do_change_the_bits_means_one_thread(
    site: Any, datasets: Datasets
) -> None:
    source = """
from sample_models.plugins import PARAMS, _logistic
from cvn_harness_core import ModelSpec, hookimpl

@hookimpl
def cvn_model():
    return ModelSpec(
        name="acme", adapter=_logistic, params=PARAMS, thread_invariant=True,
        thread_variant={"solver": ("newton-cholesky",)},
    )
"""
    site.add("acme-models", "cvn_harness.models.v1", {"acme": "acme_door"}, acme_door=source)
    MODEL_REGISTRY.refresh()
    threads = {
        solver: train_one("acme", datasets, HPOParams(params={"solver": solver})).n_threads
        for solver in ("lbfgs", "newton-cholesky")
    }
    assert threads == {"lbfgs": joblib.cpu_count(), "newton-cholesky": 1}


# --- class balance --------------------------------------------------------------------------


def auto_weight(datasets: Datasets) -> float:
    return float((datasets.train.y == 0).sum() / (datasets.train.y == 1).sum())


def test_no_class_weight_by_default(models: Any, datasets: Datasets) -> None:
    train_one("logreg", datasets)
    ((trained_on, _),) = models.fits
    assert trained_on.train.weight is None
    (event,) = events_of(models, "class_balance_applied")
    assert (event.positive_weight, event.source, event.probability) == (1.0, "none", "raw")


@pytest.mark.parametrize("weighted", [False, True])
def test_auto_multiplies_sample_weights_where_the_library_has_no_weight_for_positives(
    weighted: bool, models: Any, datasets: Datasets, parts: Any
) -> None:
    given = parts["train"]["weight"] if weighted else np.ones(len(datasets.train))
    if weighted:
        train = Split(datasets.train.X, datasets.train.y, weight=given)
        datasets = replace(datasets, train=train)
    artifact = train_one("logreg", datasets, policy=policy(class_balance="auto"))
    weight = auto_weight(datasets)
    ((trained_on, _),) = models.fits
    wanted = np.where(datasets.train.y == 1, weight, 1.0) * given
    np.testing.assert_allclose(trained_on.train.weight, wanted, rtol=1e-15)
    np.testing.assert_array_equal(trained_on.val.X, datasets.val.X)
    np.testing.assert_array_equal(trained_on.val.weight, np.where(datasets.val.y == 1, weight, 1.0))
    assert artifact.probability == Probability("prior_corrected", weight)
    (event,) = events_of(models, "class_balance_applied")
    assert (event.positive_weight, event.source) == (weight, "auto")
    assert artifact.datasets_digest == datasets.digest


def test_auto_sets_the_librarys_own_weight_where_it_has_one(
    models: Any, datasets: Datasets
) -> None:
    artifact = train_one("weighted", datasets, policy=policy(class_balance="auto"))
    ((trained_on, request),) = models.fits
    weight = auto_weight(datasets)
    assert trained_on.train.weight is None
    assert request.params["positive_weight"] == weight
    assert artifact.effective_params["positive_weight"] == EffectiveParam(
        weight, "policy", requested=weight
    )
    assert artifact.probability == Probability("prior_corrected", weight)


def test_both_ways_of_weighing_give_the_same_model(datasets: Datasets) -> None:
    balanced = policy(class_balance="auto")
    one, two = (train_one(n, datasets, policy=balanced) for n in ("logreg", "weighted"))
    X = datasets.test.X
    np.testing.assert_allclose(one.predict_proba(X), two.predict_proba(X), rtol=1e-12)


def test_a_weight_may_be_given_by_the_policy_or_the_user(models: Any, datasets: Datasets) -> None:
    by_policy = train_one("logreg", datasets, policy=policy(class_balance=2.5))
    by_user = train_one("weighted", datasets, HPOParams(params={"positive_weight": 2.5}))
    assert by_policy.probability == by_user.probability == Probability("prior_corrected", 2.5)
    sources = [event.source for event in events_of(models, "class_balance_applied")]
    assert sources == ["policy", "user"]


def test_the_users_weight_outweighs_the_policys(datasets: Datasets) -> None:
    hpo = HPOParams(params={"positive_weight": 3.0})
    artifact = train_one("weighted", datasets, hpo, policy=policy(class_balance="auto"))
    assert artifact.probability == Probability("prior_corrected", 3.0)
    assert artifact.effective_params["positive_weight"].source == "user"


def test_a_plugins_default_weight_does_not_outweigh_the_policy(
    models: Any, datasets: Datasets
) -> None:
    """Nobody chose it, so it must neither pass for the user's nor silence the policy's."""
    artifact = train_one("weighted_by_default", datasets, policy=policy(class_balance="auto"))
    assert artifact.probability == Probability("prior_corrected", auto_weight(datasets))
    (event,) = events_of(models, "class_balance_applied")
    assert event.source == "auto"
    assert artifact.effective_params["positive_weight"].source == "policy"


def test_a_plugins_default_weight_is_not_the_users(models: Any, datasets: Datasets) -> None:
    train_one("weighted_by_default", datasets)
    (event,) = events_of(models, "class_balance_applied")
    assert event.source != "user"


@pytest.mark.parametrize("balance", [1, 1.0])
def test_a_weight_of_one_inflates_nothing(balance: float, datasets: Datasets) -> None:
    artifact = train_one("logreg", datasets, policy=policy(class_balance=balance))
    assert artifact.probability == Probability("raw")


# --- theta ----------------------------------------------------------------------------------


def test_the_policys_rule_decides(datasets: Datasets) -> None:
    rules = {"fixed": Fixed(0.42), "f1_grid": F1Grid(), "f1_capped": F1Capped(0.1)}
    for name, rule in rules.items():
        artifact = train_one("logreg", datasets, policy=policy(theta=rule))
        assert artifact.decision.rule == artifact.policy["theta"]["rule"] == name
    assert train_one("logreg", datasets, policy=policy(theta=Fixed(0.42))).theta == 0.42


def test_a_rule_of_ones_own_sees_validation_and_nothing_else(datasets: Datasets) -> None:
    seen = []

    class Mine(F1Capped):
        def decide(self, evidence: Any) -> Any:
            seen.append(evidence)
            return super().decide(evidence)

    artifact = train_one("logreg", datasets, policy=policy(theta=Mine()))
    (evidence,) = seen
    np.testing.assert_array_equal(evidence.y, datasets.val.y)
    np.testing.assert_array_equal(evidence.scores, artifact.predict_proba(datasets.val.X)[:, 1])
    assert evidence.payoff == datasets.payoff
    assert evidence.returns is None
    assert (evidence.source, evidence.n_train) == ("validation", len(datasets.train))
    assert evidence.probability == artifact.probability


@pytest.mark.parametrize("theta", [float("nan"), float("inf"), "0.5"])
def test_a_rule_that_decides_nonsense_is_refused(
    theta: Any, models: Any, datasets: Datasets
) -> None:
    class Mine(F1Capped):
        def decide(self, evidence: Any) -> Any:
            return replace(super().decide(evidence), theta=theta)

    with pytest.raises(HarnessError):
        train_one("logreg", datasets, policy=policy(theta=Mine()))
    assert len(events_of(models, "training_failed")) == 1


@pytest.mark.parametrize("decision", [0.5, None])
def test_a_rule_that_returns_no_decision_is_refused(
    decision: Any, models: Any, datasets: Datasets
) -> None:
    class Mine:
        name = "mine"

        def decide(self, evidence: Any) -> Any:
            return decision

    with pytest.raises(HarnessError, match="theta"):
        train_one("logreg", datasets, policy=policy(theta=Mine()))
    assert len(events_of(models, "training_failed")) == 1


def test_no_trade_means_no_signal_anywhere(models: Any, datasets: Datasets) -> None:
    blind = replace(datasets, **{n: Split(np.zeros_like(s.X), s.y) for n, s in datasets.splits()})
    artifact = train_one("logreg", blind)
    assert artifact.theta is None
    assert artifact.decision.status == "NO_TRADE"
    assert artifact.decision.reason == "scores_constant"
    assert not artifact.predict(datasets.test.X).any()
    assert artifact.metrics["test"].n_signals == 0
    assert artifact.metrics["test"].undefined["expectancy"] == "no signals"
    (event,) = events_of(models, "theta_picked")
    assert (event.status, event.theta) == ("NO_TRADE", None)
    assert artifact.health.verdict == "unhealthy"
    assert artifact.health.reasons == ("constant_scores",)


# --- learning curves and health -------------------------------------------------------------


def test_an_iterating_model_stops_early_and_says_where(datasets: Datasets) -> None:
    stopping = EarlyStopping(rounds=5)
    artifact = train_one("descent", datasets, policy=policy(early_stopping=stopping))
    curve = artifact.learning_curve
    assert (curve.metric, curve.stopping_rounds, curve.ceiling) == ("logistic", 5, 300)
    assert artifact.best_iteration is not None
    assert curve.n_iterations is not None
    assert curve.n_iterations == artifact.best_iteration + 5 < 300
    assert curve.val_best == pytest.approx(
        log_loss(datasets.val.y, artifact.predict_proba(datasets.val.X)[:, 1])
    )
    assert curve.train_best == pytest.approx(
        log_loss(datasets.train.y, artifact.predict_proba(datasets.train.X)[:, 1])
    )
    assert curve.val_first > curve.val_best < curve.val_last


def test_without_early_stopping_it_runs_to_the_ceiling(datasets: Datasets) -> None:
    hpo = HPOParams(params={"n_steps": 40})
    artifact = train_one("descent", datasets, hpo, policy=policy(early_stopping=None))
    curve = artifact.learning_curve
    assert (curve.best_iteration, curve.n_iterations, curve.ceiling) == (40, 40, 40)
    assert curve.stopping_rounds is None
    assert curve.val_best == curve.val_last
    assert artifact.health.reasons == ()


def test_a_model_without_iterations_has_an_empty_curve(datasets: Datasets) -> None:
    curve = train_one("logreg", datasets).learning_curve
    assert (curve.metric, curve.best_iteration, curve.ceiling, curve.val_best) == (None,) * 4


@pytest.mark.parametrize(
    ("params", "limits", "verdict", "reasons"),
    [
        ({}, {}, "healthy", ()),
        ({"n_steps": 8}, {}, "suspect", ("at_ceiling",)),
        ({"n_steps": 300}, {"min_score_std": 1.0}, "suspect", ("narrow_scores",)),
        ({"n_steps": 300}, {"min_distinct_scores": 1.1}, "suspect", ("few_distinct_scores",)),
    ],
    ids=str,
)
def test_health_is_judged_by_the_policys_limits(
    params: dict[str, Any],
    limits: dict[str, Any],
    verdict: str,
    reasons: tuple[str, ...],
    models: Any,
    datasets: Datasets,
) -> None:
    health = train_one(
        "descent",
        datasets,
        HPOParams(params=params),
        policy=policy(early_stopping=EarlyStopping(rounds=5), health=HealthLimits(**limits)),
    ).health
    assert (health.verdict, health.reasons) == (verdict, reasons)
    (event,) = events_of(models, "training_health")
    assert (event.verdict, event.reasons) == (verdict, list(reasons))
    assert event.roc_auc_gap == health.figures["roc_auc_gap"]


def test_a_fit_that_validation_does_not_confirm_is_unhealthy(datasets: Datasets) -> None:
    """The masked failure of the field: it stops at the first iteration and yet finds a theta."""
    contrary = replace(datasets, val=Split(datasets.val.X, 1 - datasets.val.y))
    artifact = train_one("descent", contrary, policy=TrainingPolicy(theta=F1Grid()))
    assert artifact.best_iteration == 1
    assert artifact.theta is not None
    assert artifact.health.verdict == "unhealthy"
    assert artifact.health.reasons == ("shallow", "overfit", "prevalence_shift")
    assert artifact.health.figures["roc_auc_gap"] > 0.35


# --- what is refused before a fit -----------------------------------------------------------


def test_a_search_of_nothing_is_refused_and_not_ignored(datasets: Datasets, refused: Any) -> None:
    with refused(SearchError, "space_empty", match="n_trials=20"):
        train_one("logreg", datasets, HPOParams(n_trials=20))


@pytest.mark.parametrize("given", [None, 5, "data.parquet", ([[1.0]], [1])])
def test_datasets_are_datasets(given: Any, refused: Any) -> None:
    with refused(InputError, "setting_invalid", match="datasets is a"):
        train_one("logreg", given)


@pytest.mark.parametrize(
    "arguments",
    [
        {"policy": "economic"},
        {"policy": TrainingPolicy},
        {"policy": {"class_balance": "auto"}},
        {"hpo_params": {"C": 1.0}},
        {"hpo_params": HPOParams},
    ],
    ids=str,
)
def test_settings_of_another_type_are_refused(
    arguments: dict[str, Any], datasets: Datasets, refused: Any
) -> None:
    with refused(InputError, "setting_invalid", match=next(iter(arguments))):
        train_one("logreg", datasets, **arguments)


@pytest.mark.parametrize(
    ("stopping", "said"),
    [
        (EarlyStopping(metric="roc_auc"), "cannot stop on 'roc_auc'; it offers log_loss"),
        (EarlyStopping(min_delta=0.01), "min_delta=0"),
    ],
)
def test_early_stopping_that_the_library_has_not_is_refused(
    stopping: EarlyStopping, said: str, models: Any, datasets: Datasets
) -> None:
    with pytest.raises(InputError, match=said) as caught:
        train_one("descent", datasets, policy=policy(early_stopping=stopping))
    assert caught.value.code == "setting_invalid"
    assert models.fits == []
    assert [event.stage for event in events_of(models, "training_failed")] in ([], ["stopping"])


# --- what fails in the plugin ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "stage"),
    [
        ("prepare", "prepared"),
        ("fit", "fitted"),
        ("predict_proba", "native_scores"),
        ("effective_params", "effective_params"),
    ],
)
def test_an_exception_of_the_library_is_chained_and_reported(
    fault: str, stage: str, models: Any, datasets: Datasets
) -> None:
    with pytest.raises(FitError, match=f"'{stage}': LibraryError: no luck in {fault}") as caught:
        train_one("faulty", datasets, HPOParams(params={"fault": fault}))
    assert caught.value.code == "fit_failed"
    assert type(caught.value.__cause__).__name__ == "LibraryError"
    (event,) = events_of(models, "training_failed")
    assert (event.stage, event.error, event.code) == (stage, "FitError", "fit_failed")
    assert f"no luck in {fault}" in event.message
    assert event.seconds > 0
    assert event.symbol == "ES"
    assert events_of(models, "training_complete") == []


@pytest.mark.parametrize(
    "fault", ["nan", "infinite", "above_one", "below_zero", "too_few", "three_columns"]
)
def test_scores_that_are_no_probabilities_are_refused(
    fault: str, models: Any, datasets: Datasets
) -> None:
    with pytest.raises(HarnessError) as caught:
        train_one("faulty", datasets, HPOParams(params={"fault": fault}))
    shape = fault in {"too_few", "three_columns"}
    assert caught.value.code == ("shape_invalid" if shape else "scores_not_finite")
    (event,) = events_of(models, "training_failed")
    assert (event.stage, event.code) == ("native_scores", caught.value.code)


def test_a_fit_that_returns_no_fitted_is_the_plugins_fault(models: Any, datasets: Datasets) -> None:
    with pytest.raises(FitError, match="faulty failed") as caught:
        train_one("faulty", datasets, HPOParams(params={"fault": "not_fitted"}))
    assert caught.value.code == "fit_failed"


def test_an_adapter_cannot_change_the_data(datasets: Datasets) -> None:
    digest = datasets.digest
    with pytest.raises(FitError, match="read-only"):
        train_one("faulty", datasets, HPOParams(params={"fault": "writes_to_its_input"}))
    assert replace(datasets).digest == digest


def test_an_interrupt_passes_and_is_reported(models: Any, datasets: Datasets) -> None:
    with pytest.raises(KeyboardInterrupt):
        train_one("faulty", datasets, HPOParams(params={"fault": "is_interrupted"}))
    (event,) = events_of(models, "training_failed")
    assert (event.stage, event.error, event.code) == ("fitted", "KeyboardInterrupt", None)


def test_a_fit_that_exits_is_a_fit_that_failed(models: Any, datasets: Datasets) -> None:
    with pytest.raises(FitError, match="'fitted': SystemExit: 3") as caught:
        train_one("faulty", datasets, HPOParams(params={"fault": "exits"}))
    assert isinstance(caught.value.__cause__, SystemExit)
    (event,) = events_of(models, "training_failed")
    assert (event.stage, event.error, event.code) == ("fitted", "FitError", "fit_failed")


def test_the_exit_of_a_signals_handler_passes(models: Any, datasets: Datasets) -> None:
    def leave(*_: object) -> None:
        sys.exit(5)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        with pytest.raises(SystemExit) as caught:
            train_one("faulty", datasets, HPOParams(params={"fault": "is_terminated"}))
    finally:
        signal.signal(signal.SIGTERM, before)
    assert caught.value.code == 5
    (event,) = events_of(models, "training_failed")
    assert (event.stage, event.error, event.code) == ("fitted", "SystemExit", None)


UNFINISHED = """
from sample_models.plugins import PARAMS, _logistic
from cvn_harness_core import ModelSpec, hookimpl

@hookimpl
def cvn_model():
    return ModelSpec(
        name="unfinished", adapter=_logistic, params=PARAMS, libraries=("acme_library",)
    )
"""


def test_a_training_that_began_ends_with_an_event_whatever_fails(
    models: Any, site: Any, datasets: Datasets
) -> None:
    """Here the plugin names a library, for its version, that cannot be imported."""
    group = "cvn_harness.models.v1"
    site.add("acme-models", group, {"unfinished": "acme_door"}, acme_door=UNFINISHED)
    MODEL_REGISTRY.refresh()
    with pytest.raises(HarnessError, match="acme_library"):
        train_one("unfinished", datasets)
    begun, ended = (len(events_of(models, f"training_{x}")) for x in ("started", "failed"))
    assert begun == ended
    assert events_of(models, "training_complete") == []


def test_a_failure_does_not_spoil_the_next_training(datasets: Datasets) -> None:
    before = train_one("logreg", datasets)
    with pytest.raises(FitError):
        train_one("faulty", datasets, HPOParams(params={"fault": "fit"}))
    after = train_one("logreg", datasets)
    X = datasets.test.X
    np.testing.assert_array_equal(before.predict_proba(X), after.predict_proba(X))
