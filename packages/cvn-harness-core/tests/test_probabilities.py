"""What a score means, from the class weight of the fit to the artifact, through ``train_one``."""

from __future__ import annotations

import sys
from dataclasses import asdict, replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from cvn_harness_core import (
    Calibration,
    Datasets,
    ExpectedValue,
    F1Capped,
    HPOParams,
    InputError,
    OutOfFold,
    Payoff,
    Probability,
    Split,
    TrainedArtifact,
    TrainingPolicy,
    train_one,
)
from cvn_harness_core.calibration.fit import fit_calibrator
from cvn_harness_core.contracts.calibration import CalibrationMethod, CalibrationReport
from cvn_harness_core.contracts.probability import undo_weight
from cvn_harness_core.contracts.split import Array
from cvn_harness_core.errors import PluginDependencyError
from cvn_harness_core.scoring import positive_scores

pytestmark = pytest.mark.usefixtures("models")

METHODS: tuple[CalibrationMethod, ...] = ("sigmoid", "isotonic", "venn_abers")
HOUR = np.timedelta64(1, "h")


class Witness(F1Capped):
    """The rule as it is, with what it was given kept."""

    def __init__(self) -> None:
        super().__init__(bootstrap=None)
        object.__setattr__(self, "seen", [])

    def decide(self, evidence: Any) -> Any:
        self.seen.append(evidence)  # type: ignore[attr-defined]
        return super().decide(evidence)


def long_history() -> Datasets:
    """Hourly rows, decided three hours later; a fifth is positive."""
    rng = np.random.default_rng(7)
    parts: dict[str, Any] = {}
    for name, n, first in (
        ("train", 3000, "2020-01-01"),
        ("val", 2400, "2020-07-01"),
        ("test", 4000, "2021-01-01"),
    ):
        X = rng.normal(size=(n, 4))
        odds = np.exp(X @ [0.8, -0.6, 0.3, 0.0] - 1.6)
        time = np.datetime64(first) + np.arange(n) * HOUR
        y = (rng.random(n) < odds / (1 + odds)).astype(np.int8)
        parts[name] = {"X": X, "y": y, "time": time, "label_end": time + 3 * HOUR}
    payoff = Payoff(1.5, 0.5, cost=0.05)
    return Datasets.from_arrays(**parts, feature_names=list("abcd"), payoff=payoff)


def native_scores(artifact: TrainedArtifact, X: Array) -> Array:
    return positive_scores(artifact.adapter, artifact.native, X, 1)


def events_of(models: Any, name: str) -> list[Any]:
    return [event for event in models.events if event.event == name]


# --- the class weight -----------------------------------------------------------------------


@pytest.mark.parametrize("model", ["logreg", "weighted"])
def test_a_class_weight_is_undone_to_the_bit_and_said(
    model: str, models: Any, datasets: Datasets, tmp_path: Any
) -> None:
    artifact = train_one(model, datasets, policy=TrainingPolicy(class_balance=4.7))
    assert artifact.probability == Probability("prior_corrected", 4.7)
    assert (artifact.score_map.undo_weight, artifact.score_map.calibrator) == (4.7, None)
    assert artifact.policy["prior_correction"] is True
    (event,) = events_of(models, "class_balance_applied")
    assert (event.positive_weight, event.probability) == (4.7, "prior_corrected(4.7)")
    X = datasets.test.X
    inflated = native_scores(artifact, X)
    np.testing.assert_array_equal(artifact.predict_proba(X)[:, 1], undo_weight(inflated, 4.7))
    assert inflated.mean() > artifact.predict_proba(X)[:, 1].mean() + 0.2
    loaded = TrainedArtifact.load(artifact.save(tmp_path / "bundle"))
    assert (loaded.probability, loaded.policy) == (artifact.probability, artifact.policy)
    np.testing.assert_array_equal(loaded.predict_proba(X), artifact.predict_proba(X))


def test_an_undone_weight_costs_no_honesty() -> None:
    """As good as the fit that never had it, where the inflated scores are far worse."""
    found = long_history()
    policy = TrainingPolicy(theta=F1Capped(), class_balance=4.7)
    inflated = train_one("logreg", found, policy=replace(policy, prior_correction=False))
    brier = {
        "plain": train_one("logreg", found).metrics["test"].brier,
        "corrected": train_one("logreg", found, policy=policy).metrics["test"].brier,
        "inflated": inflated.metrics["test"].brier,
    }
    assert brier["corrected"] == pytest.approx(brier["plain"], abs=0.002)
    assert brier["inflated"] > brier["plain"] + 0.05  # type: ignore[operator]
    assert inflated.probability == Probability("weight_inflated", 4.7)


@pytest.mark.parametrize("prior_correction", [True, False])
def test_validation_is_weighed_exactly_where_the_weight_is_undone(
    prior_correction: bool, models: Any, datasets: Datasets
) -> None:
    policy = TrainingPolicy(theta=F1Capped(), class_balance=4.7, prior_correction=prior_correction)
    train_one("weighted", datasets, policy=policy)
    ((seen, request),) = models.fits
    assert request.params["positive_weight"] == 4.7
    assert seen.train.weight is None
    if not prior_correction:
        assert seen.val.weight is None
        return
    np.testing.assert_array_equal(seen.val.weight, np.where(datasets.val.y == 1, 4.7, 1.0))


def test_weights_of_validation_rows_are_multiplied_and_not_lost(
    models: Any, datasets: Datasets, parts: Any
) -> None:
    given = parts["val"]["weight"]
    weighed = replace(datasets, val=Split(datasets.val.X, datasets.val.y, weight=given))
    train_one("weighted", weighed, policy=TrainingPolicy(class_balance=2.0))
    ((seen, _),) = models.fits
    wanted = given * np.where(datasets.val.y == 1, 2.0, 1.0)
    np.testing.assert_array_equal(seen.val.weight, wanted)


@pytest.mark.parametrize("calibration", [None, Calibration()])
def test_a_users_weight_that_stays_in_the_scores_is_refused_by_the_economic_rule(
    calibration: Calibration | None, models: Any, datasets: Datasets
) -> None:
    """Nobody asked the policy for a weight, so only the training can see it."""
    policy = TrainingPolicy(prior_correction=False, calibration=calibration)
    hpo = HPOParams(params={"positive_weight": 4.7})
    with pytest.raises(InputError, match="prior_correction") as caught:
        train_one("weighted", datasets, hpo, policy=policy)
    assert caught.value.code == "scores_inflated"
    assert events_of(models, "theta_picked") == []
    assert events_of(models, "training_complete") == []
    (failed,) = events_of(models, "training_failed")
    assert failed.code == "scores_inflated"
    train_one("weighted", datasets, hpo, policy=replace(policy, theta=F1Capped()))


# --- calibration ----------------------------------------------------------------------------


def calibrated_policy(method: CalibrationMethod, rule: Any, *, folded: bool) -> TrainingPolicy:
    """A class weight that is not undone leaves a calibrator something to mend."""
    return TrainingPolicy(
        theta=rule,
        class_balance=4.0,
        prior_correction=False,
        calibration=Calibration(method, min_rows=300),
        out_of_fold=OutOfFold() if folded else None,
    )


@pytest.mark.parametrize("method", METHODS)
def test_a_slice_of_validation_calibrates_and_nothing_else_uses_it(
    method: CalibrationMethod, models: Any, tmp_path: Any
) -> None:
    found, rule = long_history(), Witness()
    artifact = train_one("logreg", found, policy=calibrated_policy(method, rule, folded=False))
    ((seen, _),) = models.fits
    (evidence,) = rule.seen  # type: ignore[attr-defined]
    val = found.val
    assert val.time is not None
    assert val.label_end is not None
    assert evidence.time is not None
    # Between the rows that stop and the rows that decide lie those that calibrate.
    reach = val.label_end[np.isin(val.time, seen.val.time)].max()
    between = (val.time > reach) & (val.label_end < evidence.time.min())
    report = artifact.calibration
    assert (report.status, report.method, report.source) == ("applied", method, "validation")
    assert report.rows == between.sum() == artifact.probability.rows
    assert report.positives == val.y[between].sum()
    assert artifact.decision.n == evidence.scores.size == (val.time >= evidence.time.min()).sum()
    assert len(seen.val) + report.rows + artifact.decision.n == len(val) - 6
    wanted = fit_calibrator(method, native_scores(artifact, val.X)[between], val.y[between])
    assert artifact.score_map.calibrator == wanted
    require_calibrated(models, artifact, found, method, tmp_path)


@pytest.mark.parametrize("method", METHODS)
def test_the_earlier_out_of_fold_scores_calibrate_and_the_later_decide(
    method: CalibrationMethod, models: Any, tmp_path: Any
) -> None:
    found, rule = long_history(), Witness()
    artifact = train_one("logreg", found, policy=calibrated_policy(method, rule, folded=True))
    (evidence,) = rule.seen  # type: ignore[attr-defined]
    train = found.train
    whole = next(seen for seen, _ in models.fits if len(seen.train) == len(train))
    assert len(whole.val) == len(found.val)
    assert train.time is not None
    assert evidence.time is not None
    scored_from = np.datetime64(artifact.out_of_fold[0].scored_from)
    assert train.label_end is not None
    earlier = (train.time >= scored_from) & (train.label_end < evidence.time.min())
    report = artifact.calibration
    assert (report.status, report.method, report.source) == ("applied", method, "out_of_fold")
    assert report.rows == earlier.sum() == artifact.probability.rows
    assert report.positives == train.y[earlier].sum()
    assert artifact.decision.source == "out_of_fold"
    assert artifact.decision.n == (train.time >= evidence.time.min()).sum()
    require_calibrated(models, artifact, found, method, tmp_path)


def require_calibrated(
    models: Any, artifact: TrainedArtifact, found: Datasets, method: str, tmp_path: Any
) -> None:
    """Applied, honest, told, and the same bits when it is read back."""
    assert artifact.probability.kind == "calibrated"
    assert artifact.probability.positive_weight == 4.0
    test = found.test
    scores = artifact.predict_proba(test.X)[:, 1]
    assert scores.mean() == pytest.approx(test.y.mean(), abs=0.04)
    assert native_scores(artifact, test.X).mean() > test.y.mean() + 0.15
    (event,) = events_of(models, "calibration_applied")
    said = asdict(artifact.calibration)
    assert {name: getattr(event, name) for name in said} == said
    assert event.probability == f"calibrated({method}, {artifact.calibration.rows})"
    assert artifact.calibration.brier_after < artifact.calibration.brier_before  # type: ignore[operator]
    loaded = TrainedArtifact.load(artifact.save(tmp_path / "bundle"))
    assert loaded.score_map == artifact.score_map
    assert loaded.calibration == artifact.calibration
    np.testing.assert_array_equal(loaded.predict_proba(test.X)[:, 1], scores)
    np.testing.assert_array_equal(loaded.predict(test.X), artifact.predict(test.X))


@pytest.mark.parametrize("folded", [True, False])
def test_below_its_floor_calibration_is_refused_and_takes_no_rows(
    folded: bool, models: Any
) -> None:
    found = long_history()
    policy = TrainingPolicy(
        calibration=Calibration("isotonic", min_rows=2000),
        out_of_fold=OutOfFold() if folded else None,
    )
    artifact = train_one("logreg", found, policy=policy)
    source = "out_of_fold" if folded else "validation"
    wanted = CalibrationReport("refused", "too_few_rows", "isotonic", source)  # type: ignore[arg-type]
    assert artifact.calibration == wanted
    assert artifact.probability == Probability("raw")
    assert artifact.score_map.calibrator is None
    whole = next(seen for seen, _ in models.fits if len(seen.train) == len(found.train))
    assert len(whole.val) == len(found.val)
    assert artifact.decision.n == (2400 if folded else len(found.val))
    (event,) = events_of(models, "calibration_applied")
    assert (event.status, event.reason, event.probability) == ("refused", "too_few_rows", "raw")


def test_a_calibration_without_its_library_costs_no_training(
    monkeypatch: pytest.MonkeyPatch, refused: Any
) -> None:
    for name in ("venn_abers", "venn_abers.venn_abers"):
        monkeypatch.setitem(sys.modules, name, None)
    policy = TrainingPolicy(calibration=Calibration("venn_abers"))
    with refused(PluginDependencyError, "plugin_dependency_missing", match=r"\[venn-abers\]"):
        train_one("logreg", long_history(), policy=policy)


# --- out of fold ----------------------------------------------------------------------------


@pytest.mark.parametrize("n_folds", [1, 4])
def test_out_of_fold_scores_cost_one_fit_a_fold(n_folds: int, models: Any, tmp_path: Any) -> None:
    found = long_history()
    asked = OutOfFold(n_folds, embargo=timedelta(hours=2))
    policy = TrainingPolicy(out_of_fold=asked)
    artifact = train_one("logreg", found, policy=policy)
    assert len(models.fits) == 1 + n_folds
    assert len(artifact.out_of_fold) == n_folds
    assert artifact.decision.source == "out_of_fold"
    assert artifact.decision.n == sum(proof.n_scored for proof in artifact.out_of_fold)
    folds = [seen for seen, _ in models.fits if len(seen.train) < len(found.train)]
    for seen, proof in zip(folds, artifact.out_of_fold, strict=True):
        assert (len(seen.train), len(seen.val)) == (proof.n_train, proof.n_stopping)
        assert seen.train.label_end.max() < np.datetime64(proof.stopping_from)
        assert seen.val.label_end.max() < np.datetime64(proof.scored_from)
    plain = train_one("logreg", found)
    np.testing.assert_array_equal(
        plain.predict_proba(found.test.X), artifact.predict_proba(found.test.X)
    )
    loaded = TrainedArtifact.load(artifact.save(tmp_path / "bundle"))
    assert loaded.out_of_fold == artifact.out_of_fold
    assert loaded.policy == artifact.policy
    kept = {"n_folds": n_folds, "embargo": 7200.0, "stopping_share": 0.2}
    assert loaded.policy["out_of_fold"] == kept


def test_later_labels_do_not_change_a_folds_scores() -> None:
    """Labels from the second scored stretch on are turned over: only folds after it may notice."""
    found = long_history()
    train = found.train
    assert train.time is not None

    def scores_of(datasets: Datasets) -> tuple[Any, TrainedArtifact]:
        rule = Witness()
        policy = TrainingPolicy(theta=rule, class_balance=4.7, out_of_fold=OutOfFold(4))
        artifact = train_one("logreg", datasets, policy=policy)
        return rule.seen[0], artifact  # type: ignore[attr-defined]

    before, artifact = scores_of(found)
    second, third = (np.datetime64(artifact.out_of_fold[i].scored_from) for i in (1, 2))
    y = np.where(train.time >= second, 1 - train.y, train.y)
    turned = replace(found, train=Split(train.X, y, time=train.time, label_end=train.label_end))
    after, _ = scores_of(turned)
    early = before.time < third
    np.testing.assert_array_equal(before.scores[early], after.scores[early])
    assert early.sum() == 1200
    assert (before.scores[~early] != after.scores[~early]).mean() > 0.99


def test_without_time_no_fold_and_no_fit(models: Any, datasets: Datasets) -> None:
    with pytest.raises(InputError, match="out_of_fold") as caught:
        train_one("logreg", datasets, policy=TrainingPolicy(out_of_fold=OutOfFold()))
    assert caught.value.code == "time_missing"
    assert models.fits == []


def test_a_fold_of_one_class_is_named(models: Any) -> None:
    found = long_history()
    train = found.train
    y = np.where(np.arange(len(train)) < 700, 0, train.y)
    quiet = replace(found, train=Split(train.X, y, time=train.time, label_end=train.label_end))
    with pytest.raises(InputError, match="forward fold 1 of 4") as caught:
        train_one("logreg", quiet, policy=TrainingPolicy(out_of_fold=OutOfFold()))
    assert caught.value.code == "labels_one_class"
    assert len(events_of(models, "training_failed")) == 1


def test_the_default_rule_is_economic_where_money_is_known_and_f1_where_it_is_not(
    datasets: Datasets,
) -> None:
    known = train_one("logreg", datasets)
    unknown = train_one("logreg", replace(datasets, payoff=None))
    assert (known.decision.rule, unknown.decision.rule) == ("expected_value", "f1_capped")
    assert known.decision.n_signals >= ExpectedValue().min_signals
    assert unknown.decision.n_signals >= F1Capped().min_signals
    assert unknown.tradability.verdict == "unknown"


@pytest.mark.parametrize("where", ["train", "val"])
@pytest.mark.parametrize("folded", [True, False])
def test_money_is_known_where_the_rows_that_decide_have_returns(where: str, folded: bool) -> None:
    found = replace(long_history(), payoff=None)
    split = getattr(found, where)
    paid = Split(
        split.X,
        split.y,
        time=split.time,
        label_end=split.label_end,
        returns=np.where(split.y == 1, 1.45, -0.55),
    )
    changed: dict[str, Any] = {where: paid}
    policy = TrainingPolicy(out_of_fold=OutOfFold() if folded else None)
    artifact = train_one("logreg", replace(found, **changed), policy=policy)
    known = where == ("train" if folded else "val")
    rule = "expected_value" if known else "f1_capped"
    assert artifact.decision.rule == artifact.policy["theta"]["rule"] == rule
