"""A table's faults are all told at once, with counts and the first row."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from cvn_harness_core import InputError
from cvn_orchestrator.data.faults import table_faults
from cvn_orchestrator.data.schema import FILE, Schema
from cvn_orchestrator.data.tables import read_tables

SCHEMA = Schema(
    Path("t.parquet"),
    time="t",
    label="y",
    symbol="s",
    label_end="e",
    returns="r",
    weight="w",
    features=("a", "b"),
)
DAY = timedelta(days=1)


def table(**columns: Any) -> pl.DataFrame:
    n = 6
    time = [datetime(2024, 1, 1) + i % 3 * DAY for i in range(n)]
    sound: dict[str, Any] = {
        "s": ["ES"] * 3 + ["NQ"] * 3,
        "t": time,
        "e": [stamp + DAY for stamp in time],
        "y": [0, 1, 0, 1, 1, 0],
        "r": [0.1] * n,
        "w": [1.0] * n,
        "a": [0.5] * n,
        "b": [1, 2, 3, 4, 5, 6],
        FILE: ["t"] * n,
    }
    return pl.DataFrame(sound | columns)


def test_a_sound_table_has_none() -> None:
    assert table_faults(table(), SCHEMA) == ()
    assert table_faults(table(a=[None, float("nan"), 1.0, 2.0, 3.0, 4.0]), SCHEMA) == ()
    assert table_faults(table(y=[False, True] * 3), SCHEMA) == ()
    assert table_faults(table(y=[0.0, 1.0] * 3), SCHEMA) == ()


def test_faults_of_values_are_told_beside_columns_that_are_missing() -> None:
    faults = table_faults(table(y=[0, 1, 2, 1, 1, 0], a=list("abcdef")).drop("t", "b"), SCHEMA)
    assert [fault.partition(";")[0] for fault in faults] == [
        "time: column 't' is missing",
        "features: column 'b' is missing",
        "feature 'a' is String, not a number",
        "label 'y': not 0 or 1 in 1 row, first at row 2",
    ]
    repeats = table(t=[T] * 6, e=[T + DAY] * 6)
    assert "repeats within a symbol" in "".join(table_faults(repeats, SCHEMA))
    assert len(table_faults(repeats.drop("s"), SCHEMA)) == 1, "whose stamps repeat is not known"


def test_a_zone_in_some_rows_only_is_named(tmp_path: Path) -> None:
    stamps = ["2024-01-01 10:00", "2024-01-02T10:00+01:00", "2024-01-03T10:00:00.5Z"]
    lines = [f"{stamp},ES,0,0.1,1,1,2,2024-02-01" for stamp in stamps]
    (tmp_path / "t.csv").write_text("\n".join(["t,s,y,r,w,a,b,e", *lines]) + "\n")
    faults = table_faults(read_tables(tmp_path / "t.csv"), SCHEMA)
    assert faults[:3] == (
        "time: column 't' is String, not a date or a datetime",
        "time 't': a zone in 2 rows, first at row 1",
        "time 't': no zone; give all in one time zone, or none; in 1 row, first at row 0",
    )


def test_what_is_no_time_has_no_zone() -> None:
    days = ["31-12-2020", "01/01/2021", "2021", "x", "y", "z"]
    assert table_faults(table(t=days), SCHEMA) == (
        "time: column 't' is String, not a date or a datetime",
    )


NAN, INF = float("nan"), float("inf")
T = datetime(2024, 1, 1)
ZONES = (
    "label_end is Datetime(time_unit='us', time_zone='UTC') where time is "
    "Datetime(time_unit='us', time_zone=None); give both in one time zone, or in none"
)


@pytest.mark.parametrize(
    ("columns", "faults"),
    [
        (
            {"a": [1.0, INF, 2.0, -INF, 3.0, 4.0]},
            ["feature 'a': infinite in 2 rows, first at row 1"],
        ),
        ({"a": list("abcdef")}, ["feature 'a' is String, not a number; encode it, or exclude it"]),
        ({"y": [0, 1, 2, 1, 1, -1]}, ["label 'y': not 0 or 1 in 2 rows, first at row 2"]),
        ({"y": [0.0, NAN, 1.0, 1.0, 1.0, 1.0]}, ["label 'y': not 0 or 1 in 1 row, first at row 1"]),
        ({"y": [0, 1, 0, 1, None, 0]}, ["label 'y': null in 1 row, first at row 4"]),
        (
            {"r": [0.0, NAN, INF, 0.0, 0.0, 0.0]},
            ["returns 'r': NaN or infinite in 2 rows, first at row 1"],
        ),
        (
            {"w": [1.0, 1.0, -1.0, 1.0, 1.0, 1.0]},
            ["weight 'w': NaN or negative in 1 row, first at row 2"],
        ),
        ({"s": ["A", None, "A", "B", "B", "B"]}, ["symbol 's': null in 1 row, first at row 1"]),
        (
            {"t": [T, T, T + DAY, T, T + DAY, T]},
            [
                "time 't': repeats within a symbol in 1 row, first at row 1",
                "time 't': goes back within a symbol in 1 row, first at row 5",
            ],
        ),
        (
            {"t": [T, None, T + 2 * DAY] * 2},
            ["time 't': null in 2 rows, first at row 1"],
        ),
        (
            {"e": [T - DAY] + [T + 9 * DAY] * 5},
            ["label_end 'e': before time in 1 row, first at row 0"],
        ),
        ({"t": list(range(3)) * 2}, ["time: column 't' is Int64, not a date or a datetime"]),
        (
            {"e": [datetime(2024, 2, 1, tzinfo=UTC)] * 6},
            [
                ZONES,
            ],
        ),
        (
            {"t": [datetime(1500, 1, 1) + i % 3 * DAY for i in range(6)]},
            ["'t': outside 1678 to 2261 in 6 rows, first at row 0"],
        ),
    ],
)
def test_each_fault_is_told(columns: dict[str, Any], faults: list[str]) -> None:
    assert list(table_faults(table(**columns), SCHEMA)) == faults


def test_all_faults_are_in_one_list() -> None:
    bad = table(a=list("abcdef"), b=[INF] * 6, y=[3] * 6, w=[-1.0] * 6, t=[T] * 6, e=[T - DAY] * 6)
    assert len(table_faults(bad, SCHEMA)) == 6


def test_missing_columns_are_told_by_role() -> None:
    found = table_faults(table().drop("t", "b", "w"), SCHEMA)
    assert [text.partition(" is missing")[0] for text in found] == [
        "time: column 't'",
        "weight: column 'w'",
        "features: column 'b'",
    ]
    assert FILE not in "".join(found)


def test_no_rows_and_no_features_are_faults() -> None:
    assert table_faults(table().clear(), SCHEMA) == ("the table has no rows",)
    nothing = Schema(Path("t"), time="t", label="y", symbol="s", exclude=("e", "r", "w", "a", "b"))
    assert table_faults(table(), nothing) == ("features: no column is left for one",)


def write(folder: Path, **tables: pl.DataFrame) -> Path:
    for name, one in tables.items():
        one.drop(FILE, "s").write_parquet(folder / f"{name}.parquet")
    return folder


def test_a_folder_is_one_table_with_each_rows_file_and_rows_are_counted_in_it(
    tmp_path: Path,
) -> None:
    schema = Schema(tmp_path, time="t", label="y", features=("a",))
    write(tmp_path, NQ=table(y=[0, 1, 5, 1, 0, 1]).head(3), ES=table().head(3))
    (tmp_path / "notes.txt").write_text("no table")
    whole = read_tables(tmp_path)
    assert whole[FILE].to_list() == ["ES"] * 3 + ["NQ"] * 3
    assert table_faults(whole, schema) == ("label 'y': not 0 or 1 in 1 row, first at row 2 of NQ",)


@pytest.mark.parametrize("suffix", ["parquet", "arrow", "feather", "csv"])
def test_every_kind_of_file_is_read_alike(suffix: str, tmp_path: Path) -> None:
    one = table().drop(FILE)
    path = tmp_path / f"bars.{suffix}"
    {
        "parquet": one.write_parquet,
        "arrow": one.write_ipc,
        "feather": one.write_ipc,
        "csv": one.write_csv,
    }[suffix](path)
    found = read_tables(path)
    assert found[FILE].unique().to_list() == ["bars"]
    assert found.drop(FILE).cast({"t": pl.Datetime("us"), "e": pl.Datetime("us")}).equals(one)


def test_files_with_other_columns_are_refused(tmp_path: Path) -> None:
    write(tmp_path, A=table(), B=table().rename({"a": "z"}))
    with pytest.raises(
        InputError, match=r"B.parquet and .*A.parquet have other columns: \['a', 'z'\]"
    ):
        read_tables(tmp_path)


def test_files_of_other_types_are_refused(tmp_path: Path) -> None:
    write(tmp_path, A=table(), B=table(a=list("abcdef")))
    with pytest.raises(
        InputError, match=r"column 'a' is String in .*B.parquet and Float64 in"
    ) as caught:
        read_tables(tmp_path)
    assert caught.value.code == "data_unreadable"


@pytest.mark.parametrize("naive", [pl.Date, pl.Datetime("us")])
def test_files_of_other_time_zones_are_refused_by_name(naive: pl.DataType, tmp_path: Path) -> None:
    """A date would be taken as midnight UTC, and stand hours away from the other file's."""
    there = table().with_columns(pl.col("t").dt.replace_time_zone("America/New_York"))
    utc = table().with_columns(pl.col("t").dt.replace_time_zone("UTC"))
    plain = table().with_columns(pl.col("t").cast(naive))
    write(tmp_path, A=there, B=plain, C=utc)
    with pytest.raises(InputError) as caught:
        read_tables(tmp_path)
    second, third = str(caught.value).splitlines()
    assert second.startswith("column 't' is a ")
    assert "without a time zone in" in second
    assert "B.parquet and a time in America/New_York in" in second
    assert "column 't' is a time in UTC in" in third


def test_a_column_of_whole_numbers_in_one_file_may_have_fractions_in_another(
    tmp_path: Path,
) -> None:
    write(tmp_path, A=table(a=[1] * 6), B=table(a=[0.5] * 6), C=table(a=[None] * 6))
    assert read_tables(tmp_path)["a"].to_list() == [1.0] * 6 + [0.5] * 6 + [None] * 6


def test_a_folder_without_tables_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"has no file whose name ends in \.parquet"):
        read_tables(tmp_path)
