"""Ensembles: bases found or fitted once, scores that nothing leaked into, artifacts like any."""

from __future__ import annotations

import errno
import itertools
import os
import shutil
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from cvn_ensembles.blend_avg import Average
from cvn_harness_core import (
    BundleError,
    Calibration,
    EarlyStopping,
    FeatureVersion,
    FitError,
    FitRequest,
    Fixed,
    HealthLimits,
    HPOParams,
    InputError,
    MetaRows,
    OutOfFold,
    PluginNotInstalledError,
    Store,
    StoreError,
    TrainedArtifact,
    TrainingPolicy,
    check_leaks,
    train_ensemble,
    train_one,
)
from cvn_harness_core.artifact.saving import decode, encode
from cvn_harness_core.errors import PluginContractError
from cvn_harness_core.folds.holdout import divide_holdout
from cvn_harness_core.harness.train_ensemble import base_policy
from cvn_harness_core.leaks.derived import derive
from cvn_harness_core.leaks.order import order_faults
from cvn_harness_core.nodes import holdout as holdout_nodes
from cvn_harness_core.nodes.ensemble import ensemble_rows, uncalibrated, unseen_base_scores
from cvn_harness_core.plugins.registry import ENSEMBLE_REGISTRY
from cvn_harness_core.scoring import map_scores
from cvn_harness_core.testing.recorded import event_faults, recorded_events

from .small import BASES, ENSEMBLES, PARAMS, datasets


@pytest.fixture(scope="module")
def data():
    return datasets()


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return Store(tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="module")
def trained(data, store):
    return {name: train_ensemble(name, data, PARAMS, store=store) for name in ENSEMBLES}


@pytest.mark.parametrize("name", ENSEMBLES)
def test_an_ensemble_is_an_artifact_like_any(name, trained, data):
    artifact = trained[name]
    assert (artifact.name, artifact.kind, artifact.bases) == (name, "ensemble", BASES)
    scores = artifact.predict_proba(data.test.X)
    assert scores.shape == (len(data.test), 2)
    assert scores.dtype == np.float64
    assert np.abs(scores.sum(axis=1) - 1).max() < 1e-12
    assert artifact.metrics["test"].roc_auc > 0.6
    assert artifact.decision.source == "out_of_fold"
    assert artifact.tradability.sentence
    assert set(artifact.diagnostics["base_weights"]) == set(BASES)
    assert sum(artifact.diagnostics["base_weights"].values()) == pytest.approx(1.0)


def test_a_blend_is_the_mean_of_its_calibrated_bases(trained, data, store):
    bases = [
        train_one(base, data, PARAMS[base], policy=base_policy(TrainingPolicy()), store=store)
        for base in BASES
    ]
    assert [b.content_key for b in bases] == list(trained["blend_avg"].lineage)
    mean = np.mean([b.predict_proba(data.test.X)[:, 1] for b in bases], axis=0)
    ours = trained["blend_avg"].predict_proba(data.test.X)[:, 1]
    assert np.abs(ours - mean).max() < 1e-15


def test_bases_are_fitted_once_whatever_asks_for_them(data, store, trained):
    with recorded_events() as events:
        for name in ENSEMBLES:
            train_ensemble(name, data, PARAMS, store=store)
        train_ensemble("stack_3model_avg", data, PARAMS, store=store)
    fitted = [e["model"] for e in events if e["event"] == "training_started"]
    assert fitted == ["stack_3model_avg"]  # another name, the same bases
    assert not [fault for line in events for fault in event_faults(line)]


def test_no_score_comes_from_a_fit_that_used_its_row_or_later_ones(trained, data, monkeypatch):
    """By what the library is given, fold by fold: to train on, to stop on and to score."""
    adapter = type(trained["stack_logreg"].native.bases[0].adapter)
    prepare, predict, seen, scored = adapter.prepare, adapter.predict_proba, [], []

    def watched(self, datasets, request):
        assert not len(datasets.test)
        seen.append(datasets)
        return prepare(self, datasets, request)

    def scoring(self, native, X, **settings):
        scored.append((len(seen) - 1, [row_of[row.tobytes()] for row in X]))
        return predict(self, native, X, **settings)

    row_of = {row.tobytes(): n for n, row in enumerate(data.test.X)}
    row_of |= {row.tobytes(): n for n, row in enumerate(data.val.X)}
    row_of |= {row.tobytes(): n for n, row in enumerate(data.train.X)}
    monkeypatch.setattr(adapter, "prepare", watched)
    monkeypatch.setattr(adapter, "predict_proba", scoring)
    params = {"xgboost": PARAMS["xgboost"]}
    artifact = train_ensemble("stack_logreg", data, params, bases=("xgboost",))
    folds = [n for n, part in enumerate(seen) if part.val.time[0] != data.val.time[0]]
    (whole,) = (part for part in seen if part.val.time[0] == data.val.time[0])
    assert np.array_equal(whole.val.time, data.val.time)  # validation stops the base itself
    time, tests = data.train.time, []
    for n in folds:
        rows = next(rows for fold, rows in scored if fold == n)  # before anybody else scores
        assert seen[n].train.label_end.max() < seen[n].val.time.min()
        assert seen[n].val.label_end.max() < time[rows].min()
        tests.append(rows)
    unseen = artifact.native.bases[0].out_of_fold_scores
    assert np.array_equal(np.concatenate(tests), unseen.rows)
    # A later fold does stop on rows that the combiner learns from, which an earlier one scored.
    learning = time[derive(artifact, data).learning]
    assert np.isin(learning, seen[folds[-1]].val.time).any()
    assert not np.isin(learning, time[tests[-1]]).any()


def test_calibration_learning_and_theta_have_rows_of_their_own_in_that_order(trained, data):
    artifact = trained["stack_logreg"]
    derived = derive(artifact, data)
    time, ends = data.train.time, data.train.label_end
    for base in derived.bases:
        parts = (base.calibration, derived.learning, derived.theta)
        for one, following in itertools.pairwise(parts):
            assert ends[one].max() < time[following].min()
        assert np.isin(np.concatenate(parts), base.unseen.rows).all()
        assert artifact.n_unscored == len(data.train) - base.unseen.rows.size
        assert base.artifact.calibration.rows == base.calibration.size
    assert np.array_equal(artifact.out_of_fold_scores.rows, derived.theta)
    assert artifact.decision.n == derived.theta.size


def test_the_folds_embargo_lies_between_calibration_learning_and_theta_too(data):
    """Labels take three hours and the embargo two days: 51 rows of each part go to nobody."""
    policy = TrainingPolicy(out_of_fold=OutOfFold(embargo=timedelta(hours=48)))
    two = ("xgboost", "lightgbm")
    params = {name: PARAMS[name] for name in two}
    artifact = train_ensemble("stack_logreg", data, params, bases=two, policy=policy)
    assert check_leaks(artifact, data).sound
    bases = dict(zip(two, artifact.native.bases, strict=True))
    scores = unseen_base_scores(bases, data)
    rows = ensemble_rows(
        scores, uncalibrated(bases), ENSEMBLE_REGISTRY["stack_logreg"], data, policy
    )
    assert np.array_equal(artifact.out_of_fold_scores.rows, rows.theta)
    assert rows.theta[0] - rows.learning[-1] == 52
    assert bases["xgboost"].calibration.rows == rows.learning[0] - rows.scored[0] - 51


@pytest.mark.parametrize("name", ENSEMBLES)
def test_the_proof_is_derived_again(name, trained, data):
    report = check_leaks(trained[name], data)
    assert report.sound, report.faults
    assert report.checked == ("rows", "fits", "scores", "features")


def test_the_folds_are_fitted_again_where_that_is_asked_for(trained, data):
    honest = trained["blend_avg"]
    report = check_leaks(honest, data, refit=True)
    assert report.sound, report.faults
    assert "folds" in report.checked
    # Scores that the base's calibrator maps to the same, nearly, so that nothing else would show.
    base = honest.native.bases[0]
    scores = np.nextafter(base.out_of_fold_scores.scores, 1.0)
    unseen = replace(base.out_of_fold_scores, scores=scores)
    faults = check_leaks(replace(base, out_of_fold_scores=unseen), data, refit=True).faults
    assert any("xgboost are not what its folds give" in fault for fault in faults)


def test_a_base_calibrated_on_all_out_of_fold_rows_fails_the_check(data, monkeypatch):
    def divide(datasets, calibration, folds, embargo):
        found = divide_holdout(datasets, calibration, folds, embargo)
        return replace(found, calibration=np.concatenate([fold.scored for fold in folds]))

    monkeypatch.setattr(holdout_nodes, "divide_holdout", divide)
    artifact = train_ensemble("stack_logreg", data, PARAMS)
    faults = check_leaks(artifact, data).faults
    for base in BASES:
        assert f"the calibrator of {base} is not what its calibration rows give" in faults


def test_a_combiner_that_learnt_from_thetas_rows_fails_the_check(trained, data):
    honest = trained["stack_logreg"]
    derived, combiner = derive(honest, data), honest.adapter.combiner
    scores = derived.base_scores[derived.theta]
    rows = MetaRows(scores, data.train.y[derived.theta])
    learnt = combiner.fit(rows, FitRequest({"C": 0.1, "max_iter": 1000}, 0, 1))
    forged = replace(
        honest,
        native=replace(honest.native, learnt=learnt),
        out_of_fold_scores=replace(
            honest.out_of_fold_scores, scores=combiner.combine(learnt, scores)
        ),
    )
    faults = check_leaks(forged, data).faults
    assert faults == ("what stack_logreg learnt is not what the rows that it learns from give",)


@pytest.mark.parametrize(
    ("part", "fault"),
    [
        ("stopping", "rows are among the stopping rows of fold 4 of xgboost and among the scored"),
        ("train", "rows are among the train rows of fold 4 of xgboost and among the scored"),
        ("calibration", "among the rows that calibrate xgboost and among the rows that stack_log"),
        ("learning", "among the rows that stack_logreg learns from and among the rows that dec"),
    ],
)
def test_rows_of_two_uses_are_a_fault(trained, data, part, fault):
    """Were the code to divide rows wrongly, checking what it derives would show it."""
    derived = derive(trained["stack_logreg"], data)
    assert not list(order_faults(derived, data.train))
    base, fold = derived.bases[0], derived.bases[0].folds[-1]
    if part == "learning":
        derived = replace(derived, learning=derived.theta)
    elif part == "calibration":
        base = replace(base, holdout=replace(base.holdout, calibration=derived.learning))
    else:
        base = replace(base, folds=(*base.folds[:-1], replace(fold, **{part: fold.scored})))
    derived = replace(derived, bases=(base, *derived.bases[1:]))
    faults = list(order_faults(derived, data.train))
    assert any(fault in found for found in faults)
    assert any("and the embargo is" in found for found in faults)


def test_parts_nearer_than_the_embargo_are_a_fault(trained, data):
    derived = derive(trained["stack_logreg"], data)
    policy = replace(derived.policy, out_of_fold=OutOfFold(embargo=timedelta(hours=48)))
    (fault,) = order_faults(replace(derived, policy=policy, bases=()), data.train)
    assert "the rows that stack_logreg learns from ends at" in fault
    assert "embargo is 2 days" in fault


def test_a_forged_proof_fails_the_check(trained, data):
    honest = trained["stack_logreg"]
    base = honest.native.bases[0]
    fold = replace(base.out_of_fold[0], latest_label_end=base.out_of_fold[0].scored_until)
    forged = replace(base, out_of_fold=(fold, *base.out_of_fold[1:]))
    native = replace(honest.native, bases=(forged, *honest.native.bases[1:]))
    faults = check_leaks(replace(honest, native=native), data).faults
    assert any("folds that xgboost recorded" in fault for fault in faults)
    moved = replace(honest.out_of_fold_scores, scores=honest.out_of_fold_scores.scores[::-1].copy())
    faults = check_leaks(replace(honest, out_of_fold_scores=moved), data).faults
    assert any("combine to" in fault for fault in faults)


def test_the_check_wants_the_data_of_the_training(trained):
    with pytest.raises(InputError) as caught:
        check_leaks(trained["blend_avg"], datasets(seed=5))
    assert caught.value.code == "data_differ"


@pytest.mark.parametrize("name", ENSEMBLES)
def test_a_self_contained_bundle_predicts_to_the_bit_without_a_store(name, trained, data, tmp_path):
    artifact = trained[name]
    path = artifact.save(tmp_path / "bundle", self_contained=True)
    again = TrainedArtifact.load(path)
    assert np.array_equal(again.predict_proba(data.test.X), artifact.predict_proba(data.test.X))
    assert np.array_equal(again.predict(data.test.X), artifact.predict(data.test.X))
    assert again.decision == artifact.decision
    assert again.diagnostics == artifact.diagnostics


def test_a_bundle_that_refers_to_its_bases_needs_the_store(trained, data, store, tmp_path):
    artifact = trained["stack_xgb_meta"]
    path = artifact.save(tmp_path / "bundle")
    again = TrainedArtifact.load(path, store=store)
    assert np.array_equal(again.predict_proba(data.test.X), artifact.predict_proba(data.test.X))
    for elsewhere in (None, Store(tmp_path / "other")):
        with pytest.raises(BundleError, match="base xgboost") as caught:
            TrainedArtifact.load(path, store=elsewhere)
        assert caught.value.code == "bundle_base_missing"


def test_a_bundle_whose_base_was_evicted_says_what_to_do(trained, store, tmp_path):
    copy = Store(shutil.copytree(store.path, tmp_path / "store"))
    path = trained["stack_logreg"].save(tmp_path / "bundle")
    shutil.rmtree(copy.path / "entries" / trained["stack_logreg"].lineage[1])
    with pytest.raises(
        BundleError, match=r"neither does .*store.* train the ensemble again"
    ) as lost:
        TrainedArtifact.load(path, store=copy)
    assert lost.value.code == "bundle_base_missing"
    assert "base lightgbm" in str(lost.value)
    assert "digits" not in str(lost.value)


def test_a_base_that_cannot_be_read_now_is_not_said_to_be_gone(
    trained, store, tmp_path, monkeypatch
):
    path, opened = trained["stack_logreg"].save(tmp_path / "bundle"), os.open

    def refuse(file, *args, **kwargs):
        if os.fspath(file).startswith(str(store.path / "entries")):
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        return opened(file, *args, **kwargs)

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(StoreError, match=r"base xgboost: .*Too many open files") as caught:
        TrainedArtifact.load(path, store=store)
    assert caught.value.code == "store_unreadable"


def test_a_bundle_that_names_too_few_bases_is_refused(trained, store):
    facts, files = encode(trained["blend_avg"], embed=False)
    facts["artifact"]["lineage"] = facts["artifact"]["lineage"][:1]
    with pytest.raises(BundleError, match="1 bases of 3") as caught:
        decode(facts, files, lambda name, key: None, "here")
    assert caught.value.code == "bundle_format"


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        ({"feature_version": FeatureVersion("other", tuple(f"f{i}" for i in range(5)), "float64")},
         InputError, "the base xgboost of blend_avg: .*other"),
        ({"name": "lightgbm"}, BundleError, "the base xgboost of blend_avg: .* is lightgbm"),
        ({"datasets_digest": "0" * 64}, BundleError, "the base xgboost of blend_avg: .* 000000"),
    ],
)  # fmt: skip
def test_a_base_of_something_else_is_refused_by_name(trained, store, change, error, match):
    facts, files = encode(trained["blend_avg"], embed=False)
    bases = dict(zip(BASES, trained["blend_avg"].native.bases, strict=True))
    with pytest.raises(error, match=match):
        decode(facts, files, lambda name, _: replace(bases[name], **change), "here")


def test_an_ensemble_may_be_a_base(data, store):
    artifact = train_ensemble(
        "blend_avg", data, PARAMS, bases=("stack_logreg", "lightgbm"), store=store
    )
    assert artifact.bases == ("stack_logreg", "lightgbm")
    assert check_leaks(artifact, data).sound
    nested = artifact.native.bases[0].out_of_fold_scores.rows
    assert set(artifact.out_of_fold_scores.rows.tolist()) <= set(nested.tolist())
    assert artifact.n_unscored == len(data.train) - nested.size


def test_a_base_of_two_ensembles_is_trained_once_in_a_call_without_a_store(data):
    with recorded_events() as events:
        artifact = train_ensemble("blend_avg", data, PARAMS, bases=("stack_logreg", "lightgbm"))
    fitted = [e["model"] for e in events if e["event"] == "training_started"]
    assert sorted(fitted) == sorted(("blend_avg", "stack_logreg", *BASES))
    stack, lightgbm = artifact.native.bases
    assert stack.native.bases[1] is lightgbm
    with recorded_events() as events:  # another call is another training
        own = {"lightgbm": PARAMS["lightgbm"]}
        train_ensemble("blend_avg", data, own, bases=("lightgbm",))
    assert [e["event"] for e in events].count("training_started") == 2


def test_calibration_is_the_bases_and_not_done_again(data, store):
    policy = TrainingPolicy(calibration=Calibration("isotonic", min_rows=200))
    artifact = train_ensemble("blend_avg", data, PARAMS, policy=policy, store=store)
    assert artifact.calibration.status == "off"
    assert {base.calibration.method for base in artifact.native.bases} == {"isotonic"}


def test_weights_are_given_by_the_ensembles_name(data, store):
    given = {n: PARAMS[n] for n in ("xgboost", "lightgbm")}
    own = {"blend_avg": HPOParams({"weights": (0.1, 0.9)})}
    with recorded_events() as events:
        artifact = train_ensemble(
            "blend_avg", data, {**given, **own}, bases=("xgboost", "lightgbm"), store=store
        )
    assert artifact.diagnostics["base_weights"] == pytest.approx({"xgboost": 0.1, "lightgbm": 0.9})
    (told,) = (e for e in events if e["event"] == "base_dominates")
    assert (told["base"], told["share"]) == ("lightgbm", pytest.approx(0.9))
    assert not event_faults(told)


def test_inflated_and_other_scores_are_not_blended(data):
    # Too few rows to calibrate, a rule that takes any scores, and one base weighed by its user.
    policy = TrainingPolicy(
        theta=Fixed(0.3), prior_correction=False, calibration=Calibration(min_rows=10_000)
    )
    weighed = HPOParams({**PARAMS["xgboost"].params, "scale_pos_weight": 4.7}, n_threads=1)
    with pytest.raises(InputError, match=r"weight_inflated\(4.7\).*lightgbm: raw") as caught:
        train_ensemble(
            "blend_avg",
            data,
            {"lightgbm": PARAMS["lightgbm"], "xgboost": weighed},
            bases=("xgboost", "lightgbm"),
            policy=policy,
        )
    assert caught.value.code == "probability_kinds_differ"


@pytest.mark.parametrize(
    ("bases", "error", "match"),
    [
        ((), InputError, "has no bases"),
        (("lightgbm", "lightgbm"), InputError, "twice"),
        (("blend_avg",), InputError, "blend_avg -> blend_avg"),
        (("lightgbm", "nothing"), PluginNotInstalledError, "the base nothing of blend_avg"),
    ],
)
def test_bases_that_cannot_be_are_refused_by_name(data, bases, error, match):
    with pytest.raises(error, match=match):
        train_ensemble("blend_avg", data, bases=bases)


def test_an_unknown_ensemble_names_the_install_line(data):
    with pytest.raises(PluginNotInstalledError, match="pip install cvn-ensembles"):
        train_ensemble("x", data)


def test_an_unhealthy_base_is_an_error_that_names_it_where_the_policy_says_so(data, tmp_path):
    hasty = HPOParams({"n_estimators": 60, "learning_rate": 1.0}, n_threads=1)
    limits = HealthLimits(min_best_iteration=60)
    policy = TrainingPolicy(on_unhealthy="error", health=limits)
    store = Store(tmp_path / "store")
    with pytest.raises(FitError, match="the base xgboost of blend_avg") as caught:
        train_ensemble("blend_avg", data, {**PARAMS, "xgboost": hasty}, policy=policy, store=store)
    assert caught.value.code == "training_unhealthy"
    assert {entry.kind for entry in store.ls()} == {"fold"}  # what is refused is not kept


def test_parameters_of_nobody_are_refused(data):
    with pytest.raises(InputError, match="xgbost"):
        train_ensemble("blend_avg", data, {"xgbost": HPOParams()})
    with pytest.raises(InputError, match="must say whose"):
        train_ensemble("blend_avg", data, HPOParams({"num_leaves": 4}))


def test_parameters_of_nobody_are_refused_however_deep_an_ensemble_nests(data, store, trained):
    bases = ("stack_logreg", "lightgbm")
    given = {**PARAMS, "xgbost": HPOParams()}
    with recorded_events() as events, pytest.raises(InputError, match="xgbost") as caught:
        train_ensemble("blend_avg", data, given, bases=bases, store=store)
    assert caught.value.code == "setting_invalid"
    assert "blend_avg, stack_logreg, xgboost, lightgbm, catboost" in str(caught.value)
    assert events == []
    inner = {**PARAMS, "stack_logreg": HPOParams({"C": 0.5})}  # of an ensemble within
    artifact = train_ensemble("blend_avg", data, inner, bases=bases, store=store)
    assert artifact.native.bases[0].params == {"C": 0.5}


def test_a_base_without_time_is_refused_before_any_fit(data):
    bare = replace(data, **{n: replace(s, time=None, label_end=None) for n, s in data.splits()})
    with recorded_events() as events, pytest.raises(InputError, match="need time") as caught:
        train_ensemble("blend_avg", bare, PARAMS)
    assert caught.value.code == "time_missing"
    assert not [e for e in events if e["event"] == "learning_curve"]


def relabelled(data, where, label=0):
    """The same training rows, with one label where a mask of their share of the time says so."""
    at = np.arange(len(data.train)) / len(data.train)
    y = np.where(where(at), label, data.train.y).astype(np.int8)
    return replace(data, train=replace(data.train, y=y))


@pytest.mark.parametrize(
    ("changed", "params", "policy", "code", "match"),
    [
        (None, {"weights": (0.5, 0.5, 0.5)}, {}, "setting_invalid", "blend_avg: .* sum to 1.5"),
        (None, {}, {"early_stopping": EarlyStopping(min_delta=0.1)}, "setting_invalid",
         "the base catboost of blend_avg: .*min_delta"),
        (lambda at: at < 0.4, {}, {}, "labels_one_class",
         "the base xgboost of blend_avg: forward fold 1 of 4: .*all .* labels are 0"),
        (lambda at: at > 0.6, {}, {"out_of_fold": OutOfFold(n_folds=1)}, "history_too_short",
         "not of both classes"),
        (None, {}, {"out_of_fold": OutOfFold(n_folds=900)}, "history_too_short", "too few for 900"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_before_any_base_is_fitted(
    data, changed, params, policy, code, match
):
    given = {**PARAMS, "blend_avg": HPOParams(params)}
    found = data if changed is None else relabelled(data, changed)
    with recorded_events() as events, pytest.raises(InputError, match=match) as caught:
        train_ensemble("blend_avg", found, given, policy=TrainingPolicy(**policy))
    assert caught.value.code == code
    assert {e["model"] for e in events} <= {"blend_avg"}


def test_a_nested_ensemble_that_is_left_without_rows_is_refused_before_any_fit(data):
    # Enough for stack_logreg, which picks theta on the last fifth; an ensemble over it has half.
    late = relabelled(data, lambda at: at > 0.9)
    with (
        recorded_events() as events,
        pytest.raises(InputError, match="blend_avg is left") as caught,
    ):
        train_ensemble("blend_avg", late, PARAMS, bases=("stack_logreg", "lightgbm"))
    assert caught.value.code == "history_too_short"
    assert {e["model"] for e in events} == {"blend_avg"}


def test_what_a_combiner_raises_of_its_parameters_is_told_as_its_own(data, monkeypatch):
    def check(self, params, n_bases):
        raise KeyError(n_bases)

    monkeypatch.setattr(Average, "check", check)
    with pytest.raises(PluginContractError, match="checking its parameters raised KeyError: 3"):
        train_ensemble("blend_avg", data, PARAMS)


def test_scores_of_the_meta_rows_are_out_of_fold(trained):
    for base in trained["stack_logreg"].native.bases:
        unseen = base.out_of_fold_scores
        again = map_scores(base.score_map, unseen.scores)
        assert np.isfinite(again).all()
        assert again.min() >= 0
        assert again.max() <= 1
