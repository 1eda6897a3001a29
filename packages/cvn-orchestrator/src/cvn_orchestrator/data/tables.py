"""Tables from files."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import polars as pl

from cvn_harness_core import InputError
from cvn_orchestrator.data.schema import FILE
from cvn_orchestrator.target import writing

_SHOWN = 20


def read_table(path: Path) -> pl.DataFrame:
    """Return a Parquet, Arrow or CSV file as a table; dates in CSV are parsed.

    Raises InputError ``data_unreadable``.
    """
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        message = f"{path}: the name must end in {' or '.join(_READERS)}."
        raise InputError("data_unreadable", message)
    if not path.is_file():
        message = f"{path}: there is no such file."
        raise InputError("data_unreadable", message)
    try:
        return reader(path)
    except (OSError, UnicodeError, csv.Error, pl.exceptions.PolarsError) as error:
        message = f"{path} cannot be read as {path.suffix[1:]}: {error}"
        raise InputError("data_unreadable", message) from error


def table_files(path: Path) -> tuple[Path, ...]:
    """Return the file, or a folder's files by name; hidden and other files are left out.

    Raises InputError ``data_unreadable`` where there are none.
    """
    if not path.is_dir():
        return (path,)
    files = (
        file
        for file in path.iterdir()
        if file.suffix.lower() in _READERS and not file.name.startswith(".")
    )
    found = tuple(sorted(files))
    if not found:
        message = f"{path} has no file whose name ends in {' or '.join(_READERS)}."
        raise InputError("data_unreadable", message)
    return found


def read_tables(path: Path) -> pl.DataFrame:
    """Return a file's table, or those of a folder's files one after another, by name.

    Each row's file stands in the column ``FILE``. A column that holds whole numbers in one file and
    fractions in another, or dates and datetimes, has the wider of both types.

    Raises InputError ``data_unreadable``, also for files whose columns or types differ.
    """
    files = table_files(path)
    tables = [read_table(file) for file in files]
    faults = [
        fault
        for file, table in zip(files, tables, strict=True)
        for fault in _differences(file, table, files[0], tables[0])
    ]
    if faults:
        shown = faults[:_SHOWN] + ([f"and {len(faults) - _SHOWN} more"] * (len(faults) > _SHOWN))
        raise InputError("data_unreadable", "\n".join(shown))
    named = [
        table.select(tables[0].columns).with_columns(pl.lit(file.stem).alias(FILE))
        for file, table in zip(files, tables, strict=True)
    ]
    try:
        return pl.concat(named, how="vertical_relaxed")
    except pl.exceptions.PolarsError as error:
        message = f"the files in {path} cannot be one table: {error}"
        raise InputError("data_unreadable", message) from error


def _differences(
    file: Path, table: pl.DataFrame, first: Path, other: pl.DataFrame
) -> Iterator[str]:
    """Say why two files' rows cannot stand in one table."""
    columns = set(table.columns)
    if differ := sorted(columns ^ set(other.columns)):
        yield f"{file} and {first} have other columns: {differ[:5]} are in one of them."
    for column, kind in table.schema.items():
        if column in other.columns and not _one_family(kind, other.schema[column]):
            yield (
                f"column {column!r} is {_shown(kind)} in {file} and "
                f"{_shown(other.schema[column])} in {first}; give it one type."
            )


def _shown(kind: pl.DataType) -> str:
    """Return a type for people: of a moment its zone is what matters."""
    if isinstance(kind, pl.Datetime):
        return f"a time {f'in {kind.time_zone}' if kind.time_zone else 'without a time zone'}"
    return "a date without a time zone" if kind == pl.Date else str(kind)


def _one_family(kind: pl.DataType, other: pl.DataType) -> bool:
    """Return whether two types have a wider one that keeps all values; a hole has any type.

    A date is no moment of a time zone.
    """
    if kind == other or pl.Null in (kind, other):
        return True
    numbers = kind.is_numeric() and other.is_numeric()
    moments = kind.is_temporal() and other.is_temporal()
    return numbers or (moments and _zone(kind) == _zone(other))


def _zone(kind: pl.DataType) -> str | None:
    return kind.time_zone if isinstance(kind, pl.Datetime) else None


def _read_csv(path: Path) -> pl.DataFrame:
    with path.open(newline="", encoding="utf-8-sig") as file:
        header = next(csv.reader(file), [])
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        message = f"{path} has two columns of one name: {twice[:5]}."
        raise InputError("feature_names_duplicate", message)
    # Every row decides a column's type: indicators are often blank at first.
    return pl.read_csv(path, try_parse_dates=True, infer_schema_length=None)


_READERS: dict[str, Callable[[Path], pl.DataFrame]] = {
    ".parquet": pl.read_parquet,
    ".csv": _read_csv,
    ".arrow": pl.read_ipc,
    ".feather": pl.read_ipc,
}


def write_table(table: pl.DataFrame, path: Path) -> None:
    """Write a table as Parquet or CSV, by the file's name.

    Raises InputError ``setting_invalid``.
    """
    writers: dict[str, Callable[[Path], None]] = {
        ".parquet": table.write_parquet,
        ".csv": table.write_csv,
    }
    writer = writers.get(path.suffix.lower())
    if writer is None:
        message = f"{path}: the name must end in {' or '.join(writers)}."
        raise InputError("setting_invalid", message)
    with writing(path):
        writer(path)


def share_boundaries(
    table: pl.DataFrame, time: str, *, val_share: float, test_share: float
) -> tuple[datetime, datetime]:
    """Return the times at which validation and test begin, by shares of the distinct stamps.

    Raises InputError ``data_column_missing``, ``setting_invalid`` or ``history_too_short``.
    """
    if not (val_share > 0 and test_share > 0 and val_share + test_share < 1):
        message = (
            f"val share {val_share} and test share {test_share} must be positive and leave "
            "something to train on."
        )
        raise InputError("setting_invalid", message)
    if time not in table.columns:
        message = f"column {time!r} is not in the table; it has {table.columns[:20]}."
        raise InputError("data_column_missing", message)
    stamps = table[time].unique().sort()
    val_at = int(len(stamps) * (1 - val_share - test_share))
    test_at = int(len(stamps) * (1 - test_share))
    if not 0 < val_at < test_at < len(stamps):
        message = f"{len(stamps)} stamps are too few to divide into train, validation and test."
        raise InputError("history_too_short", message)
    start_val: datetime = stamps[val_at]
    start_test: datetime = stamps[test_at]
    return start_val, start_test
