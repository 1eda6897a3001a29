"""One part of the data: a feature matrix, its labels, and what is known of each row."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from cvn_harness_core.errors import InputError, MulticlassError

Array: TypeAlias = npt.NDArray[Any]

_OPTIONAL = ("time", "label_end", "returns", "weight", "symbol")

_BLOCK_ELEMENTS = 1 << 20
"""How many elements a scan looks at in one go, so that it never doubles the memory of X."""


@dataclass(frozen=True, eq=False)
class Split:
    """Rows of one part (train, validation or test), validated when it is made.

    Parameters
    ----------
    X
        (n, f) features, float32 or float64; NaN means missing, infinities are refused. A
        C-contiguous float array is kept without a copy (a read-only view of it).
    y
        (n,) labels in {0, 1}; kept as int8.
    time
        (n,) datetime64: when each row's features were known. Strictly increasing, within each
        symbol where ``symbol`` is given.
    label_end
        (n,) datetime64: when each row's label was decided; never before ``time``.
    returns
        (n,) realised net return of each row if it were traded, in the payoff's unit.
    weight
        (n,) sample weights: finite, not negative, not all zero.
    symbol
        (n,) what was traded, for panels of several instruments.

    Raises
    ------
    InputError
        With a code that names the fault (see ``errors.py``).
    MulticlassError
        If y holds the classes 0, 1, ..., k - 1 for k of three or more.
    """

    X: Array
    y: Array
    _: KW_ONLY
    time: Array | None = None
    label_end: Array | None = None
    returns: Array | None = None
    weight: Array | None = None
    symbol: Array | None = None

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "X", read_only_view(as_matrix(self.X)))
        put(self, "y", read_only_view(_as_labels(self.y)))
        n = self.X.shape[0]
        if n == 0:
            message = "X has no rows; each split needs at least one."
            raise InputError("zero_rows", message)
        for name in ("time", "label_end"):
            value = getattr(self, name)
            if value is not None:
                put(self, name, read_only_view(as_time(name, value)))
        for name in ("returns", "weight"):
            value = getattr(self, name)
            if value is not None:
                put(self, name, read_only_view(_as_float_vector(name, value)))
        if self.symbol is not None:
            put(self, "symbol", read_only_view(_as_symbols(self.symbol)))
        for name in ("y", "time", "label_end", "returns", "weight", "symbol"):
            value = getattr(self, name)
            if value is not None and value.shape != (n,):
                message = f"{name} has shape {value.shape} where X has {n} rows; give ({n},)."
                raise InputError("length_mismatch", message)
        _check_finite(self)
        _check_time(self)

    def __len__(self) -> int:
        return int(self.X.shape[0])

    def take(self, rows: Array) -> Split:
        """Return some rows, by their numbers (rising); a view where they follow one another."""
        at: Any = rows
        if rows.size and (rows[1:] - rows[:-1] == 1).all():
            at = slice(int(rows[0]), int(rows[-1]) + 1)
        optional = {name: getattr(self, name) for name in _OPTIONAL}
        kept = {name: v[at] for name, v in optional.items() if v is not None}
        return Split(self.X[at], self.y[at], **kept)

    @property
    def prevalence(self) -> float:
        """The share of positive labels, in [0, 1]."""
        return float(self.y.mean())


class NoRows(Split):
    """The test split of data that are judged elsewhere, as by cross-validation: it has no rows."""

    def __post_init__(self) -> None:
        assert len(self) == 0  # whatever else could be wrong with it is wrong with rows

    @classmethod
    def of(cls, split: Split) -> NoRows:
        """Return no rows with the columns and the dtypes of another split."""
        optional = {name: getattr(split, name) for name in _OPTIONAL}
        kept = {name: v[:0] for name, v in optional.items() if v is not None}
        return cls(split.X[:0], split.y[:0], **kept)


def as_matrix(X: object) -> Array:
    """Return X as a C-contiguous (n, f) float32 or float64 array, copied only if it must be.

    Integers and booleans become float64. Raises InputError for anything that is not a matrix of
    numbers, and for infinities.
    """
    matrix = np.asarray(X)
    if matrix.ndim != 2:
        message = f"X has {matrix.ndim} dimensions; it must be a matrix of (rows, features)."
        raise InputError("shape_invalid", message)
    if matrix.dtype.kind in "iub":
        matrix = matrix.astype(np.float64)
    if matrix.dtype not in (np.float32, np.float64):
        message = (
            f"X has dtype {matrix.dtype}; features must be numbers (float32 or float64). Encode "
            "text and category columns, and convert objects, before building the split."
        )
        raise InputError("features_not_numeric", message)
    matrix = np.ascontiguousarray(matrix)
    rows = max(1, _BLOCK_ELEMENTS // max(1, matrix.shape[1]))
    for start in range(0, matrix.shape[0], rows):
        infinite = np.isinf(matrix[start : start + rows])
        if infinite.any():
            row, column = (int(i[0]) for i in np.nonzero(infinite))
            message = (
                f"X is infinite at row {start + row}, column {column}; replace infinities "
                "(NaN means missing and is allowed)."
            )
            raise InputError("features_infinite", message)
    return matrix


def _as_labels(y: object) -> Array:
    labels = np.asarray(y)
    if labels.dtype.kind == "f" and not np.isfinite(labels).all():
        bad = np.flatnonzero(~np.isfinite(labels))
        message = (
            f"y has {bad.size} labels that are NaN or infinite (first at row {bad[0]}); drop "
            "undecided rows before building the split."
        )
        raise InputError("labels_not_finite", message)
    if labels.dtype.kind in "iubf" and ((labels == 0) | (labels == 1)).all():
        return labels.astype(np.int8, copy=False)
    discrete = labels.dtype.kind in "iubUS" or (
        labels.dtype.kind == "f" and (labels == np.round(labels)).all()
    )
    classes = np.unique(labels) if discrete else labels[:0]
    if classes.size >= 3:
        message = (
            f"y has {classes.size} classes ({classes[:5].tolist()}); only two are supported so "
            "far. Train one model per class against the rest (for the 1 of a triple barrier, give "
            "y == 1): see 'Limits' in the README of cvn-harness-core."
        )
        raise MulticlassError("multiclass_not_implemented", message)
    message = f"y holds {labels.ravel()[:5].tolist()}, ...; labels must be 0 (no) and 1 (buy)."
    raise InputError("labels_not_binary", message)


def as_time(name: str, value: object) -> Array:
    """Return stamps as datetime64[ns], (n,); raise InputError for anything else and for holes."""
    stamps = np.asarray(value)
    if stamps.dtype.kind != "M":
        message = (
            f"{name} has dtype {stamps.dtype}; give datetime64 (in UTC, without a time zone: in "
            "pandas, series.dt.tz_convert('UTC').dt.tz_localize(None))."
        )
        raise InputError("time_invalid", message)
    if np.isnat(stamps).any():
        message = f"{name} has {int(np.isnat(stamps).sum())} missing stamps (NaT); fill or drop."
        raise InputError("time_missing", message)
    exact = stamps.astype("datetime64[ns]", copy=False)
    if (exact.astype(stamps.dtype, copy=False) != stamps).any():
        message = f"{name} has stamps outside 1678 to 2262, which nanoseconds cannot hold."
        raise InputError("time_invalid", message)
    return exact


def _as_symbols(value: object) -> Array:
    symbols = np.asarray(value)
    if symbols.dtype.kind == "O" and not all(isinstance(s, str) for s in symbols.ravel()):
        message = "symbol has values that are no text; name the instrument of every row."
        raise InputError("symbol_missing", message)
    # One width for the same texts, whatever held them: the content hash sees bytes.
    return np.array([str(s) for s in symbols.ravel()]).reshape(symbols.shape)


def _as_float_vector(name: str, value: object) -> Array:
    vector = np.asarray(value)
    if vector.dtype.kind not in "iubf":
        code = "returns_not_finite" if name == "returns" else "weights_invalid"
        message = f"{name} has dtype {vector.dtype}; it must be numbers."
        raise InputError(code, message)
    return vector.astype(np.float64, copy=False)


def _check_finite(split: Split) -> None:
    if split.returns is not None and not np.isfinite(split.returns).all():
        row = int(np.flatnonzero(~np.isfinite(split.returns))[0])
        message = f"returns is NaN or infinite (first at row {row}); every row needs its return."
        raise InputError("returns_not_finite", message)
    weight = split.weight
    if weight is not None and not (
        np.isfinite(weight).all() and (weight >= 0).all() and weight.any()
    ):
        message = "weight must be finite, not negative, and positive somewhere."
        raise InputError("weights_invalid", message)


def _check_time(split: Split) -> None:
    time, label_end = split.time, split.label_end
    if time is None:
        if label_end is not None:
            message = "label_end is given without time; give both, or neither."
            raise InputError("time_missing", message)
        return
    if label_end is not None and (label_end < time).any():
        row = int(np.flatnonzero(label_end < time)[0])
        message = f"label_end ({label_end[row]}) is before time ({time[row]}) at row {row}."
        raise InputError("label_end_before_time", message)
    groups = [("", np.arange(len(split)))]
    if split.symbol is not None:
        groups = [(f" of {s}", np.flatnonzero(split.symbol == s)) for s in np.unique(split.symbol)]
    for whose, rows in groups:
        steps = time[rows][1:] <= time[rows][:-1]
        if steps.any():
            at = int(np.flatnonzero(steps)[0])
            now, before = time[rows[at + 1]], time[rows[at]]
            code = "time_duplicate" if now == before else "time_unsorted"
            fault = "repeats" if now == before else "goes back"
            message = (
                f"time{whose} {fault} at row {rows[at + 1]} ({before}, then {now}); sort by time, "
                "keep one row per stamp, and pass symbol= if several instruments are stacked."
            )
            raise InputError(code, message)


def read_only_view(array: Array) -> Array:
    """Return the same array, which cannot be written to through this view."""
    view = array.view()
    view.flags.writeable = False
    return view
