"""The laws of purging: no labels overlap, the embargo is kept, no row is lost without a reason."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cvn_harness_core import Datasets, InputError, Split
from cvn_orchestrator.errors import SplitsError
from cvn_orchestrator.splits.combinatorial import combinatorial, paths
from cvn_orchestrator.splits.leaks import leaks, require_no_leak
from cvn_orchestrator.splits.rows import FoldRows, assign
from cvn_orchestrator.splits.walk_forward import walk_forward
from cvn_orchestrator.splits.windows import PARTS, FoldWindows, windows_of

FIRST = datetime(2020, 1, 1)
HOUR = np.timedelta64(1, "h")


@st.composite
def histories(draw: st.DrawFn) -> Split:
    """Rows at irregular hours, each with a label of its own length, which need not end in order."""
    n = draw(st.integers(60, 200))
    seed = draw(st.integers(0, 2**32 - 1))
    longest = draw(st.sampled_from([0, 5, 24, 24 * 20]))
    rng = np.random.default_rng(seed)
    hours = np.cumsum(rng.integers(1, 48, n))
    time = np.datetime64(FIRST, "ns") + hours * HOUR
    ends = time + rng.integers(0, longest + 1, n) * HOUR
    y = rng.integers(0, 2, n)
    X = rng.normal(size=(n, 2))
    return Split(X, y, time=time, label_end=ends)


embargoes = st.sampled_from([0, 1, 30, 24 * 7]).map(lambda hours: timedelta(hours=hours))


def history(rows: Split) -> tuple[datetime, datetime]:
    assert rows.time is not None
    first, last = (moment.astype("datetime64[us]").item() for moment in rows.time[[0, -1]])
    return first, last


def forward(rows: Split, **sizes: int) -> tuple[FoldWindows, ...]:
    try:
        return tuple(map(windows_of, walk_forward(*history(rows), **sizes)))
    except InputError:
        return ()


def apart(rows: Split, one: np.ndarray, other: np.ndarray, gap: np.timedelta64) -> bool:
    """Compare every label with every other, as slowly and plainly as can be."""
    assert rows.time is not None
    assert rows.label_end is not None
    starts, ends = rows.time[:, None], rows.label_end[:, None]
    before = ends[one] + gap < rows.time[other]
    after = rows.label_end[other] + gap < starts[one]
    return bool((before | after).all())


def check_laws(rows: Split, fold: FoldRows, embargo: timedelta) -> None:
    gap = np.timedelta64(embargo)
    for one, other in (("train", "val"), ("train", "test"), ("val", "test")):
        assert apart(rows, fold.part(one), fold.part(other), gap)
    kept = np.concatenate([fold.part(name) for name in PARTS])
    assert len(set(kept)) == len(kept)
    for name in PARTS:
        part = fold.part(name)
        assert (np.diff(part) > 0).all()
        inside = sum(
            np.count_nonzero(
                (rows.time >= np.datetime64(window.start))
                & (rows.time < np.datetime64(window.until))
            )
            for window in fold.fold.part(name)
        )
        assert inside == part.size + fold.purged[name] + fold.embargoed[name]
    assert fold.purged["test"] == fold.embargoed["test"] == 0
    assert leaks("A", rows, fold, embargo) == ()


sizes = st.fixed_dictionaries(
    {
        "n_folds": st.integers(1, 4),
        "val_days": st.integers(1, 40),
        "test_days": st.integers(1, 40),
    },
    optional={"train_days": st.integers(1, 60)},
)


@settings(max_examples=60, deadline=None)
@given(histories(), sizes, embargoes)
def test_a_walk_forward_keeps_labels_apart_and_tests_each_row_once(
    rows: Split, sizes: dict[str, int], embargo: timedelta
) -> None:
    tested: list[int] = []
    folds = forward(rows, **sizes)
    for window in folds:
        assert window.forward
        fold = assign(rows, window, embargo)
        check_laws(rows, fold, embargo)
        tested += fold.test.tolist()
    if folds:
        n = rows.X.shape[0]
        assert tested == list(range(n - len(tested), n))
        assert rows.time is not None
        assert not tested or rows.time[tested[0]] >= np.datetime64(folds[0].test[0].start)


@settings(max_examples=60, deadline=None)
@given(histories(), st.integers(3, 7), st.integers(1, 3), embargoes)
def test_combinatorial_folds_keep_labels_apart_on_both_sides(
    rows: Split, n_groups: int, n_test_groups: int, embargo: timedelta
) -> None:
    if n_groups - n_test_groups < 2:
        return
    folds = combinatorial(*history(rows), n_groups=n_groups, n_test_groups=n_test_groups)
    assert len(folds) == math.comb(n_groups, n_test_groups)
    n_paths = math.comb(n_groups - 1, n_test_groups - 1)
    tested = np.zeros(rows.X.shape[0], dtype=int)
    for window in folds:
        fold = assign(rows, window, embargo)
        check_laws(rows, fold, embargo)
        tested[fold.test] += 1
    assert (tested == n_paths).all()


@given(st.integers(3, 9), st.integers(1, 4))
def test_each_path_tests_every_group_once_and_no_score_is_used_twice(n: int, k: int) -> None:
    if n - k < 2:
        return
    found = paths(n, k)
    assert len(found) == math.comb(n - 1, k - 1)
    used = [(fold, group) for path in found for group, fold in enumerate(path)]
    assert len(used) == len(set(used)) == n * len(found)
    first, last = FIRST, FIRST + timedelta(days=n - 1)  # a day a group
    folds = combinatorial(first, last, n_groups=n, n_test_groups=k)
    for fold, group in used:
        day = first + timedelta(days=group)
        assert any(w.start <= day < w.until for w in folds[fold - 1].test)


def test_validation_comes_right_before_what_is_tested_or_from_the_end() -> None:
    folds = combinatorial(FIRST, FIRST + timedelta(days=4), n_groups=5, n_test_groups=2)
    days = [
        [(w.start - FIRST).days for w in fold.val] + [(fold.test[0].start - FIRST).days]
        for fold in folds
    ]
    assert days == [
        [4, 0], [4, 0], [4, 0], [3, 0], [0, 1], [0, 1], [0, 1], [1, 2], [1, 2], [2, 3]
    ]  # fmt: skip
    assert folds[-1].forward
    assert [fold.number for fold in folds if fold.forward] == [10]


@pytest.mark.parametrize(("n_groups", "n_test_groups"), [(3, 2), (2, 1), (4, 0), (40, 10)])
def test_groups_that_cannot_be_are_refused(n_groups: int, n_test_groups: int) -> None:
    with pytest.raises(InputError) as caught:
        combinatorial(
            FIRST, FIRST + timedelta(days=99), n_groups=n_groups, n_test_groups=n_test_groups
        )
    assert caught.value.code == "setting_invalid"


def test_fewer_days_than_groups_are_too_short_a_history() -> None:
    with pytest.raises(InputError, match="6 groups need as many days") as caught:
        combinatorial(FIRST, FIRST + timedelta(days=3), n_groups=6, n_test_groups=2)
    assert caught.value.code == "history_too_short"


@settings(max_examples=30, deadline=None)
@given(histories(), embargoes)
def test_a_walk_forward_has_the_rows_that_from_frame_would_give(
    rows: Split, embargo: timedelta
) -> None:
    frame = pl.DataFrame(
        {"a": rows.X[:, 0], "b": rows.X[:, 1], "y": rows.y, "t": rows.time, "e": rows.label_end}
    )
    for window in forward(rows, n_folds=2, val_days=15, test_days=10):
        fold = assign(rows, window, embargo)
        try:
            expected = Datasets.from_frame(
                frame,
                label="y",
                time="t",
                label_end="e",
                train_from=window.train[0].start,
                val_from=window.val[0].start,
                test_from=window.test[0].start,
                test_until=window.test[0].until,
                embargo=embargo,
            )
        except InputError:  # a part is empty, or has one class
            continue
        found = Datasets(*(rows.take(fold.part(name)) for name in PARTS), feature_names=("a", "b"))
        assert found.content() == expected.content()


def steady(n: int = 300, length: int = 5) -> Split:
    rng = np.random.default_rng(1)
    time = np.datetime64(FIRST, "ns") + np.arange(n) * np.timedelta64(1, "D")
    ends = time + length * np.timedelta64(1, "D")
    return Split(rng.normal(size=(n, 3)), np.arange(n) % 2, time=time, label_end=ends)


def test_parts_are_views_where_labels_end_in_order() -> None:
    rows = steady()
    for window in forward(rows, n_folds=2, val_days=50, test_days=40):
        fold = assign(rows, window, timedelta(days=3))
        assert fold.purged["train"] == 5
        assert fold.embargoed["train"] == 3
        for name in PARTS:
            assert np.shares_memory(rows.take(fold.part(name)).X, rows.X)


def test_rolling_folds_train_on_windows_of_one_length() -> None:
    rows = steady()
    folds = forward(rows, n_folds=3, val_days=30, test_days=20, train_days=100)
    for window in folds:
        assert window.train[0].until - window.train[0].start == timedelta(days=100)
        assert assign(rows, window, timedelta(0)).train.size == 100 - 5
    for earlier, later in pairwise(folds):
        assert later.train[0].start - earlier.train[0].start == timedelta(days=20)


def test_rolling_folds_longer_than_the_history_are_refused_with_advice_that_holds() -> None:
    sizes = {"val_days": 30, "test_days": 20, "train_days": 200}
    with pytest.raises(InputError, match=r"less than 200 days .*at most 3 would fit") as caught:
        walk_forward(FIRST, FIRST + timedelta(days=299), n_folds=4, **sizes)
    assert caught.value.code == "history_too_short"
    assert len(walk_forward(FIRST, FIRST + timedelta(days=299), n_folds=3, **sizes)) == 3


def test_a_leak_is_refused_with_the_first_rows_and_their_stamps() -> None:
    rows = steady()
    (window,) = forward(rows, n_folds=1, val_days=50, test_days=40)
    fold = assign(rows, window, timedelta(0), purge=False)
    with pytest.raises(SplitsError) as caught:
        require_no_leak("ES", rows, fold, timedelta(days=3))
    assert caught.value.code == "splits_leak"
    assert caught.value.faults[0] == (
        "ES, fold 1: 8 rows of train overlapping val, or within the embargo of it: "
        "202 (2020-07-21 to 2020-07-26), 203 (2020-07-22 to 2020-07-27), "
        "204 (2020-07-23 to 2020-07-28), 205 (2020-07-24 to 2020-07-29), "
        "206 (2020-07-25 to 2020-07-30), ..."
    )
    assert [text.split(":")[1][:18] for text in caught.value.faults[1:]] == [" 8 rows of val ove"]
    require_no_leak("ES", rows, assign(rows, window, timedelta(days=3)), timedelta(days=3))


@pytest.mark.parametrize("name", ["train", "val"])
def test_one_row_too_many_is_found(name: str) -> None:
    """The check knows nothing of the windows: a row put back by hand is a leak again."""
    rows = steady()
    (window,) = forward(rows, n_folds=1, val_days=50, test_days=40)
    fold = assign(rows, window, timedelta(days=3))
    back = fold.part(name)[-1] + 1
    worse = replace(fold, **{name: np.append(fold.part(name), back)})
    (leak,) = leaks("ES", rows, worse, timedelta(days=3))
    assert (leak.part, leak.n_rows, leak.rows) == (name, 1, (back,))
    assert leaks("ES", rows, worse, timedelta(days=2)) == ()


def test_a_row_of_two_parts_is_a_leak_where_no_label_end_is_known() -> None:
    whole = steady()
    rows = Split(whole.X, whole.y, time=whole.time)
    (window,) = forward(rows, n_folds=1, val_days=50, test_days=40)
    fold = assign(rows, window, timedelta(0))
    assert fold.purged == {"train": 0, "val": 0, "test": 0}
    assert leaks("ES", rows, fold, timedelta(0)) == ()
    worse = replace(fold, train=np.append(fold.train, fold.test[3]))
    assert [(leak.of, leak.rows) for leak in leaks("ES", rows, worse, timedelta(0))] == [
        ("test", (int(fold.test[3]),))
    ]


def test_rows_without_time_cannot_be_laid() -> None:
    rows = Split(np.zeros((3, 1)), np.array([0, 1, 0]))
    (window,) = forward(steady(), n_folds=1, val_days=50, test_days=40)
    with pytest.raises(InputError) as caught:
        assign(rows, window, timedelta(0))
    assert caught.value.code == "time_missing"
