"""One table in, three splits out: the same from every dataframe library, and without a leak."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cvn_harness_core import Datasets, InputError, Payoff, train_one

Columns = dict[str, list[Any]]
Refused = Callable[..., AbstractContextManager[Any]]

START = datetime(2024, 1, 1)
DAY = timedelta(days=1)
N = 90
ROLES = {
    "label": "buy",
    "time": "when",
    "label_end": "decided",
    "returns": "net",
    "weight": "w",
    "symbol": "ticker",
}
WINDOWS = {"val_from": "2024-02-15", "test_from": "2024-03-10"}
LIBRARIES = {"pandas": pd.DataFrame, "polars": pl.DataFrame, "pyarrow": pa.table}


@pytest.fixture(params=LIBRARIES)
def library(request: pytest.FixtureRequest) -> Callable[[Columns], Any]:
    """Make a table of one library from columns of plain Python values."""
    return LIBRARIES[request.param]


def columns(**changes: list[Any]) -> Columns:
    rng = np.random.default_rng(7)
    momentum = rng.normal(size=N)
    made: Columns = {
        "when": [START + i * DAY for i in range(N)],
        "ticker": ["ES"] * N,
        "momentum": momentum.tolist(),
        "hour": rng.integers(0, 24, N).tolist(),
        "open": (rng.random(N) < 0.5).tolist(),
        "buy": (momentum + rng.normal(size=N) > 0).astype(int).tolist(),
        "decided": [START + (i + 2) * DAY for i in range(N)],
        "net": rng.normal(size=N).tolist(),
        "w": rng.uniform(1, 2, N).tolist(),
    }
    return made | changes


def first_missing(name: str) -> list[Any]:
    return [None, *columns()[name][1:]]


@pytest.fixture
def train(library: Callable[[Columns], Any], models: object) -> Callable[..., Any]:
    def run(table: Columns, **arguments: Any) -> Any:
        given = {**ROLES, **WINDOWS, **arguments}
        return train_one("logreg", Datasets.from_frame(library(table), **given))

    return run


# --- the same from every library ------------------------------------------------------------


def expected(**roles: Any) -> Datasets:
    """The same data by slicing lists: labels that end in the next window are purged."""
    table = columns()
    ends = {"train": datetime(2024, 2, 15), "val": datetime(2024, 3, 10), "test": datetime.max}
    starts = {"train": datetime.min, "val": ends["train"], "test": ends["val"]}
    splits = {}
    for name, end in ends.items():
        rows = [
            i
            for i in range(N)
            if starts[name] <= table["when"][i] < end and table["decided"][i] < end
        ]
        features = [[float(table[c][i]) for c in ("momentum", "hour", "open")] for i in rows]
        splits[name] = {
            "X": np.array(features),
            "y": [table["buy"][i] for i in rows],
            "time": np.array([table["when"][i] for i in rows], dtype="datetime64[us]"),
            "label_end": np.array([table["decided"][i] for i in rows], dtype="datetime64[us]"),
            "returns": [table["net"][i] for i in rows],
            "weight": [table["w"][i] for i in rows],
        }
    return Datasets.from_arrays(**splits, feature_names=["momentum", "hour", "open"], **roles)


def test_a_table_is_the_same_data_as_the_arrays_in_it(
    library: Callable[[Columns], Any],
) -> None:
    settings_ = {"feature_version": "v3", "payoff": Payoff(2, 1), "tags": {"symbol": "ES"}}
    roles = {role: column for role, column in ROLES.items() if role != "symbol"}
    table = {name: values for name, values in columns().items() if name != "ticker"}
    made = Datasets.from_frame(library(table), **roles, **WINDOWS, **settings_)
    wanted = expected(**settings_)
    assert made.feature_names == wanted.feature_names
    for (name, split), (_, other) in zip(made.splits(), wanted.splits(), strict=True):
        for array in ("X", "y", "time", "label_end", "returns", "weight"):
            np.testing.assert_array_equal(
                getattr(split, array), getattr(other, array), err_msg=f"{name}.{array}"
            )
    assert made.digest == wanted.digest
    assert made.tags == {"symbol": "ES"}


def test_every_library_gives_one_digest_with_symbols_and_time_zones() -> None:
    zone = timezone(timedelta(hours=-5))
    tables = [columns(), columns()]
    for name in ("when", "decided"):
        tables[1][name] = [stamp.replace(tzinfo=UTC).astimezone(zone) for stamp in tables[1][name]]
    digests = {
        (library, zoned): Datasets.from_frame(make(table), **ROLES, **WINDOWS).digest
        for library, make in LIBRARIES.items()
        for zoned, table in zip(("naive", "zoned"), tables, strict=True)
    }
    assert len(set(digests.values())) == 1, digests


@pytest.mark.parametrize("make", [pl.DataFrame, pa.table], ids=["polars", "pyarrow"])
def test_dates_are_midnights(make: Callable[[Columns], Any]) -> None:
    days = columns()
    for name in ("when", "decided"):
        days[name] = [stamp.date() for stamp in days[name]]
    dated = Datasets.from_frame(make(days), **ROLES, **WINDOWS)
    stamped = Datasets.from_frame(make(columns()), **ROLES, **WINDOWS)
    for (_, split), (_, other) in zip(stamped.splits(), dated.splits(), strict=True):
        np.testing.assert_array_equal(split.time, other.time)
        np.testing.assert_array_equal(split.label_end, other.label_end)


def test_dates_in_a_pandas_object_column_are_refused(refused: Refused) -> None:
    table = columns(when=[stamp.date() for stamp in columns()["when"]])
    with refused(InputError, "time_invalid"):
        train_one("logreg", Datasets.from_frame(pd.DataFrame(table), **ROLES, **WINDOWS))


def test_single_precision_stays_only_if_every_feature_has_it() -> None:
    frame = pl.DataFrame(columns())
    single = frame.with_columns(pl.col("momentum", "hour").cast(pl.Float32)).drop("open")
    assert Datasets.from_frame(single, **ROLES, **WINDOWS).train.X.dtype == np.float32
    mixed = single.with_columns(pl.col("hour").cast(pl.Float64))
    assert Datasets.from_frame(mixed, **ROLES, **WINDOWS).train.X.dtype == np.float64


def test_a_missing_feature_value_is_nan(library: Callable[[Columns], Any]) -> None:
    table = columns(momentum=first_missing("momentum"), hour=first_missing("hour"))
    X = Datasets.from_frame(library(table), **ROLES, **WINDOWS).train.X
    assert np.isnan(X[0]).tolist() == [True, True, False]
    assert not np.isnan(X[1:]).any()


def test_nullable_pandas_columns_are_numbers() -> None:
    frame = pd.DataFrame(columns())
    frame["momentum"] = frame["momentum"].astype("Float64")
    frame["hour"] = frame["hour"].astype("Int64")
    frame.loc[0, ["momentum", "hour"]] = pd.NA
    X = Datasets.from_frame(frame, **ROLES, **WINDOWS).train.X
    assert np.isnan(X[0]).tolist() == [True, True, False]


def test_features_are_taken_in_the_order_given(library: Callable[[Columns], Any]) -> None:
    table = library(columns())
    made = Datasets.from_frame(table, **ROLES, **WINDOWS, features=["hour", "momentum"])
    assert made.feature_names == ("hour", "momentum")
    np.testing.assert_array_equal(made.train.X[:, 0], columns()["hour"][: len(made.train)])


def test_a_column_may_divide_the_rows(library: Callable[[Columns], Any]) -> None:
    part = ["train"] * 40 + ["val"] * 25 + ["test"] * 25
    table = columns(part=part, decided=columns()["when"])
    made = Datasets.from_frame(library(table), **ROLES, split="part")
    assert [len(split) for _, split in made.splits()] == [40, 25, 25]
    np.testing.assert_array_equal(made.val.returns, table["net"][40:65])
    assert "part" not in made.feature_names


def test_the_table_is_not_changed(library: Callable[[Columns], Any]) -> None:
    table, untouched = library(columns()), library(columns())
    Datasets.from_frame(table, **ROLES, **WINDOWS)
    assert table.equals(untouched)


# --- windows --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "val_from",
    [
        "2024-02-15",
        date(2024, 2, 15),
        datetime(2024, 2, 15),
        np.datetime64("2024-02-15T00:00"),
        pd.Timestamp("2024-02-15"),
        datetime(2024, 2, 15, tzinfo=UTC),
        datetime(2024, 2, 14, 19, tzinfo=timezone(timedelta(hours=-5))),
        pd.Timestamp("2024-02-15", tz="UTC"),
        "2024-02-15T00:00:00Z",
        "2024-02-15T01:00:00+01:00",
    ],
    ids=lambda value: f"{type(value).__name__} {value}",
)
def test_a_boundary_is_one_moment_however_it_is_written(val_from: Any) -> None:
    made = Datasets.from_frame(
        pl.DataFrame(columns()), **ROLES, val_from=val_from, test_from="2024-03-10"
    )
    assert made.val.time.min() == np.datetime64("2024-02-15")
    assert made.train.label_end.max() == np.datetime64("2024-02-14")


def test_windows_are_half_open_and_may_be_bounded(library: Callable[[Columns], Any]) -> None:
    made = Datasets.from_frame(
        library(columns()), **ROLES, **WINDOWS, train_from="2024-01-10", test_until="2024-03-20"
    )
    days = {name: (str(s.time.min())[:10], str(s.time.max())[:10]) for name, s in made.splits()}
    assert days == {
        "train": ("2024-01-10", "2024-02-12"),
        "val": ("2024-02-15", "2024-03-07"),
        "test": ("2024-03-10", "2024-03-19"),
    }


@pytest.mark.parametrize("embargo", [5 * DAY, np.timedelta64(5, "D"), pd.Timedelta(days=5)])
def test_an_embargo_widens_the_purge(embargo: Any) -> None:
    made = Datasets.from_frame(pl.DataFrame(columns()), **ROLES, **WINDOWS, embargo=embargo)
    assert made.train.label_end.max() == np.datetime64("2024-02-09")
    assert made.val.label_end.max() == np.datetime64("2024-03-04")


MINUTE = timedelta(minutes=1)
moments = st.integers(0, 20_000)


@st.composite
def walks(draw: st.DrawFn) -> tuple[Columns, dict[str, Any]]:
    """Irregular stamps, labels of any length, windows and an embargo."""
    minutes = sorted(draw(st.lists(moments, min_size=12, max_size=60, unique=True)))
    lengths = draw(st.lists(st.integers(0, 3000), min_size=len(minutes), max_size=len(minutes)))
    val_from, test_from = sorted(draw(st.lists(moments, min_size=2, max_size=2, unique=True)))
    table = {
        "when": [START + m * MINUTE for m in minutes],
        "decided": [START + (m + k) * MINUTE for m, k in zip(minutes, lengths, strict=True)],
        "x": [float(i) for i in range(len(minutes))],
        "buy": [i % 2 for i in range(len(minutes))],
    }
    windows = {
        "val_from": START + val_from * MINUTE,
        "test_from": START + test_from * MINUTE,
        "embargo": draw(st.integers(0, 2000)) * MINUTE,
    }
    return table, windows


@settings(deadline=None, max_examples=200)
@given(walks(), st.sampled_from(sorted(LIBRARIES)))
def test_no_label_of_an_earlier_split_comes_within_the_embargo_of_the_next(
    walk: tuple[Columns, dict[str, Any]], library: str
) -> None:
    table, windows = walk
    roles = {"label": "buy", "time": "when", "label_end": "decided"}
    try:
        made = Datasets.from_frame(LIBRARIES[library](table), **roles, **windows)
    except InputError as error:
        assert error.code in {"zero_rows", "labels_one_class"}  # noqa: PT017
        return
    val_from, test_from, embargo = windows["val_from"], windows["test_from"], windows["embargo"]
    rows = list(zip(table["when"], table["decided"], table["x"], strict=True))
    kept = {name: split.X[:, 0].tolist() for name, split in made.splits()}
    assert kept == {
        "train": [x for t, end, x in rows if t < val_from and end + embargo < val_from],
        "val": [x for t, end, x in rows if val_from <= t < test_from and end + embargo < test_from],
        "test": [x for t, _, x in rows if t >= test_from],
    }
    gap = np.timedelta64(embargo)
    assert made.train.label_end.max() + gap < made.val.time.min()
    assert made.val.label_end.max() + gap < made.test.time.min()


# --- what is refused ------------------------------------------------------------------------


@pytest.mark.parametrize("role", [*ROLES, "split", "features"])
def test_a_missing_column_is_named(role: str, train: Any, refused: Refused) -> None:
    column = ["momentum", "moment"] if role == "features" else "moment"
    with refused(InputError, "data_column_missing", match=r"\['moment'\] are not in the table"):
        train(columns(), **{role: column})


def as_text(name: str) -> list[str]:
    return [str(stamp) for stamp in columns()[name]]


FAULTS = {
    "text among the features": ("features_not_numeric", {"momentum": ["high"] * N}),
    "stamps among the features": ("features_not_numeric", {"momentum": columns()["when"]}),
    "infinite features": ("features_infinite", {"momentum": [float("inf")] * N}),
    "labels of text": ("labels_not_binary", {"buy": ["yes"] * N}),
    "a missing label": ("labels_not_finite", {"buy": first_missing("buy")}),
    "labels of a half": ("labels_not_binary", {"buy": [0.5] * N}),
    "labels of one class": ("labels_one_class", {"buy": [0] * N}),
    "times of text": ("time_invalid", {"when": as_text("when")}),
    "times of numbers": ("time_invalid", {"when": list(range(N))}),
    "a missing time": ("time_missing", {"when": first_missing("when")}),
    "time in no order": ("time_unsorted", {"when": [START + (i ^ 1) * DAY for i in range(N)]}),
    "a repeated time": ("time_duplicate", {"when": [START, START, *columns()["when"][2:]]}),
    "label ends of text": ("time_invalid", {"decided": as_text("decided")}),
    "a missing label end": ("time_missing", {"decided": first_missing("decided")}),
    "label ends before time": ("label_end_before_time", {"decided": [START] * N}),
    "a missing return": ("returns_not_finite", {"net": first_missing("net")}),
    "returns of text": ("returns_not_finite", {"net": ["up"] * N}),
    "a missing weight": ("weights_invalid", {"w": first_missing("w")}),
    "a negative weight": ("weights_invalid", {"w": [-1.0] * N}),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_faulty_column_is_refused(fault: str, train: Any, refused: Refused) -> None:
    code, changes = FAULTS[fault]
    with refused(InputError, code):
        train(columns(**changes))


def test_a_missing_symbol_is_refused(train: Any) -> None:
    with pytest.raises(InputError, match=r"symbol|ticker"):
        train(columns(ticker=first_missing("ticker")))


SETTINGS = {
    "no start of validation": ("setting_invalid", {"val_from": None}),
    "no start of test": ("setting_invalid", {"test_from": None}),
    "no time": ("time_missing", {"time": None, "label_end": None, "features": ["momentum"]}),
    "no validation window": ("setting_invalid", {"val_from": "2024-03-10"}),
    "validation after test": ("setting_invalid", {"val_from": "2024-04-01"}),
    "no training window": ("setting_invalid", {"train_from": "2024-02-15"}),
    "no test window": ("setting_invalid", {"test_until": "2024-03-10"}),
    "a boundary that is no date": ("setting_invalid", {"val_from": "soon"}),
    "a boundary that is missing": ("setting_invalid", {"val_from": "NaT"}),
    "a boundary that is a number": ("setting_invalid", {"val_from": 20240215}),
    "an embargo without a unit": ("setting_invalid", {"embargo": 5}),
    "an embargo of a half": ("setting_invalid", {"embargo": 0.5}),
    "an embargo of text": ("setting_invalid", {"embargo": "5d"}),
    "a negative embargo": ("setting_invalid", {"embargo": -DAY}),
    "an embargo of a month": ("setting_invalid", {"embargo": np.timedelta64(1, "M")}),
    "an embargo that is missing": ("setting_invalid", {"embargo": np.timedelta64("NaT")}),
    "an embargo that leaves nothing": ("zero_rows", {"embargo": 60 * DAY}),
    "no features": ("feature_names_missing", {"features": []}),
    "a feature twice": ("feature_names_duplicate", {"features": ["hour", "hour"]}),
    "the label as a feature": ("setting_invalid", {"features": ["momentum", "buy"]}),
    "the return as a feature": ("setting_invalid", {"features": ["momentum", "net"]}),
    "windows beside a split column": ("setting_invalid", {"split": "part"}),
}


@pytest.mark.parametrize("fault", SETTINGS)
def test_a_faulty_setting_is_refused(fault: str, refused: Refused) -> None:
    code, changes = SETTINGS[fault]
    table = columns()
    if "split" in changes:
        table["part"] = ["train"] * 40 + ["val"] * 25 + ["test"] * 25
        table["decided"] = table["when"]
    with refused(InputError, code):
        train_one("logreg", Datasets.from_frame(pl.DataFrame(table), **ROLES | WINDOWS | changes))


def test_an_embargo_is_not_ignored_beside_a_split_column(refused: Refused) -> None:
    part = ["train"] * 40 + ["val"] * 25 + ["test"] * 25
    table = pl.DataFrame(columns(part=part, decided=columns()["when"]))
    with refused(InputError, "setting_invalid", match="embargo"):
        train_one("logreg", Datasets.from_frame(table, **ROLES, split="part", embargo=5 * DAY))


@pytest.mark.parametrize("strange", ["holdout", None])
def test_a_column_of_splits_holds_only_their_names(
    strange: str | None, train: Any, refused: Refused
) -> None:
    part = [strange] + ["train"] * 39 + ["val"] * 25 + ["test"] * 25
    with refused(InputError, "setting_invalid"):
        train(columns(part=part), split="part", val_from=None, test_from=None)


def test_a_leak_in_a_column_of_splits_is_refused(train: Any, refused: Refused) -> None:
    part = ["train"] * 40 + ["val"] * 25 + ["test"] * 25
    with refused(InputError, "split_leak", match="2 labels of train reach into val"):
        train(columns(part=part), split="part", val_from=None, test_from=None)


def test_two_columns_of_one_name_are_refused() -> None:
    frame = pd.DataFrame([[1.0, 2.0, 0]], columns=["x", "x", "buy"])
    with pytest.raises(InputError) as caught:
        Datasets.from_frame(frame, label="buy", split="x")
    assert caught.value.code == "feature_names_duplicate"


@pytest.mark.parametrize(
    "frame", [columns(), pl.DataFrame(columns()).lazy(), None], ids=["dict", "lazy", "nothing"]
)
def test_what_is_not_a_table_is_refused(frame: object) -> None:
    with pytest.raises((InputError, TypeError)):
        Datasets.from_frame(frame, **ROLES, **WINDOWS)
