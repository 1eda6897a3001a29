"""Who may use which row: forward folds and the division of validation, re-derived from the rows."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cvn_harness_core import Calibration, Datasets, InputError, OutOfFold, Split, TrainingPolicy
from cvn_harness_core.contracts.out_of_fold import stamp_text
from cvn_harness_core.folds.forward import forward_folds
from cvn_harness_core.folds.holdout import divide_holdout, in_time
from cvn_harness_core.nodes.holdout import holdout

DAY, HOUR = np.timedelta64(1, "D"), np.timedelta64(1, "h")
START = np.datetime64("2020-01-01T00:00", "ns")
LAW = settings(deadline=None, max_examples=150)


def rows_at(time: Any, horizon: Any, symbol: Any = None) -> Split:
    """Rows that are their own number, at given stamps, with labels decided a horizon later."""
    time = np.asarray(time, dtype="datetime64[ns]")
    X = np.arange(time.size, dtype=np.float64)[:, None]
    y = (np.arange(time.size) % 2).astype(np.int8)
    return Split(X, y, time=time, label_end=time + horizon, symbol=symbol)


def daily(n: int, horizon: int = 3) -> Split:
    return rows_at(START + np.arange(n) * DAY, horizon * DAY)


def panel(n: int) -> Split:
    """Three symbols, stacked; the last one begins at half time."""
    spans = {"A": (0, n), "B": (0, n), "C": (n // 2, n)}
    time = np.concatenate([START + np.arange(a, b) * DAY for a, b in spans.values()])
    symbol = np.concatenate([np.full(b - a, name) for name, (a, b) in spans.items()])
    return rows_at(time, 3 * DAY, symbol)


def hourly_with_gaps() -> Split:
    """Trading hours of weekdays."""
    hours = START + np.arange(24 * 120) * HOUR
    of_day = (hours - hours.astype("datetime64[D]")) // HOUR
    weekday = (hours.astype("datetime64[D]").astype(int) + 3) % 7
    return rows_at(hours[(of_day >= 14) & (of_day < 21) & (weekday < 5)], 5 * HOUR)


def require_sound(train: Split, asked: OutOfFold) -> None:
    """Every promise of the folds, by the rows themselves and by the proofs."""
    folds = forward_folds(train, asked)
    assert train.time is not None
    assert train.label_end is not None
    gap = np.timedelta64(asked.embargo)
    moments = np.unique(train.time)
    assert len(folds) == asked.n_folds
    for fold in folds:
        fitted_end = train.label_end[fold.train].max()
        stopping_from = train.time[fold.stopping].min()
        stopping_end = train.label_end[fold.stopping].max()
        scored_from = train.time[fold.scored].min()
        assert fitted_end < stopping_from - gap
        assert stopping_end < scored_from - gap
        assert train.time[fold.train].max() < stopping_from
        proof = fold.proof
        assert (proof.n_train, proof.n_stopping, proof.n_scored) == (
            fold.train.size,
            fold.stopping.size,
            fold.scored.size,
        )
        earlier = int((train.time < scored_from).sum())
        assert proof.n_purged == earlier - fold.train.size - fold.stopping.size
        assert (proof.latest_label_end, proof.stopping_from) == (
            stamp_text(fitted_end),
            stamp_text(stopping_from),
        )
        assert (proof.latest_stopping_end, proof.scored_from, proof.scored_until) == (
            stamp_text(stopping_end),
            stamp_text(scored_from),
            stamp_text(train.time[fold.scored].max()),
        )
    for one, following in pairwise(folds):
        assert train.time[one.scored].max() < train.time[following.scored].min()
    scored = np.concatenate([fold.scored for fold in folds])
    assert np.unique(scored).size == scored.size
    first = train.time[folds[0].scored].min()
    np.testing.assert_array_equal(np.sort(scored), np.flatnonzero(train.time >= first))
    share = (moments < first).mean()
    assert share == pytest.approx(1 / (asked.n_folds + 1), abs=1 / moments.size)


@pytest.mark.parametrize(
    "train", [daily(300), panel(200), hourly_with_gaps()], ids=["daily", "panel", "hourly"]
)
@pytest.mark.parametrize("embargo", [timedelta(0), timedelta(days=2)], ids=str)
def test_folds_are_purged_embargoed_and_proven(train: Split, embargo: timedelta) -> None:
    require_sound(train, OutOfFold(n_folds=4, embargo=embargo))


@LAW
@given(
    st.integers(60, 400),
    st.integers(1, 6),
    st.integers(0, 8),
    st.integers(0, 6),
    st.floats(0.05, 0.45),
    st.randoms(use_true_random=False),
)
def test_no_label_ever_reaches_what_is_stopped_on_or_scored(
    n: int, n_folds: int, horizon: int, embargo: int, share: float, random: Any
) -> None:
    steps = np.array([random.choice([1, 1, 1, 3, 10]) for _ in range(n)])
    long = np.array([random.randint(0, horizon) for _ in range(n)])
    train = rows_at(START + np.cumsum(steps) * HOUR, long * HOUR)
    asked = OutOfFold(n_folds, timedelta(hours=embargo), share)
    with suppress(InputError):  # history_too_short, which has its own tests
        require_sound(train, asked)


def test_only_labels_that_reach_too_far_are_purged() -> None:
    """Three days to decide a label: of 60 days before a scored stretch, the last three go."""
    (fold,) = forward_folds(daily(120), OutOfFold(n_folds=1))
    np.testing.assert_array_equal(fold.scored, np.arange(60, 120))
    np.testing.assert_array_equal(fold.stopping, np.arange(48, 57))
    np.testing.assert_array_equal(fold.train, np.arange(45))
    assert fold.proof.n_purged == 6
    (wider,) = forward_folds(daily(120), OutOfFold(n_folds=1, embargo=timedelta(days=2)))
    np.testing.assert_array_equal(wider.stopping, np.arange(48, 55))
    np.testing.assert_array_equal(wider.train, np.arange(43))


def test_rows_of_one_stamp_are_scored_together() -> None:
    train = panel(200)
    assert train.time is not None
    for fold in forward_folds(train, OutOfFold()):
        inside = np.isin(train.time, train.time[fold.scored])
        np.testing.assert_array_equal(np.flatnonzero(inside), fold.scored)


def test_folds_need_time() -> None:
    with pytest.raises(InputError, match=r"policy\.out_of_fold") as caught:
        forward_folds(Split(np.zeros((50, 1)), np.arange(50) % 2), OutOfFold())
    assert caught.value.code == "time_missing"


def test_the_least_share_stops_on_the_last_stamp() -> None:
    (fold,) = forward_folds(daily(120, horizon=0), OutOfFold(1, stopping_share=1e-17))
    assert fold.stopping.tolist() == [59]


@pytest.mark.parametrize(
    ("train", "asked"),
    [
        (daily(14), OutOfFold(n_folds=4)),
        (daily(60, horizon=20), OutOfFold(n_folds=4)),
        (daily(60), OutOfFold(n_folds=4, embargo=timedelta(days=30))),
    ],
    ids=["too few stamps", "labels too long", "embargo too long"],
)
def test_a_history_too_short_to_fold_is_refused_with_what_to_do(
    train: Split, asked: OutOfFold
) -> None:
    with pytest.raises(InputError, match=r"OutOfFold\.n_folds") as caught:
        forward_folds(train, asked)
    assert caught.value.code == "history_too_short"


# --- the rows that are not fitted on --------------------------------------------------------


def in_parts(train: Split, val: Split) -> Datasets:
    after = np.datetime64("2024-01-01", "ns") + np.arange(20) * DAY
    test = rows_at(after, DAY)
    if val.time is None:
        train, test = Split(train.X, train.y), Split(test.X, test.y)
    return Datasets.from_arrays(train, val, test, feature_names=["row"])


def late(n: int, horizon: int = 3) -> Split:
    """Validation, after the training rows."""
    first = np.datetime64("2021-06-01T00:00", "ns")
    return rows_at(first + np.arange(n) * HOUR, horizon * HOUR)


ASKED = Calibration("sigmoid", min_rows=100, min_per_class=10)


def test_validation_is_divided_in_order_and_purged() -> None:
    datasets = in_parts(daily(300), late(1000))
    found = divide_holdout(datasets, ASKED, ())
    assert (found.source, found.refused) == ("validation", None)
    assert found.split_of(datasets) is datasets.val
    assert found.stopping is not None
    assert found.calibration is not None
    np.testing.assert_array_equal(found.stopping, np.arange(397))
    np.testing.assert_array_equal(found.calibration, np.arange(400, 697))
    np.testing.assert_array_equal(found.theta, np.arange(700, 1000))


def test_out_of_fold_rows_are_halved_and_validation_stops_the_boosting() -> None:
    datasets = in_parts(panel(300), late(100))
    train = datasets.train
    folds = forward_folds(train, OutOfFold())
    found = divide_holdout(datasets, ASKED, folds)
    assert (found.source, found.stopping, found.refused) == ("out_of_fold", None, None)
    assert found.split_of(datasets) is train
    assert found.calibration is not None
    assert train.time is not None
    assert train.label_end is not None
    assert train.label_end[found.calibration].max() < train.time[found.theta].min()
    assert not np.intersect1d(found.calibration, found.theta).size
    scored = np.concatenate([fold.scored for fold in folds])
    assert np.isin(np.concatenate([found.calibration, found.theta]), scored).all()


@pytest.mark.parametrize("folded", [True, False])
def test_without_a_calibration_every_row_decides_theta(folded: bool) -> None:
    datasets = in_parts(daily(300), late(100))
    folds = forward_folds(datasets.train, OutOfFold()) if folded else ()
    found = divide_holdout(datasets, None, folds)
    assert (found.calibration, found.stopping, found.refused) == (None, None, None)
    assert found.theta.tolist() == list(range(60, 300) if folded else range(100))


@pytest.mark.parametrize("n", [332, 345])
def test_below_the_floor_nothing_is_divided(n: int) -> None:
    """Of 345 rows, three tenths less three purged are just 100."""
    found = divide_holdout(in_parts(daily(300), late(n)), ASKED, ())
    if n == 345:
        assert found.refused is None
        assert found.calibration is not None
        assert found.calibration.size >= 100
        return
    assert found.refused == "too_few_rows"
    assert (found.calibration, found.stopping) == (None, None)
    np.testing.assert_array_equal(found.theta, np.arange(n))


@pytest.mark.parametrize(
    "blank", [slice(0, 400), slice(400, 700), slice(700, None)], ids=["stop", "calibrate", "theta"]
)
def test_a_part_without_one_class_refuses_the_division(blank: slice) -> None:
    val = late(1000)
    y = val.y.copy()
    y[blank] = 0
    changed = Split(val.X, y, time=val.time, label_end=val.label_end)
    found = divide_holdout(in_parts(daily(300), changed), ASKED, ())
    assert found.refused == "too_few_of_a_class"
    assert found.theta.size == 1000


def test_without_time_rows_are_taken_in_their_order() -> None:
    val = Split(np.zeros((1000, 1)), np.arange(1000) % 2)
    found = divide_holdout(in_parts(daily(300), val), ASKED, ())
    assert found.stopping is not None
    assert found.calibration is not None
    assert [found.stopping.size, found.calibration.size, found.theta.size] == [400, 300, 300]
    assert found.stopping[-1] < found.calibration[0] <= found.calibration[-1] < found.theta[0]


def test_the_folds_embargo_lies_between_calibration_and_theta_too() -> None:
    """Three days to decide a label, and two of embargo: five rows belong to nobody."""
    datasets = in_parts(daily(300), late(100))
    asked = OutOfFold(embargo=timedelta(days=2))
    folds = forward_folds(datasets.train, asked)
    policy = TrainingPolicy(calibration=ASKED, out_of_fold=asked)
    found = holdout(datasets, policy, folds)
    assert found.calibration is not None
    np.testing.assert_array_equal(found.calibration, np.arange(60, 175))
    np.testing.assert_array_equal(found.theta, np.arange(180, 300))


@LAW
@given(
    st.integers(1, 60),
    st.integers(0, 5),
    st.integers(0, 4),
    st.lists(st.floats(0.05, 0.4), min_size=2, max_size=3),
)
def test_parts_in_time_are_disjoint_and_no_label_reaches_the_next(
    n: int, horizon: int, embargo: int, shares: list[float]
) -> None:
    split = panel(2 * n)
    assert split.time is not None
    split = rows_at(split.time, horizon * DAY, split.symbol)
    assert split.time is not None
    assert split.label_end is not None
    whole = tuple(share / sum(shares) for share in shares)
    parts = in_time(split, np.arange(len(split)), whole, timedelta(days=embargo))
    rows = np.concatenate(parts)
    assert np.unique(rows).size == rows.size
    filled = [part for part in parts if part.size]
    for one, following in pairwise(filled):
        assert split.label_end[one].max() + embargo * DAY < split.time[following].min()


# --- taking rows ----------------------------------------------------------------------------


def full(n: int) -> Split:
    time = START + np.arange(n) * DAY
    rng = np.random.default_rng(0)
    return Split(
        rng.normal(size=(n, 3)),
        np.arange(n) % 2,
        time=time,
        label_end=time + DAY,
        returns=rng.normal(size=n),
        weight=rng.uniform(1, 2, n),
        symbol=np.full(n, "ES"),
    )


FIELDS = ("X", "y", "time", "label_end", "returns", "weight", "symbol")


def test_rows_that_follow_one_another_are_taken_without_a_copy() -> None:
    split = full(50)
    taken = split.take(np.arange(10, 30))
    for name in FIELDS:
        whole, part = getattr(split, name), getattr(taken, name)
        np.testing.assert_array_equal(part, whole[10:30])
        if name != "symbol":
            assert np.shares_memory(whole, part), name


@LAW
@given(st.lists(st.integers(0, 49), min_size=1, max_size=50, unique=True).map(sorted))
def test_taking_rows_equals_fancy_indexing(rows: list[int]) -> None:
    split = full(50)
    taken = split.take(np.array(rows))
    for name in FIELDS:
        np.testing.assert_array_equal(getattr(taken, name), getattr(split, name)[rows])


def test_rows_by_fold_of_a_panel_are_not_taken_for_a_run() -> None:
    """First and last lie as far apart as the count of rows says, and yet they are no run."""
    split = panel(20)
    rows = np.array([1, 2, 20, 21, 3, 6])
    np.testing.assert_array_equal(split.take(rows).X[:, 0], rows)
