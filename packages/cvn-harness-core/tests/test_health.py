"""Shift between train and validation, inflated scores, and a policy that refuses a bad fit."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import chi2

from cvn_harness_core import (
    Datasets,
    EarlyStopping,
    FitError,
    HealthLimits,
    Split,
    TrainedArtifact,
    TrainingPolicy,
    train_one,
)
from cvn_harness_core.contracts.split import Array
from cvn_harness_core.metrics.shift import (
    MAX_ROWS,
    population_stability_index,
    prevalence_shift,
    psi_noise,
)

LIMITS = HealthLimits()


def shifted(expected: Array, actual: Array) -> Array:
    """Which features are beyond the default limit, (f,)."""
    beyond = LIMITS.max_psi + psi_noise(len(expected), len(actual))
    return population_stability_index(expected, actual) > beyond


def plain_psi(expected: Array, actual: Array) -> float:
    """The PSI of one feature, as one would write it down: bins are pairs of ends."""
    known = sorted(v for v in expected if not math.isnan(v))
    deciles = [known[math.ceil(k * len(known) / 10) - 1] for k in range(1, 10)] if known else []
    ends = [-math.inf, *sorted(set(deciles)), math.inf]
    atoms = {v for v in deciles if deciles.count(v) > 1}

    def bin_of(v: float) -> Any:
        if math.isnan(v):
            return "missing"
        if v in atoms:
            return "atom", v
        return next(i for i in range(1, len(ends)) if ends[i - 1] < v <= ends[i])

    total = 0.0
    before, after = [bin_of(v) for v in expected], [bin_of(v) for v in actual]
    for name in {*before, *after}:
        e = max(before.count(name), 0.5) / len(before)
        a = max(after.count(name), 0.5) / len(after)
        total += (a - e) * math.log(a / e)
    return total


# --- the population stability index ---------------------------------------------------------

values = st.one_of(st.just(math.nan), st.sampled_from([-1.0, 0.0, 2.0]), st.floats(-5, 5))


@given(st.data(), st.integers(1, 60), st.integers(1, 60))
def test_it_is_what_a_plain_loop_over_bins_finds(data: st.DataObject, n: int, m: int) -> None:
    expected = data.draw(arrays(np.float64, (n, 3), elements=values))
    actual = data.draw(arrays(np.float64, (m, 3), elements=values))
    wanted = [plain_psi(expected[:, j], actual[:, j]) for j in range(3)]
    found = population_stability_index(expected, actual)
    np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-12)
    assert (found >= 0).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("rows", [60, 1_000, 25_000])
def test_of_200_features_none_seems_to_shift_by_chance_and_one_that_does_is_seen(
    rows: int, dtype: Any
) -> None:
    rng = np.random.default_rng(rows)
    X = rng.normal(size=(rows * 2 + rows // 2, 200)).astype(dtype)
    X[:, ::3] = np.round(X[:, ::3])
    X[rng.random(X.shape) < 0.05] = np.nan
    expected, actual = X[: rows * 2], X[rows * 2 :].copy()
    assert not shifted(expected, actual).any()
    actual[:, 7] += 2.0 if rows == 60 else 0.7
    assert np.flatnonzero(shifted(expected, actual)).tolist() == [7]


def test_the_noise_is_the_tail_of_the_null_distribution() -> None:
    assert psi_noise(400, 100) == pytest.approx(chi2.ppf(0.999, 10) * (1 / 400 + 1 / 100))
    assert psi_noise(10**6, 10**5) == psi_noise(MAX_ROWS, MAX_ROWS)
    rng = np.random.default_rng(3)
    psi = population_stability_index(rng.normal(size=(900, 4_000)), rng.normal(size=(700, 4_000)))
    # Continuous and complete, they occupy ten bins: nine degrees of freedom.
    usual = chi2.ppf(0.95, 9) * (1 / 900 + 1 / 700)
    assert (psi > usual).mean() == pytest.approx(0.05, abs=0.015)
    assert (psi > psi_noise(900, 700)).mean() < 0.002


@pytest.mark.parametrize("direction", [1, -1])
def test_what_goes_missing_is_a_shift(direction: int) -> None:
    X = np.random.default_rng(1).normal(size=(1_000, 3))
    holes = X.copy()
    holes[:400, 1] = np.nan
    assert shifted(*(X, holes)[::direction]).tolist() == [False, True, False]


@pytest.mark.parametrize("value", [0.0, -2.5, 1e300, math.nan])
def test_a_constant_has_none_until_it_changes(value: float) -> None:
    before, after = np.full((300, 2), value), np.full((200, 2), value)
    np.testing.assert_array_equal(population_stability_index(before, after), [0.0, 0.0])
    other = 0.0 if math.isnan(value) else np.nextafter(value, -np.inf)
    for changed in (other, value + 1.0 if abs(value) < 1e9 else -value, math.nan):
        after[:, 1] = changed
        if not (math.isnan(value) and math.isnan(changed)):
            assert shifted(before, after).tolist() == [False, True]


def test_extremes_and_lone_rows_give_finite_figures_without_warnings() -> None:
    big = np.finfo(np.float64).max
    X = np.array([[-big, big, 0.0, np.nan, 5e-324]] * 3)
    with np.errstate(all="raise"):
        for expected in (X, X[:1]):
            for actual in (X, -X, X[:1]):
                assert np.isfinite(population_stability_index(expected, actual)).all()


def test_the_rows_looked_at_are_of_all_hours_whatever_the_step() -> None:
    """48,000 and 12,000 hourly bars: every 24th and every 6th would be of 1 and of 4 hours."""
    hour = np.arange(48_000) % 24
    X = np.column_stack([hour, hour // 6]).astype(float)
    assert population_stability_index(X, X[:12_000]).max() < 0.02


def test_a_shift_within_a_long_sample_is_seen_and_the_sample_stays_as_it_was() -> None:
    rng = np.random.default_rng(5)
    expected, actual = rng.normal(size=(9_001, 4)), rng.normal(size=(4_777, 4))
    actual[2_000:, 2] += 2.0
    kept = expected.copy(), actual.copy()
    assert shifted(expected, actual).tolist() == [False, False, True, False]
    np.testing.assert_array_equal(expected, kept[0])
    np.testing.assert_array_equal(actual, kept[1])


# --- prevalence -----------------------------------------------------------------------------


def labels(positives: int, n: int) -> Array:
    return (np.arange(n) < positives).astype(np.int8)


def test_prevalence_is_compared_by_odds_and_against_chance() -> None:
    ratio, z = prevalence_shift(labels(100, 400), labels(100, 200))
    assert ratio == pytest.approx(3.0)
    pooled = 200 / 600
    assert z == pytest.approx(0.25 / math.sqrt(pooled * (1 - pooled) * (1 / 400 + 1 / 200)))
    back, z_back = prevalence_shift(labels(100, 200), labels(100, 400))
    assert (back, z_back) == pytest.approx((1 / 3.0, -z))


# --- the verdict ----------------------------------------------------------------------------


def fit(datasets: Datasets, **policy: Any) -> TrainedArtifact:
    return train_one("logreg", datasets, policy=TrainingPolicy(**policy))


def with_val(datasets: Datasets, X: Array, y: Array) -> Datasets:
    return replace(datasets, val=Split(X, y))


def test_a_fit_on_data_that_does_not_shift_is_healthy(models: Any, datasets: Datasets) -> None:
    health = fit(datasets).health
    assert (health.verdict, health.reasons) == ("healthy", ())
    psi = population_stability_index(datasets.train.X, datasets.val.X)
    assert health.figures["psi_max"] == psi.max()
    assert health.figures["positive_weight"] == 1.0
    odds = [split.prevalence / (1 - split.prevalence) for split in (datasets.train, datasets.val)]
    assert health.figures["prevalence_ratio"] == pytest.approx(odds[1] / odds[0])
    assert len(health.worst_psi) == len(datasets.feature_names)


def test_the_features_that_shift_most_are_named_worst_first(
    models: Any, datasets: Datasets
) -> None:
    X = datasets.val.X + np.array([0.0, 0.9, 2.5, 0.0])
    health = fit(with_val(datasets, X, datasets.val.y)).health
    assert "covariate_shift" in health.reasons
    assert health.verdict == "suspect"
    assert list(health.worst_psi)[:2] == ["volume", "spread"]
    worst = list(health.worst_psi.values())
    assert worst == sorted(worst, reverse=True)
    assert worst[0] == health.figures["psi_max"]
    (event,) = [event for event in models.events if event.event == "training_health"]
    assert list(event.worst_psi.items()) == list(health.worst_psi.items())
    said = {name: getattr(event, name) for name in health.figures}
    assert said == health.figures
    assert event.reasons == list(health.reasons)


@pytest.mark.usefixtures("models")
def test_at_most_five_features_are_named_and_a_bundle_keeps_their_order(tmp_path: Any) -> None:
    rng = np.random.default_rng(2)
    X, y = rng.normal(size=(800, 9)), (rng.random(800) < 0.3).astype(np.int8)
    X[400:] += np.array([0.0, 0.1, 1.2, 0.0, 2.0, 0.0, 1.6, 0.8, 0.4])
    parts = [(X[a:b], y[a:b]) for a, b in ((0, 400), (400, 700), (700, 800))]
    artifact = fit(Datasets.from_arrays(*parts, feature_names=list("ihgfedcba")))
    assert list(artifact.health.worst_psi) == ["e", "c", "g", "b", "a"]
    artifact.save(tmp_path / "bundle")
    loaded = TrainedArtifact.load(tmp_path / "bundle")
    assert loaded.health == artifact.health
    assert list(loaded.health.worst_psi) == ["e", "c", "g", "b", "a"]


@pytest.mark.usefixtures("models")
def test_the_limits_are_the_policys(datasets: Datasets) -> None:
    X = datasets.val.X + np.array([0.0, 0.0, 2.5, 0.0])
    y = datasets.val.y.copy()
    y[: y.size // 2] = 1
    moved = with_val(datasets, X, y)
    reasons = {"covariate_shift", "prevalence_shift"}
    assert reasons <= set(fit(moved).health.reasons)
    lenient = HealthLimits(max_psi=100.0, max_prevalence_shift=100.0)
    assert not reasons & set(fit(moved, health=lenient).health.reasons)


@pytest.mark.usefixtures("models")
@pytest.mark.parametrize(("n", "flagged"), [(40, False), (400, True)])
def test_a_ratio_that_chance_explains_is_no_shift_of_prevalence(n: int, flagged: bool) -> None:
    X = np.random.default_rng(4).normal(size=(2_000 + n, 2))
    y = np.concatenate([labels(600, 2_000), labels(round(0.45 * n), n)])
    parts = [(X[:2_000], y[:2_000]), (X[2_000:], y[2_000:])]
    health = fit(Datasets.from_arrays(*parts, parts[1], feature_names=["a", "b"])).health
    assert health.figures["prevalence_ratio"] == pytest.approx(0.45 / 0.55 / (0.3 / 0.7))
    assert ("prevalence_shift" in health.reasons) is flagged


@pytest.mark.usefixtures("models")
@pytest.mark.parametrize("seed", range(5))
def test_sixty_rows_of_validation_raise_no_false_alarm(seed: int) -> None:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(600, 30))
    y = (rng.random(600) < 1 / (1 + np.exp(1.0 - X[:, 0]))).astype(np.int8)
    parts = [(X[a:b], y[a:b]) for a, b in ((0, 480), (480, 540), (540, 600))]
    names = [f"x{i}" for i in range(30)]
    health = fit(Datasets.from_arrays(*parts, feature_names=names)).health
    assert not {"covariate_shift", "prevalence_shift"} & set(health.reasons)


@pytest.mark.usefixtures("models")
@pytest.mark.parametrize("name", ["logreg", "weighted"])
def test_scores_that_a_class_weight_inflates_are_suspect(name: str, datasets: Datasets) -> None:
    artifact = train_one(name, datasets, policy=TrainingPolicy.adr0089())
    assert (artifact.health.verdict, artifact.health.reasons) == ("suspect", ("weight_inflated",))
    weight = artifact.probability.positive_weight
    assert artifact.health.figures["positive_weight"] == weight > 1


# --- a policy that refuses ------------------------------------------------------------------


def test_an_unhealthy_fit_is_an_error_if_the_policy_says_so(
    models: Any, datasets: Datasets
) -> None:
    contrary = with_val(datasets, datasets.val.X, 1 - datasets.val.y)
    policy = TrainingPolicy(early_stopping=EarlyStopping(5), on_unhealthy="error")
    with pytest.raises(FitError, match=r"descent: .*shallow, overfit") as caught:
        train_one("descent", contrary, policy=policy)
    assert caught.value.code == "training_unhealthy"
    *_, health, failed = models.events
    assert (health.event, health.verdict) == ("training_health", "unhealthy")
    assert (failed.event, failed.stage) == ("training_failed", "training_health")
    assert (failed.error, failed.code) == ("FitError", "training_unhealthy")
    assert failed.message == str(caught.value)
    for name in ("roc_auc_gap", "psi_max", "prevalence_ratio"):
        assert f"{name} {getattr(health, name):.4g}" in failed.message


def test_a_suspect_fit_is_returned_all_the_same(models: Any, datasets: Datasets) -> None:
    strict = replace(TrainingPolicy.adr0089(), on_unhealthy="error")
    artifact = train_one("logreg", datasets, policy=strict)
    assert artifact.health.verdict == "suspect"
    assert artifact.policy["on_unhealthy"] == "error"
    assert models.events[-1].event == "training_complete"
