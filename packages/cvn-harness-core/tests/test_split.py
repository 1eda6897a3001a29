"""A split is refused, by name and code, for everything that would train to nonsense."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cvn_harness_core import InputError, MulticlassError, Split

Part = dict[str, Any]
Parts = dict[str, Part]
Train = Callable[[Parts], Any]
Refused = Callable[..., AbstractContextManager[Any]]


def with_value(name: str, value: object, row: int = 5) -> Callable[[Part], Part]:
    """Replace one value of an array, which becomes float64 unless it is of time or text."""

    def change(part: Part) -> Part:
        array = part[name].astype(float) if part[name].dtype.kind in "iuf" else part[name].copy()
        array[row] = value
        return {name: array}

    return change


def with_array(name: str, make: Callable[[np.ndarray], object]) -> Callable[[Part], Part]:
    return lambda part: {name: make(part[name])}


FAULTS = {
    "a label is NaN": ("labels_not_finite", with_value("y", np.nan)),
    "a label is infinite": ("labels_not_finite", with_value("y", np.inf)),
    "a label is 2 and none is 1": ("labels_not_binary", with_array("y", lambda y: y * 2)),
    "a label is -1": ("labels_not_binary", with_array("y", lambda y: 2 * y - 1)),
    "a label is a fraction": ("labels_not_binary", with_value("y", 0.5)),
    "labels are text": ("labels_not_binary", with_array("y", lambda y: y.astype(str))),
    "labels are objects": ("labels_not_binary", with_array("y", lambda y: y.astype(object))),
    "labels are a column": ("length_mismatch", with_array("y", lambda y: y[:, None])),
    "labels are too few": ("length_mismatch", with_array("y", lambda y: y[:-1])),
    "times are too few": ("length_mismatch", with_array("time", lambda t: t[:-1])),
    "label ends are too many": (
        "length_mismatch",
        with_array("label_end", lambda t: np.append(t, t[-1])),
    ),
    "returns are too few": ("length_mismatch", with_array("returns", lambda r: r[:-1])),
    "weights are too few": ("length_mismatch", with_array("weight", lambda w: w[1:])),
    "symbols are too few": ("length_mismatch", with_array("symbol", lambda s: s[1:])),
    "X is a vector": ("shape_invalid", with_array("X", lambda X: X[:, 0])),
    "X is a cube": ("shape_invalid", with_array("X", lambda X: X[:, :, None])),
    "X is infinite": ("features_infinite", with_value("X", np.inf)),
    "X is minus infinite": ("features_infinite", with_value("X", -np.inf, row=-1)),
    "X holds objects": ("features_not_numeric", with_array("X", lambda X: X.astype(object))),
    "X holds text": ("features_not_numeric", with_array("X", lambda X: X.astype(str))),
    "X is complex": ("features_not_numeric", with_array("X", lambda X: X + 0j)),
    "X holds stamps": ("features_not_numeric", with_array("X", lambda X: X.astype("M8[s]"))),
    "time goes back": (
        "time_unsorted",
        with_array("time", lambda t: np.concatenate([t[:4], t[[5, 4]], t[6:]])),
    ),
    "time repeats": ("time_duplicate", with_array("time", lambda t: np.append(t[:1], t[:-1]))),
    "time has a hole": ("time_missing", with_value("time", np.datetime64("NaT"))),
    "a label end is missing": ("time_missing", with_value("label_end", np.datetime64("NaT"))),
    "label ends without time": ("time_missing", lambda _: {"time": None}),
    "time is text": ("time_invalid", with_array("time", lambda t: t.astype(str))),
    "time is a number": ("time_invalid", with_array("time", lambda t: t.astype(float))),
    "time has a time zone": (
        "time_invalid",
        with_array("time", lambda t: pd.Series(t).dt.tz_localize("Europe/Berlin")),
    ),
    "label ends have a time zone": (
        "time_invalid",
        with_array("label_end", lambda t: pd.Series(t).dt.tz_localize("UTC")),
    ),
    "a label ends before its time": (
        "label_end_before_time",
        with_array("label_end", lambda t: t - np.timedelta64(4, "D")),
    ),
    "a weight is NaN": ("weights_invalid", with_value("weight", np.nan)),
    "a weight is infinite": ("weights_invalid", with_value("weight", np.inf)),
    "a weight is negative": ("weights_invalid", with_value("weight", -1e-9)),
    "all weights are zero": ("weights_invalid", with_array("weight", np.zeros_like)),
    "weights are text": ("weights_invalid", with_array("weight", lambda w: w.astype(str))),
    "a return is NaN": ("returns_not_finite", with_value("returns", np.nan)),
    "a return is infinite": ("returns_not_finite", with_value("returns", -np.inf)),
    "returns are text": ("returns_not_finite", with_array("returns", lambda r: r.astype(str))),
}


@pytest.mark.parametrize("where", ["train", "val", "test"])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_faulty_split_is_refused_before_any_training(
    fault: str, where: str, parts: Parts, train: Train, refused: Refused
) -> None:
    code, change = FAULTS[fault]
    parts[where] |= change(parts[where])
    with refused(InputError, code, match=f"^{where}: "):
        train(parts)


@pytest.mark.parametrize("where", ["train", "val", "test"])
def test_no_rows_are_refused(where: str, parts: Parts, train: Train, refused: Refused) -> None:
    parts[where] = {name: array[:0] for name, array in parts[where].items()}
    with refused(InputError, "zero_rows", match=f"^{where}: "):
        train(parts)


@pytest.mark.parametrize("where", ["train", "val", "test"])
@pytest.mark.parametrize("classes", [3, 4])
def test_three_classes_are_not_implemented_and_not_reduced_to_two(
    classes: int, where: str, parts: Parts, train: Train, refused: Refused
) -> None:
    parts[where]["y"] = np.arange(len(parts[where]["y"])) % classes
    with refused(MulticlassError, "multiclass_not_implemented", match=f"{classes} classes") as it:
        train(parts)
    assert isinstance(it.value, NotImplementedError)


def test_the_place_of_an_infinity_is_named_far_into_a_large_matrix() -> None:
    X = np.zeros((300_000, 8), dtype=np.float32)
    X[270_001, 6] = -np.inf
    with pytest.raises(InputError, match="row 270001, column 6"):
        Split(X, np.zeros(len(X)))


def test_the_first_bad_label_is_named() -> None:
    with pytest.raises(InputError, match=r"2 labels .* \(first at row 1\)"):
        Split(np.zeros((4, 1)), [0, np.nan, 1, np.inf])


def test_missing_features_are_allowed() -> None:
    split = Split([[np.nan, 1.0], [2.0, np.nan]], [0, 1])
    assert np.isnan(split.X[0, 0])


def test_a_panel_may_repeat_a_stamp_across_symbols_and_stack_them() -> None:
    stamps = np.array(["2024-01-01", "2024-01-02", "2024-01-03"], dtype="datetime64[D]")
    X, y = np.zeros((6, 1)), [0, 1, 0, 1, 0, 1]
    interleaved = Split(X, y, time=np.repeat(stamps, 2), symbol=["NQ", "ES"] * 3)
    stacked = Split(X, y, time=np.tile(stamps, 2), symbol=["NQ"] * 3 + ["ES"] * 3)
    assert len(interleaved) == len(stacked) == 6


@pytest.mark.parametrize(
    ("days", "code"),
    [([1, 1, 2, 2, 2, 3], "time_duplicate"), ([1, 2, 3, 1, 3, 2], "time_unsorted")],
)
def test_within_a_symbol_time_must_increase(
    days: list[int], code: str, parts: Parts, train: Train, refused: Refused
) -> None:
    parts["train"] = {
        "X": np.zeros((6, 4)),
        "y": [0, 1, 0, 1, 0, 1],
        "time": np.array(days, dtype="datetime64[D]"),
        "symbol": ["ES", "NQ", "ES", "NQ", "NQ", "NQ"],
    }
    with refused(InputError, code, match="time of NQ"):
        train(parts)


@pytest.mark.parametrize("hole", [None, np.nan])
def test_a_missing_symbol_is_refused(hole: object) -> None:
    time = np.array([1, 2, 3], dtype="datetime64[D]")
    symbol = np.array(["ES", hole, "ES"], dtype=object)
    with pytest.raises(InputError, match="symbol"):
        Split(np.zeros((3, 1)), [0, 1, 0], time=time, symbol=symbol)


def test_a_stamp_that_nanoseconds_cannot_hold_is_refused() -> None:
    with pytest.raises(InputError) as caught:
        Split(np.zeros((2, 1)), [0, 1], time=np.array(["0001-01-01", "2024-01-01"], dtype="M8[D]"))
    assert caught.value.code == "time_invalid"


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_contiguous_float_matrix_is_not_copied(dtype: type) -> None:
    X = np.arange(12, dtype=dtype).reshape(4, 3)
    split = Split(X, np.array([0, 1, 0, 1]))
    assert split.X.dtype == dtype
    assert np.shares_memory(split.X, X)


def test_no_other_array_is_copied_without_need(parts: Parts) -> None:
    part = parts["train"]
    split = Split(**part)
    for name, array in part.items():
        if np.asarray(array).dtype.kind not in "MU":  # stamps become nanoseconds, symbols text
            assert np.shares_memory(getattr(split, name), array), name


def test_the_callers_arrays_stay_as_they_were_and_writeable(parts: Parts) -> None:
    part = parts["train"]
    before = {name: array.copy() for name, array in part.items()}
    split = Split(**part)
    for name, array in part.items():
        np.testing.assert_array_equal(array, before[name])
        assert array.flags.writeable
        with pytest.raises(ValueError, match="read-only"):
            getattr(split, name)[...] = getattr(split, name)


@pytest.mark.parametrize(
    "X",
    [
        np.arange(6).reshape(3, 2),
        np.array([[True, False]] * 3),
        np.arange(6, dtype=np.uint8).reshape(3, 2),
        [[1, 2], [3, 4], [5, 6]],
    ],
)
def test_whole_numbers_and_booleans_become_float64(X: object) -> None:
    split = Split(X, [0, 1, 0])
    assert split.X.dtype == np.float64
    np.testing.assert_array_equal(split.X, np.asarray(X, dtype=float))


def test_a_matrix_in_fortran_order_is_made_contiguous() -> None:
    X = np.asfortranarray(np.arange(6.0).reshape(3, 2))
    split = Split(X, [0, 1, 0])
    assert split.X.flags.c_contiguous
    np.testing.assert_array_equal(split.X, X)


@pytest.mark.parametrize("dtype", [bool, np.int8, np.int64, np.uint8, np.float32, np.float64])
def test_labels_of_any_number_type_become_int8(dtype: type) -> None:
    split = Split(np.zeros((4, 1)), np.array([0, 1, 1, 1], dtype=dtype))
    assert split.y.dtype == np.int8
    assert split.y.tolist() == [0, 1, 1, 1]
    assert split.prevalence == 0.75
    assert len(split) == 4
