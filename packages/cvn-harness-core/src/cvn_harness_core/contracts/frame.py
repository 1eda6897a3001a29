"""From any dataframe to arrays: columns picked by name, rows divided without a leak."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any, TypeAlias

import narwhals as nw
import numpy as np

from cvn_harness_core.contracts.split import Array, Split, as_time
from cvn_harness_core.errors import HarnessError, InputError

Frame: TypeAlias = Any
Boundary: TypeAlias = str | date | datetime | np.datetime64
Embargo: TypeAlias = timedelta | np.timedelta64 | int
Windows: TypeAlias = tuple[Boundary | None, Boundary | None, Boundary | None, Boundary | None]


def divide(
    frame: Frame,
    columns: Mapping[str, str | None],
    *,
    features: Sequence[str] | None,
    split: str | None,
    windows: Windows,
    embargo: Embargo,
) -> tuple[tuple[str, ...], dict[str, Split]]:
    """Return the feature names and a Split for each of train, val and test.

    See ``Datasets.from_frame``, the only caller, for the arguments.
    """
    table = _table(frame)
    named = [c for c in (*columns.values(), split) if c is not None]
    names = tuple(features) if features is not None else _other_columns(table.columns, named)
    _require_columns(table.columns, [*named, *names])
    taken = sorted(set(names) & set(named))
    if taken:
        message = f"columns {taken} are named as features and as something else; choose one."
        raise InputError("setting_invalid", message)
    vectors = {
        role: vector(table[column], role) for role, column in columns.items() if column is not None
    }
    if split is None:
        masks = _masks(vectors, windows, embargo)
    elif any(edge is not None for edge in windows) or embargo:
        message = "split= already divides the rows; give no windows and no embargo beside it."
        raise InputError("setting_invalid", message)
    else:
        masks = _masks_by_column(table[split])
    matrix = feature_matrix(table, names)
    parts = {}
    for name, mask in masks.items():
        rows = {role: vector[mask] for role, vector in vectors.items()}
        try:
            parts[name] = Split(matrix[mask], rows.pop("label"), **rows)
        except HarnessError as error:
            raise error.at(name) from None
    return names, parts


def feature_matrix(frame: Frame, names: Sequence[str]) -> Array:
    """Return the named columns as a C-contiguous (n, f) matrix, float32 only if all of them are.

    Raises InputError ``features_not_numeric`` for a column that is not of numbers.
    """
    table = _table(frame)
    _require_columns(table.columns, names)
    types = [table.schema[n] for n in names]
    for name, kind in zip(names, types, strict=True):
        if not (kind.is_numeric() or kind == nw.Boolean):
            message = (
                f"column {name!r} is {kind}, not a number; encode it, or leave it out "
                "(features= lists the columns to use)."
            )
            raise InputError("features_not_numeric", message)
    single = bool(types) and all(kind == nw.Float32 for kind in types)
    matrix = np.empty((len(table), len(names)), dtype=np.float32 if single else np.float64)
    for j, name in enumerate(names):
        matrix[:, j] = table[name].cast(nw.Float32 if single else nw.Float64).to_numpy()
    return matrix


def _other_columns(all_columns: Sequence[str], named: Sequence[str]) -> tuple[str, ...]:
    return tuple(c for c in all_columns if c not in set(named))


def _require_columns(present: Sequence[str], wanted: Sequence[str]) -> None:
    missing = [c for c in wanted if c not in set(present)]
    if missing:
        message = f"columns {missing[:5]} are not in the table; it has {list(present)[:20]}."
        raise InputError("data_column_missing", message)


def vector(series: nw.Series[Any], role: str) -> Array:
    """Return a column as the array that a ``Split`` wants in this role, (n,)."""
    if role in ("time", "label_end"):
        kind = series.dtype
        if isinstance(kind, nw.Datetime) and kind.time_zone is not None:
            series = series.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
        elif kind == nw.Date:
            series = series.cast(nw.Datetime("us"))
        return as_time(role, series.to_numpy())
    if role == "label" and series.null_count():
        series = series.cast(nw.Float64)
    return np.asarray(series.to_numpy())


def _masks_by_column(series: nw.Series[Any]) -> dict[str, Array]:
    values = np.asarray(series.to_numpy()).astype(str)
    masks = {name: values == name for name in ("train", "val", "test")}
    unknown = sorted(set(values) - set(masks))
    if unknown:
        message = f"the split column holds {unknown[:5]}; it may hold only train, val and test."
        raise InputError("setting_invalid", message)
    return masks


def _masks(vectors: Mapping[str, Array], windows: Windows, embargo: Embargo) -> dict[str, Array]:
    if "time" not in vectors:
        message = "rows can be divided by time only if time= names a column; else give split=."
        raise InputError("time_missing", message)
    train_from, val_from, test_from, test_until = (
        None if edge is None else _moment(edge) for edge in windows
    )
    if val_from is None or test_from is None:
        message = "give either split= (a column) or both val_from= and test_from= (dates)."
        raise InputError("setting_invalid", message)
    edges = [e for e in (train_from, val_from, test_from, test_until) if e is not None]
    if any(later <= earlier for earlier, later in pairwise(edges)):
        message = f"the windows must follow one another; got {[str(e) for e in edges]}."
        raise InputError("setting_invalid", message)
    time = vectors["time"]
    ends = vectors.get("label_end", time)
    gap = _gap(embargo)
    train = (time < val_from) & (ends < val_from - gap)
    if train_from is not None:
        train &= time >= train_from
    val = (time >= val_from) & (time < test_from) & (ends < test_from - gap)
    test = time >= test_from
    if test_until is not None:
        test &= time < test_until
    return {"train": train, "val": val, "test": test}


def _table(frame: Frame) -> nw.DataFrame[Any]:
    if isinstance(frame, nw.DataFrame):
        return frame
    if nw.dependencies.is_pandas_dataframe(frame) and not frame.columns.is_unique:
        names = [str(name) for name in frame.columns]
        message = f"the table has two columns of one name; it has {names[:20]}."
        raise InputError("feature_names_duplicate", message)
    return nw.from_native(frame, eager_only=True)


def _moment(edge: Boundary) -> np.datetime64:
    """Return a boundary as a moment in UTC; raise InputError ``setting_invalid``."""
    try:
        moment = datetime.fromisoformat(edge) if isinstance(edge, str) else edge
    except ValueError:
        moment = np.datetime64("NaT")
    if isinstance(moment, datetime) and moment.tzinfo is not None:
        moment = moment.astimezone(UTC).replace(tzinfo=None)
    stamp = np.datetime64(moment) if isinstance(moment, date | np.datetime64) else None
    if stamp is None or np.isnat(stamp):
        message = f"{edge!r} is no date; give an ISO date, a datetime or a datetime64."
        raise InputError("setting_invalid", message)
    return stamp


def _gap(embargo: Embargo) -> np.timedelta64:
    """Return an embargo as a duration; raise InputError ``setting_invalid``."""
    gap = np.timedelta64(embargo) if isinstance(embargo, timedelta) else embargo
    if isinstance(gap, int) and not gap:
        return np.timedelta64(0, "s")
    usable = isinstance(gap, np.timedelta64) and np.datetime_data(gap)[0] not in ("Y", "M")
    if not usable or np.isnat(gap) or gap < np.timedelta64(0):
        message = f"embargo is {embargo!r}; give a duration of zero or more, as timedelta(days=5)."
        raise InputError("setting_invalid", message)
    return np.timedelta64(gap)


def column_names(frame: Frame) -> tuple[str, ...]:
    """Return the columns of any dataframe, in order."""
    return tuple(_table(frame).columns)
