"""What is wrong with a table, all of it, with counts and the first row."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import polars as pl

from cvn_orchestrator.data.schema import FILE, Schema

_ROW = "\0row"  # no column is called so
_ZONE = r"\d\d:\d\d(:\d\d([.,]\d+)?)?\s*(Z|UTC|[+-]\d\d(:?\d\d)?)\s*$"
"""How a stamp with a time zone ends in text: an offset, or its like, after a time."""


def table_faults(table: pl.DataFrame, schema: Schema) -> tuple[str, ...]:
    """Return every fault of the table, in words; sound where there is none.

    ``table`` is what ``read_tables`` returns. Rows are numbered from 0 within each file.
    """
    faults = list(_column_faults(table, schema))
    if table.is_empty():
        return (*faults, "the table has no rows")
    rows = table.with_columns(pl.int_range(pl.len()).over(FILE).alias(_ROW))
    there = _There(
        {role: column for role, column in schema.roles.items() if column in table.columns},
        tuple(c for c in schema.features_among(table.columns) if c in table.columns),
        schema.symbol_column,
    )
    return (*faults, *_type_faults(rows, there), *_value_faults(rows, there))


class _There(NamedTuple):
    """The columns that the table has, of those that the schema names."""

    roles: dict[str, str]
    features: tuple[str, ...]
    symbol: str

    def given(self, *roles: str) -> Iterator[tuple[str, str]]:
        """Yield those of the roles that a column has, with it."""
        return ((role, column) for role, column in self.roles.items() if role in roles)


def _column_faults(table: pl.DataFrame, schema: Schema) -> Iterator[str]:
    known = ", ".join([column for column in table.columns if column != FILE][:20])
    for role, column in schema.roles.items():
        if column not in table.columns:
            yield f"{role}: column {column!r} is missing; the table has {known}"
    for what, columns in (("features", schema.features or ()), ("exclude", schema.exclude)):
        for column in columns:
            if column not in table.columns:
                yield f"{what}: column {column!r} is missing; the table has {known}"
    if not schema.features_among(table.columns):
        yield "features: no column is left for one"


def _type_faults(table: pl.DataFrame, there: _There) -> Iterator[str]:
    for column in there.features:
        kind = table.schema[column]
        if not (kind.is_numeric() or kind == pl.Boolean) or kind == pl.Decimal:
            yield f"feature {column!r} is {kind}, not a number; encode it, or exclude it"
    moments = [c for _, c in there.given("time", "label_end") if _is_moment(table.schema[c])]
    for role, column in there.given("time", "label_end"):
        if column not in moments:
            kind = table.schema[column]
            yield f"{role}: column {column!r} is {kind}, not a date or a datetime"
            yield from _zone_faults(table, role, column)
    if len(moments) == 2 and not _comparable(table, *moments):
        time, end = (table.schema[column] for column in moments)
        yield f"label_end is {end} where time is {time}; give both in one time zone, or in none"
    for role, column in there.given("label", "returns", "weight"):
        kind = table.schema[column]
        if not (kind.is_numeric() or kind == pl.Boolean):
            yield f"{role}: column {column!r} is {kind}, not a number"


def _zone_faults(table: pl.DataFrame, role: str, column: str) -> Iterator[str]:
    """Yield that stamps, which are text yet, have a time zone in some rows and none in others."""
    if table.schema[column] != pl.String:
        return
    zoned, given = pl.col(column).str.contains(_ZONE), f"{role} {column!r}"
    some = [*_where(table, zoned, f"{given}: a zone")]
    others = [*_where(table, ~zoned, f"{given}: no zone; give all in one time zone, or none;")]
    if some and others:
        yield from some + others


def _value_faults(rows: pl.DataFrame, there: _There) -> Iterator[str]:
    """Yield what is wrong with values, of each column whose type is right."""
    for column in there.features:
        if rows.schema[column].is_float():
            yield from _where(rows, pl.col(column).is_infinite(), f"feature {column!r}: infinite")
    for role, column in there.roles.items():
        yield from _where(rows, pl.col(column).is_null(), f"{role} {column!r}: null")
    for role, column in there.given("label", "returns", "weight"):
        if not rows.schema[column].is_numeric():
            continue
        value = pl.col(column)
        wrong = {
            "label": ((value != 0) & (value != 1), "not 0 or 1"),
            "returns": (~value.cast(pl.Float64).is_finite(), "NaN or infinite"),
            "weight": (~(value.cast(pl.Float64).is_finite() & (value >= 0)), "NaN or negative"),
        }[role]
        yield from _where(rows, wrong[0], f"{role} {column!r}: {wrong[1]}")
    yield from _time_faults(rows, there)


def _time_faults(rows: pl.DataFrame, there: _There) -> Iterator[str]:
    found = {r: c for r, c in there.given("time", "label_end") if _is_moment(rows.schema[c])}
    time, end = found.get("time"), found.get("label_end")
    if time is not None and there.symbol in rows.columns:
        now, before = pl.col(time), pl.col(time).shift(1).over(there.symbol)
        yield from _where(rows, now == before, f"time {time!r}: repeats within a symbol")
        yield from _where(rows, now < before, f"time {time!r}: goes back within a symbol")
    for column in found.values():
        far = ~pl.col(column).dt.year().is_between(1678, 2261)
        yield from _where(rows, far, f"{column!r}: outside 1678 to 2261")
    if time is not None and end is not None and _comparable(rows, time, end):
        yield from _where(rows, pl.col(end) < pl.col(time), f"label_end {end!r}: before time")


def _where(rows: pl.DataFrame, wrong: pl.Expr, what: str) -> Iterator[str]:
    """Yield the fault, with how many rows have it and which is the first; nothing if none has."""
    found = rows.filter(wrong).select(_ROW, FILE)
    if found.height:
        row, file = found.row(0)
        noun = "row" if found.height == 1 else "rows"
        where = f" of {file}" if rows[FILE].n_unique() > 1 else ""
        yield f"{what} in {found.height:,} {noun}, first at row {row:,}{where}"


def _is_moment(kind: pl.DataType) -> bool:
    return kind == pl.Date or isinstance(kind, pl.Datetime)


def _comparable(table: pl.DataFrame, *moments: str) -> bool:
    return len({getattr(table.schema[column], "time_zone", None) for column in moments}) == 1
