"""Calibration against the libraries that fit it, on data whose true probabilities are known."""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any, get_args

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss

from cvn_harness_core import Calibration, CalibrationReport, Calibrator, InputError
from cvn_harness_core.calibration.apply import calibrate, log_odds
from cvn_harness_core.calibration.fit import fit_calibrator, require
from cvn_harness_core.calibration.judge import calibrate_if_better
from cvn_harness_core.contracts.calibration import MIN_ROWS, CalibrationMethod
from cvn_harness_core.contracts.probability import Probability, apply_weight, undo_weight
from cvn_harness_core.contracts.split import Array
from cvn_harness_core.errors import PluginDependencyError

METHODS = get_args(CalibrationMethod)
LAW = settings(deadline=None, max_examples=60)
EPS = float(np.finfo(np.float64).eps)
UNIT = np.concatenate([[0.0, 5e-324, 1e-300, 1e-13], np.linspace(0, 1, 2001), [1 - 1e-13]])

every_method = pytest.mark.parametrize("method", METHODS)

# Ties, the ends, and anything between.
few = st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.5 + EPS, 0.9, 1.0])
score = few | st.floats(0.0, 1.0)
rows = (
    st.lists(st.tuples(score, st.integers(0, 1)), min_size=2, max_size=60)
    .filter(lambda pairs: len({label for _, label in pairs}) == 2)
    .map(lambda pairs: (np.array([s for s, _ in pairs]), np.array([label for _, label in pairs])))
)
weights = st.floats(1e-3, 1e3)
inner = st.lists(st.floats(1e-12, 1 - 1e-12), min_size=1, max_size=50).map(np.array)


def drawn(n: int, seed: int, spoil: Callable[[Array], Array]) -> tuple[Array, Array, Array]:
    """Scores that ``spoil`` makes of true probabilities, labels, and those probabilities."""
    rng = np.random.default_rng(seed)
    truth = rng.beta(1.5, 3.0, size=n)
    return spoil(truth), (rng.random(n) < truth).astype(np.int8), truth


def squared(p: Array) -> Array:
    return p**2


def overconfident(p: Array) -> Array:
    return 1 / (1 + np.exp(-2 * log_odds(p)))


def honest(p: Array) -> Array:
    return p


# --- the maps are those of the libraries ----------------------------------------------------


def test_a_sigmoid_predicts_what_scikit_learn_predicts() -> None:
    scores, y, _ = drawn(2000, 1, squared)
    odds = log_odds(scores)
    unit = ((odds - odds.mean()) / odds.std())[:, None]
    model = LogisticRegression(C=np.inf, tol=1e-8, max_iter=1000).fit(unit, y)
    calibrated = calibrate(fit_calibrator("sigmoid", scores, y), scores)
    assert np.abs(calibrated - model.predict_proba(unit)[:, 1]).max() < 1e-12


@pytest.mark.parametrize(
    "spoil", [squared, overconfident, honest, lambda p: 0.18 + 1e-4 * p, lambda p: 1e-6 * p]
)
def test_a_sigmoid_is_the_maximum_of_the_likelihood(spoil: Callable[[Array], Array]) -> None:
    scores, y, _ = drawn(3000, 2, spoil)
    excess = calibrate(fit_calibrator("sigmoid", scores, y), scores) - y
    odds = log_odds(scores)
    # Both derivatives of the log likelihood vanish there, the second in units of the spread.
    assert abs(excess.mean()) < 1e-6
    assert abs((excess * (odds - odds.mean()) / odds.std()).mean()) < 1e-6


@LAW
@given(rows)
def test_isotonic_is_bit_for_bit_scikit_learns(data: tuple[Array, Array]) -> None:
    scores, y = data
    model = IsotonicRegression(out_of_bounds="clip").fit(scores, y.astype(float))
    ours = calibrate(fit_calibrator("isotonic", scores, y), UNIT)
    assert ours.tolist() == np.clip(model.predict(UNIT), 0, 1).tolist()


@LAW
@given(rows)
def test_venn_abers_is_bit_for_bit_the_packages(data: tuple[Array, Array]) -> None:
    scores, y = data
    assert venn_abers_of(scores, y, UNIT).tolist() == (
        calibrate(fit_calibrator("venn_abers", scores, y), UNIT).tolist()
    )


def test_venn_abers_keeps_only_the_steps_of_many_rows_and_stays_the_packages() -> None:
    scores, y, _ = drawn(5000, 3, squared)
    calibrator = fit_calibrator("venn_abers", scores, y)
    assert len(calibrator.x) < 500
    assert len(calibrator.low) == len(calibrator.high) == len(calibrator.x) + 1
    at = np.concatenate([UNIT, scores])
    assert calibrate(calibrator, at).tolist() == venn_abers_of(scores, y, at).tolist()


def venn_abers_of(scores: Array, y: Array, at: Array) -> Array:
    require("venn_abers")
    from venn_abers.venn_abers import calc_p0p1, calc_probs

    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the package looks for the smallest of no numbers
        p0, p1, c = calc_p0p1(np.column_stack([1 - scores, scores]), y)
    return np.asarray(calc_probs(p0, p1, c, np.column_stack([1 - at, at]))[0][:, 1])


@every_method
def test_scores_at_the_ends_and_separable_labels_are_calibrated_to_finite_numbers(
    method: CalibrationMethod,
) -> None:
    scores = np.concatenate([np.zeros(40), np.linspace(0.2, 0.8, 120), np.ones(40)])
    calibrator = fit_calibrator(method, scores, (scores > 0.5).astype(np.int8))
    assert np.isfinite([*calibrator.x, *calibrator.low, *calibrator.high]).all()
    assert calibrate(calibrator, np.array([0.0, 0.1, 0.9, 1.0])) == pytest.approx(
        [0, 0, 1, 1], abs=0.02
    )


# --- laws of every map ----------------------------------------------------------------------


@every_method
@LAW
@given(data=rows)
def test_a_calibrator_read_back_from_json_calibrates_bit_for_bit(
    method: CalibrationMethod, data: tuple[Array, Array]
) -> None:
    calibrator = fit_calibrator(method, *data)
    text = json.dumps(msgspec.to_builtins(calibrator), allow_nan=False)
    back = msgspec.convert(json.loads(text), Calibrator, strict=True)
    assert back == calibrator
    assert calibrate(back, UNIT).tobytes() == calibrate(calibrator, UNIT).tobytes()


@every_method
@LAW
@given(data=rows)
def test_calibrated_scores_are_probabilities(
    method: CalibrationMethod, data: tuple[Array, Array]
) -> None:
    out = calibrate(fit_calibrator(method, *data), UNIT)
    assert out.dtype == np.float64
    assert out.shape == UNIT.shape
    assert ((out >= 0) & (out <= 1)).all()


@every_method
def test_higher_scores_never_get_lower_probabilities(method: CalibrationMethod) -> None:
    scores, y, _ = drawn(2000, 4, squared)
    rising = np.sort(np.concatenate([UNIT, scores]))
    out = calibrate(fit_calibrator(method, scores, y), rising)
    assert np.diff(out).min() >= -4 * EPS
    assert out[-1] > out[0]


@every_method
@pytest.mark.parametrize("bad", [np.nan, np.inf, -0.1, 1.1])
def test_scores_that_are_no_probabilities_are_not_calibrated(
    method: CalibrationMethod, bad: float
) -> None:
    calibrator = fit_calibrator(method, *drawn(200, 5, honest)[:2])
    with pytest.raises(InputError, match="NaN or outside") as caught:
        calibrate(calibrator, np.array([0.2, bad]))
    assert caught.value.code == "scores_not_finite"


@every_method
def test_one_class_cannot_be_calibrated_on(method: CalibrationMethod) -> None:
    with pytest.raises(InputError, match="all 3 labels to calibrate on are 1") as caught:
        fit_calibrator(method, np.array([0.1, 0.2, 0.3]), np.ones(3, dtype=np.int8))
    assert caught.value.code == "labels_one_class"


# --- what is kept and what is refused -------------------------------------------------------


def judged(method: CalibrationMethod, scores: Array, y: Array, **given: Any) -> Any:
    arguments = {"time": None, "label_end": None, "source": "validation", **given}
    return calibrate_if_better(
        Calibration(method), scores, np.asarray(y, dtype=np.int8), **arguments
    )


@every_method
@pytest.mark.parametrize("spoil", [squared, overconfident])
def test_miscalibrated_scores_get_better_on_rows_that_were_never_seen(
    method: CalibrationMethod, spoil: Callable[[Array], Array]
) -> None:
    scores, y, _ = drawn(4000, 6, spoil)
    calibrator, report = judged(method, scores, y, source="out_of_fold")
    assert (report.status, report.reason) == ("applied", None)
    assert (report.method, report.source) == (method, "out_of_fold")
    assert (report.rows, report.positives) == (4000, int(y.sum()))
    assert report.brier_after < report.brier_before
    assert report.ece_after < report.ece_before
    fresh, labels, truth = drawn(20_000, 7, spoil)
    calibrated = calibrate(calibrator, fresh)
    assert brier_score_loss(labels, calibrated) < brier_score_loss(labels, fresh)
    assert np.abs(calibrated - truth).mean() < 0.25 * np.abs(fresh - truth).mean()


@every_method
def test_what_is_kept_is_fitted_on_all_rows_and_judged_on_the_later_two_fifths(
    method: CalibrationMethod,
) -> None:
    scores, y, _ = drawn(2000, 8, squared)
    calibrator, report = judged(method, scores, y)
    assert calibrator == fit_calibrator(method, scores, y)
    assert calibrator.rows == 2000
    after = calibrate(fit_calibrator(method, scores[:1200], y[:1200]), scores[1200:])
    assert report.brier_before == brier_score_loss(y[1200:], scores[1200:])
    assert report.brier_after == brier_score_loss(y[1200:], after)


@every_method
def test_honest_scores_are_left_alone_or_hardly_changed(method: CalibrationMethod) -> None:
    harm = []
    for seed in range(10):
        scores, y, _ = drawn(MIN_ROWS[method], 100 + seed, honest)
        calibrator, report = judged(method, scores, y)
        if calibrator is None:
            assert report.reason in ("brier_not_better", "ece_not_better")
            harm.append(0.0)
        else:
            fresh, labels, _ = drawn(20_000, 200 + seed, honest)
            calibrated = calibrate(calibrator, fresh)
            harm.append(brier_score_loss(labels, calibrated) - brier_score_loss(labels, fresh))
    # Two numbers fitted on n rows cost about var(y) / n = 0.2 / 300 each, if always accepted.
    assert 0.0 in harm
    assert np.mean(harm) < 0.0014


@every_method
def test_a_relation_that_did_not_last_is_refused(method: CalibrationMethod) -> None:
    before, y_before, _ = drawn(1800, 9, squared)
    since, y_since, _ = drawn(1200, 10, honest)
    calibrator, report = judged(method, np.append(before, since), np.append(y_before, y_since))
    assert calibrator is None
    assert (report.status, report.reason) == ("refused", "brier_not_better")
    assert report.brier_after > report.brier_before


def test_a_better_brier_with_a_worse_ece_is_refused() -> None:
    # The mean score is right and its slope is wrong, within one bin; later the mean moves a little.
    rng = np.random.default_rng(11)
    n = 2000
    scores = rng.uniform(0.41, 0.49, size=n)
    truth = np.clip(0.45 + 10 * (scores - 0.45), 0.02, 0.98)
    truth[1200:] = np.clip(truth[1200:] + 0.02, 0.02, 0.98)
    calibrator, report = judged("sigmoid", scores, rng.random(n) < truth)
    assert calibrator is None
    assert report.reason == "ece_not_better"
    assert report.brier_after < report.brier_before
    assert report.ece_after > report.ece_before


def test_a_sigmoid_that_would_invert_the_ranking_is_refused() -> None:
    scores, y, _ = drawn(2000, 12, lambda p: 1 - p)
    assert fit_calibrator("sigmoid", scores, y).low[0] < 0
    calibrator, report = judged("sigmoid", scores, y)
    assert calibrator is None
    assert (report.status, report.reason) == ("refused", "ranking_lost")
    assert report.brier_after < report.brier_before


@pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
def test_equal_scores_have_no_ranking_to_keep(method: CalibrationMethod) -> None:
    y = np.arange(2000) % 5 == 0
    scores = np.full(2000, 0.7)
    calibrator, report = judged(method, scores, y)
    assert calibrator is None
    assert report.reason == "ranking_lost"
    prior = calibrate(fit_calibrator(method, scores, y.astype(np.int8)), UNIT)
    assert prior == pytest.approx(np.full(UNIT.size, 0.2), abs=1e-12)


@every_method
def test_too_few_rows_are_refused_and_just_enough_are_not(method: CalibrationMethod) -> None:
    scores, y, _ = drawn(4000, 13, squared)
    floor = MIN_ROWS[method]
    calibrator, report = judged(method, scores[: floor - 1], y[: floor - 1])
    assert calibrator is None
    assert report == CalibrationReport(
        status="refused",
        reason="too_few_rows",
        method=method,
        source="validation",
        rows=floor - 1,
        positives=int(y[: floor - 1].sum()),
    )
    assert judged(method, scores[:floor], y[:floor])[1].brier_before is not None


@pytest.mark.parametrize("rare", [0, 1])
def test_too_few_of_either_class_are_refused(rare: int) -> None:
    scores, _, _ = drawn(1000, 14, squared)
    y = np.full(1000, 1 - rare)
    y[::35] = rare
    assert (y == rare).sum() == 29
    assert judged("sigmoid", scores, y)[1].reason == "too_few_of_a_class"
    y[1] = rare
    assert judged("sigmoid", scores, y)[1].brier_before is not None


@pytest.mark.parametrize("where", [slice(0, 31), slice(-31, None)])
def test_a_class_that_one_part_lacks_is_too_few_of_it(where: slice) -> None:
    scores, _, _ = drawn(1000, 15, squared)
    y = np.zeros(1000)
    y[where] = 1
    assert judged("sigmoid", scores, y)[1].reason == "too_few_of_a_class"


def stamps(n: int) -> Array:
    return np.datetime64("2024-01-01", "ns") + np.arange(n) * np.timedelta64(1, "h")


def test_rows_are_judged_in_order_of_time_and_not_as_given() -> None:
    before, y_before, _ = drawn(1800, 9, squared)
    since, y_since, _ = drawn(1200, 10, honest)
    scores, y, time = np.append(before, since), np.append(y_before, y_since), stamps(3000)
    _, in_order = judged("sigmoid", scores, y)
    assert in_order.reason == "brier_not_better"
    assert judged("sigmoid", scores[::-1], y[::-1], time=time[::-1])[1] == in_order
    assert judged("sigmoid", scores, y, time=time[::-1])[1] != in_order


@every_method
def test_rows_of_one_stamp_may_come_in_any_order(method: CalibrationMethod) -> None:
    scores, y, _ = drawn(2100, 16, squared)
    scores = np.round(scores, 2)
    time = np.repeat(stamps(300), 7)  # a row of each of seven instruments
    rng = np.random.default_rng(0)
    label_end = time + rng.integers(0, 12, size=2100) * np.timedelta64(1, "h")
    first = judged(method, scores, y, time=time, label_end=label_end)
    assert first[0] is not None
    for _ in range(3):
        order = rng.permutation(2100)
        again = judged(
            method, scores[order], y[order], time=time[order], label_end=label_end[order]
        )
        assert again == first


def test_rows_of_one_stamp_are_all_judged_or_none_is() -> None:
    scores, y, _ = drawn(2107, 21, squared)
    time = np.repeat(stamps(301), 7)  # 0.6 of the rows end at row 1264, within stamp 180
    report = judged("sigmoid", scores, y, time=time)[1]
    later = slice(180 * 7, None)
    assert report.brier_before == pytest.approx(
        brier_score_loss(y[later], scores[later]), rel=1e-12
    )


def test_labels_that_reach_into_the_later_part_do_not_fit_the_calibrator_that_is_judged() -> None:
    scores, y, _ = drawn(1000, 17, squared)
    time = stamps(1000)
    spoilt = y.copy()
    spoilt[590:600] = 1 - y[590:600]  # their labels, three hours long or more, overlap row 600
    label_end = time.copy()
    label_end[590:600] = time[600]
    reports = [
        judged("sigmoid", scores, labels, time=time, label_end=label_end)[1]
        for labels in (y, spoilt)
    ]
    assert replace(reports[0], positives=0) == replace(reports[1], positives=0)
    leaking = judged("sigmoid", scores, spoilt, time=time)[1]
    assert leaking.brier_after != reports[0].brier_after
    assert leaking.brier_before == reports[0].brier_before


def test_a_purge_that_leaves_too_few_rows_refuses() -> None:
    scores, y, _ = drawn(1000, 18, squared)
    time = stamps(1000)
    long = time + np.timedelta64(550, "h")
    assert judged("sigmoid", scores, y, time=time, label_end=long)[1].reason == "too_few_rows"
    same = np.repeat(time[:1], 1000)
    assert judged("sigmoid", scores, y, time=same)[1].reason == "too_few_rows"


def test_columns_that_do_not_fit_together_are_named() -> None:
    scores, y, _ = drawn(1000, 19, squared)
    with pytest.raises(
        InputError, match=r"time has shape \(999,\) where y has \(1000,\)"
    ) as caught:
        judged("sigmoid", scores, y, time=stamps(999))
    assert caught.value.code == "length_mismatch"
    with pytest.raises(InputError, match="label_end is given without time") as caught:
        judged("sigmoid", scores, y, label_end=stamps(1000))
    assert caught.value.code == "time_missing"


# --- the libraries --------------------------------------------------------------------------


def test_venn_abers_does_not_change_how_numpy_treats_errors(run_python: Any) -> None:
    done = run_python(
        "import numpy as np\n"
        "from cvn_harness_core.calibration.fit import fit_calibrator, require\n"
        "np.seterr(divide='raise', under='warn')\n"
        "before = np.geterr()\n"
        "require('venn_abers')\n"
        "assert np.geterr() == before, np.geterr()\n"
        "fit_calibrator('venn_abers', np.array([.1, .2, .2, .4]), np.array([0, 1, 0, 1]))\n"
        "assert np.geterr() == before, np.geterr()\n"
    )
    assert done.returncode == 0, done.stderr


def test_a_missing_library_is_said_with_the_line_that_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("venn_abers", "venn_abers.venn_abers"):
        monkeypatch.setitem(sys.modules, name, None)
    require("sigmoid")
    require("isotonic")
    with pytest.raises(PluginDependencyError) as caught:
        require("venn_abers")
    assert caught.value.code == "plugin_dependency_missing"
    assert 'pip install "cvn-harness-core[venn-abers]"' in str(caught.value)


def test_a_saved_calibrator_needs_numpy_alone(run_python: Any) -> None:
    done = run_python(
        "import sys\n"
        "import numpy as np\n"
        "from cvn_harness_core import Calibrator\n"
        "from cvn_harness_core.calibration.apply import calibrate\n"
        "for method in ('sigmoid', 'isotonic', 'venn_abers'):\n"
        "    x = () if method == 'sigmoid' else (0.2, 0.4)\n"
        "    low = (0.1, 0.2, 0.3)[:3 if method == 'venn_abers' else 2]\n"
        "    calibrate(Calibrator(method, x, low, low, 9), np.array([0.3]))\n"
        "wanted = {'sklearn', 'scipy', 'pandas', 'venn_abers'}\n"
        "assert not wanted & set(sys.modules), wanted & set(sys.modules)\n"
    )
    assert done.returncode == 0, done.stderr


# --- the prior correction -------------------------------------------------------------------


@LAW
@given(inner, weights)
def test_undoing_a_weight_is_the_inverse_of_applying_it(p: Array, weight: float) -> None:
    # The steeper of the two multiplies the rounding of the other by up to the weight.
    room = 8 * EPS * max(weight, 1 / weight)
    assert undo_weight(apply_weight(p, weight), weight) == pytest.approx(p, rel=room, abs=0)
    assert apply_weight(undo_weight(p, weight), weight) == pytest.approx(p, rel=room, abs=0)


@LAW
@given(inner, st.floats(1.0, 1e3))
def test_applying_a_weight_takes_back_an_undone_one_to_a_few_ulp(p: Array, weight: float) -> None:
    assert apply_weight(undo_weight(p, weight), weight) == pytest.approx(p, rel=8 * EPS, abs=0)


@LAW
@given(st.lists(score, min_size=2, max_size=50).map(sorted), weights)
def test_undoing_a_weight_keeps_the_ranking_and_the_ends(p: list[float], weight: float) -> None:
    neighbours = np.sort(np.concatenate([p, np.nextafter(p, 0.0), np.nextafter(p, 1.0)]))
    assert (np.diff(undo_weight(neighbours, weight)) >= 0).all()
    assert undo_weight(np.array([0.0, 1.0]), weight).tolist() == [0.0, 1.0]
    assert undo_weight(neighbours, 1.0).tolist() == neighbours.tolist()


def test_a_weighted_fit_gives_the_probabilities_of_an_unweighted_one_once_undone() -> None:
    rng = np.random.default_rng(20)
    x = rng.normal(size=(40_000, 1))
    truth = 1 / (1 + np.exp(2.0 - 1.3 * x[:, 0]))
    y = rng.random(40_000) < truth
    model = LogisticRegression(C=np.inf).fit(x, y, sample_weight=np.where(y, 7.0, 1.0))
    inflated = model.predict_proba(x)[:, 1]
    assert (inflated - truth).mean() > 0.2
    assert np.abs(undo_weight(inflated, 7.0) - truth).max() < 0.03


def test_inflated_scores_are_refused_where_probabilities_are_needed() -> None:
    with pytest.raises(InputError, match="got weight_inflated\\(7\\) scores") as caught:
        Probability("weight_inflated", 7.0).require_probabilities("PayoffMax")
    assert caught.value.code == "scores_inflated"
    for kind in ("raw", "prior_corrected", "calibrated"):
        Probability(kind, 7.0).require_probabilities("PayoffMax")  # type: ignore[arg-type]


# --- settings -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [
        {"method": "platt"},
        {"min_rows": 9},
        {"min_per_class": 1},
        {"share": 0.0},
        {"share": 0.5},
    ],
)
def test_a_setting_out_of_range_is_named(wrong: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=f"Calibration.{next(iter(wrong))} is") as caught:
        Calibration(**wrong)
    assert caught.value.code == "setting_invalid"
