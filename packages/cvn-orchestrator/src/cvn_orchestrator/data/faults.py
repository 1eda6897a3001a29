"""What is wrong with a table, all of it, with counts and the first row."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from cvn_orchestrator.data.schema import FILE, Schema

_ROW = "__row"


def table_faults(table: pl.DataFrame, schema: Schema) -> tuple[str, ...]:
    """Return every fault of the table, in words; sound where there is none.

    ``table`` is what ``read_tables`` returns. Rows are numbered from 0 within each file.
    """
    faults = list(_column_faults(table, schema))
    if table.is_empty():
        faults.append("the table has no rows")
    if faults:
        return tuple(faults)
    rows = table.with_columns(pl.int_range(pl.len()).over(FILE).alias(_ROW))
    return (*_type_faults(table, schema), *_value_faults(rows, schema))


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


def _type_faults(table: pl.DataFrame, schema: Schema) -> Iterator[str]:
    for column in schema.features_among(table.columns):
        kind = table.schema[column]
        if not (kind.is_numeric() or kind == pl.Boolean) or kind == pl.Decimal:
            yield f"feature {column!r} is {kind}, not a number; encode it, or exclude it"
    for role, column in _given(schema, "time", "label_end"):
        if not _is_moment(table.schema[column]):
            yield f"{role}: column {column!r} is {table.schema[column]}, not a date or a datetime"
    time, end = table.schema[schema.time], table.schema.get(schema.label_end or "")
    if end is not None and _is_moment(time) and _is_moment(end) and not _comparable(time, end):
        yield f"label_end is {end} where time is {time}; give both in one time zone, or in none"
    for role, column in _given(schema, "label", "returns", "weight"):
        kind = table.schema[column]
        if not (kind.is_numeric() or kind == pl.Boolean):
            yield f"{role}: column {column!r} is {kind}, not a number"


def _value_faults(rows: pl.DataFrame, schema: Schema) -> Iterator[str]:
    """Yield what is wrong with values, of each column whose type is right."""
    for column in schema.features_among(rows.columns[:-1]):
        if rows.schema[column].is_float():
            yield from _where(rows, pl.col(column).is_infinite(), f"feature {column!r}: infinite")
    for role, column in schema.roles.items():
        yield from _where(rows, pl.col(column).is_null(), f"{role} {column!r}: null")
    for role, column in _given(schema, "label", "returns", "weight"):
        if not rows.schema[column].is_numeric():
            continue
        value = pl.col(column)
        wrong = {
            "label": ((value != 0) & (value != 1), "not 0 or 1"),
            "returns": (~value.cast(pl.Float64).is_finite(), "NaN or infinite"),
            "weight": (~(value.cast(pl.Float64).is_finite() & (value >= 0)), "NaN or negative"),
        }[role]
        yield from _where(rows, wrong[0], f"{role} {column!r}: {wrong[1]}")
    if _is_moment(rows.schema[schema.time]):
        yield from _time_faults(rows, schema)


def _time_faults(rows: pl.DataFrame, schema: Schema) -> Iterator[str]:
    time, end = pl.col(schema.time), schema.label_end
    before = time.shift(1).over(schema.symbol_column)
    yield from _where(rows, time == before, f"time {schema.time!r}: repeats within a symbol")
    yield from _where(rows, time < before, f"time {schema.time!r}: goes back within a symbol")
    for _, column in _given(schema, "time", "label_end"):
        if _is_moment(rows.schema[column]):
            far = ~pl.col(column).dt.year().is_between(1678, 2261)
            yield from _where(rows, far, f"{column!r}: outside 1678 to 2261")
    if end is not None and _comparable(rows.schema[schema.time], rows.schema[end]):
        yield from _where(rows, pl.col(end) < time, f"label_end {end!r}: before time")


def _where(rows: pl.DataFrame, wrong: pl.Expr, what: str) -> Iterator[str]:
    """Yield the fault, with how many rows have it and which is the first; nothing if none has."""
    found = rows.filter(wrong).select(_ROW, FILE)
    if found.height:
        row, file = found.row(0)
        noun = "row" if found.height == 1 else "rows"
        where = f" of {file}" if rows[FILE].n_unique() > 1 else ""
        yield f"{what} in {found.height:,} {noun}, first at row {row:,}{where}"


def _given(schema: Schema, *roles: str) -> Iterator[tuple[str, str]]:
    """Yield those of the roles that a column has, with it."""
    for role, column in schema.roles.items():
        if role in roles:
            yield role, column


def _is_moment(kind: pl.DataType) -> bool:
    return kind == pl.Date or isinstance(kind, pl.Datetime)


def _comparable(time: pl.DataType, end: pl.DataType) -> bool:
    zones = {getattr(kind, "time_zone", None) for kind in (time, end)}
    return _is_moment(time) and _is_moment(end) and len(zones) == 1
