"""The calendar's laws: windows adjoin, never overlap, and end with the data."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cvn_harness_core.errors import InputError
from cvn_orchestrator.splits.walk_forward import Fold, walk_forward

DAY = timedelta(days=1)

moments = st.datetimes(datetime(1980, 1, 1), datetime(2030, 1, 1))
windows = st.fixed_dictionaries(
    {
        "n_folds": st.integers(1, 12),
        "val_days": st.integers(1, 400),
        "test_days": st.integers(1, 400),
    }
)


def test_a_small_calendar_reads_as_expected() -> None:
    folds = walk_forward(date(2020, 1, 1), date(2020, 12, 31), n_folds=2, val_days=30, test_days=61)
    start = date(2020, 1, 1)
    assert folds == (
        Fold(1, start, date(2020, 8, 2), date(2020, 9, 1), date(2020, 11, 1)),
        Fold(2, start, date(2020, 10, 2), date(2020, 11, 1), date(2021, 1, 1)),
    )


@given(moments, st.timedeltas(timedelta(), 8000 * DAY), windows)
def test_folds_obey_their_laws_or_are_refused(
    first: datetime, length: timedelta, sizes: dict[str, int]
) -> None:
    last = first + length
    midnight = datetime.combine(last + DAY, time())
    if midnight - first <= (sizes["val_days"] + sizes["n_folds"] * sizes["test_days"]) * DAY:
        with pytest.raises(InputError) as caught:
            walk_forward(first, last, **sizes)
        assert caught.value.code == "history_too_short"
        return

    folds = walk_forward(first, last, **sizes)
    val, test = sizes["val_days"] * DAY, sizes["test_days"] * DAY
    assert [fold.number for fold in folds] == list(range(1, sizes["n_folds"] + 1))
    for fold in folds:
        assert first == fold.train_from < fold.val_from < fold.test_from < fold.test_until
        assert fold.test_from - fold.val_from == val
        assert fold.test_until - fold.test_from == test
    for earlier, later in pairwise(folds):
        assert earlier.test_until == later.test_from
        assert earlier.val_from < later.val_from
    assert last < folds[-1].test_until == midnight


@given(moments, st.integers(0, 3000), windows)
def test_each_day_is_tested_at_most_once_and_never_by_a_fold_that_saw_it(
    first: datetime, length: int, sizes: dict[str, int]
) -> None:
    days = [first.date() + index * DAY for index in range(length + 1)]
    try:
        folds = walk_forward(days[0], days[-1], **sizes)
    except InputError:
        return
    tested: list[date] = []
    for fold in folds:
        train = [day for day in days if fold.train_from <= day < fold.val_from]
        val = [day for day in days if fold.val_from <= day < fold.test_from]
        test = [day for day in days if fold.test_from <= day < fold.test_until]
        assert train
        assert len(val) == sizes["val_days"]
        assert len(test) == sizes["test_days"]
        assert max(train) < min(val) <= max(val) < min(test)
        tested += test
    assert tested == days[-len(tested) :]


@given(moments, st.timedeltas(timedelta(), 2000 * DAY), windows)
def test_the_advice_of_a_refusal_holds(
    first: datetime, length: timedelta, sizes: dict[str, int]
) -> None:
    try:
        walk_forward(first, first + length, **sizes)
    except InputError as error:
        room = int(str(error).split("at most ")[1].split(" ")[0])
        assert room < sizes["n_folds"]
        with pytest.raises(InputError):
            walk_forward(first, first + length, **sizes | {"n_folds": room + 1})
        if room:
            assert len(walk_forward(first, first + length, **sizes | {"n_folds": room})) == room


def test_one_day_more_than_is_held_out_is_enough() -> None:
    first = date(2020, 1, 1)
    enough = walk_forward(first, first + 40 * DAY, n_folds=3, val_days=10, test_days=10)
    assert enough[0].val_from == first + DAY
    with pytest.raises(InputError, match="at most 2 would fit") as caught:
        walk_forward(first, first + 39 * DAY, n_folds=3, val_days=10, test_days=10)
    assert caught.value.code == "history_too_short"


def test_an_empty_history_is_too_short() -> None:
    with pytest.raises(InputError, match="at most 0 would fit") as caught:
        walk_forward(date(2020, 1, 2), date(2020, 1, 1), n_folds=1, val_days=1, test_days=1)
    assert caught.value.code == "history_too_short"


def test_another_hour_of_the_same_day_moves_no_boundary() -> None:
    first, day = datetime(2020, 1, 1, 7), datetime(2021, 6, 1)
    calendars = {
        walk_forward(first, day + timedelta(hours=hour), n_folds=4, val_days=30, test_days=45)
        for hour in range(24)
    }
    assert len(calendars) == 1
    assert next(iter(calendars))[-1].test_until == datetime(2021, 6, 2)


def test_a_time_zone_keeps_its_own_midnight_across_a_change_of_clocks() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    first, last = datetime(2023, 1, 1, tzinfo=berlin), datetime(2023, 12, 1, 15, tzinfo=berlin)
    folds = walk_forward(first, last, n_folds=3, val_days=20, test_days=60)
    for fold in folds:
        for boundary in (fold.val_from, fold.test_from, fold.test_until):
            assert boundary.tzinfo is berlin
            assert boundary.hour == boundary.minute == 0


@pytest.mark.parametrize("name", ["n_folds", "val_days", "test_days"])
@pytest.mark.parametrize("value", [0, -3])
def test_a_count_below_one_is_refused_by_name(name: str, value: int) -> None:
    sizes = {"n_folds": 1, "val_days": 1, "test_days": 1} | {name: value}
    with pytest.raises(InputError, match=f"{name}={value}") as caught:
        walk_forward(date(2020, 1, 1), date(2021, 1, 1), **sizes)
    assert caught.value.code == "setting_invalid"


def test_lengths_beyond_the_calendar_are_refused_like_any_other() -> None:
    with pytest.raises(InputError) as caught:
        walk_forward(date(2020, 1, 1), date(2021, 1, 1), n_folds=10**6, val_days=1, test_days=10**6)
    assert caught.value.code == "history_too_short"


def test_a_fold_cannot_be_altered() -> None:
    fold = walk_forward(date(2020, 1, 1), date(2021, 1, 1), n_folds=1, val_days=9, test_days=9)[0]
    with pytest.raises(FrozenInstanceError):
        fold.number = 2  # type: ignore[misc]
