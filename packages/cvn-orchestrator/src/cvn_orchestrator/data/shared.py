"""One symbol's rows as arrays on disk, which many processes read without a copy each.

Written once for each content of the files and each schema, as ``.npy`` files that are mapped into
memory: the pages are the kernel's, shared by every process that maps them.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from cvn_harness_core import Array, InputError, Split
from cvn_orchestrator.data.faults import table_faults
from cvn_orchestrator.data.schema import Schema
from cvn_orchestrator.data.tables import read_tables, table_files
from cvn_orchestrator.errors import DataError
from cvn_orchestrator.target import writing

FORMAT = 3
_MANIFEST = "manifest.json"
_BLOCK_ROWS = 1 << 16


@dataclass(frozen=True)
class SharedTable:
    """A sound table, symbol by symbol. Cheap to pickle: it holds names, no arrays.

    Parameters
    ----------
    folder
        Where the arrays are.
    content
        The digest of what they were made of: the files, byte by byte, and the columns' roles.
    question
        The digest of the files and of the columns that say which rows there are and what is asked
        of them: symbol, time and label. Other features of the same rows have the same one.
    files
        The digest of the files alone, their names and bytes.
    features
        The feature columns, in order.
    symbols
        What was traded, in order of name.
    n_rows
        Rows of each symbol.
    """

    folder: Path
    content: str
    question: str
    files: str
    features: tuple[str, ...]
    symbols: tuple[str, ...]
    n_rows: Mapping[str, int]

    def rows(self, symbol: str) -> Split:
        """Return all rows of a symbol, mapped into memory and read-only.

        Raises InputError ``symbol_missing``, or as ``Split``.
        """
        if symbol not in self.symbols:
            message = f"symbol {symbol!r} is not in the table; it has {', '.join(self.symbols)}."
            raise InputError("symbol_missing", message)
        folder = self.folder / _place(self.symbols.index(symbol))
        arrays = {path.stem: np.load(path, mmap_mode="r") for path in folder.glob("*.npy")}
        return Split(arrays.pop("X"), arrays.pop("y"), **arrays)

    @cached_property
    def dtype(self) -> np.dtype[Any]:
        """The features' dtype, float32 or float64."""
        path = self.folder / _place(0) / "X.npy"
        found: np.dtype[Any] = np.load(path, mmap_mode="r").dtype
        return found


def share_table(schema: Schema, folder: Path) -> SharedTable:
    """Check the table and return its arrays under ``folder``, made anew only if it has changed.

    The arrays' folder is named after the content of the files and the schema, is written beside
    its place and renamed: whatever is there is complete, and two processes may ask at once. Only
    sound tables have one.

    Raises
    ------
    DataError
        ``data_invalid``, with every fault of the table.
    InputError
        ``data_unreadable``, also for files that change meanwhile; ``setting_invalid`` for a folder
        that cannot be written.
    """
    digests = _digests(schema)
    content = _content(digests, schema)
    target = folder / _hex([FORMAT, pl.__version__, content])
    if not (target / _MANIFEST).is_file():
        table = read_tables(schema.path)
        if _digests(schema) != digests:
            message = f"{schema.path} changed while it was read; run the command again."
            raise InputError("data_unreadable", message)
        require_sound(table, schema)
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
            new = Path(tempfile.mkdtemp(prefix=f".{target.name[:12]}-", dir=folder))
        try:
            known = {
                "content": content,
                "question": _question(digests, schema),
                "files": _hex([digests]),
            }
            _write(table, schema, known, new)
            _rename(new, target)
        finally:
            shutil.rmtree(new, ignore_errors=True)
    return open_shared(target)


def open_shared(folder: Path) -> SharedTable:
    """Return what ``share_table`` wrote there."""
    facts = json.loads((folder / _MANIFEST).read_text())
    return SharedTable(
        folder,
        facts["content"],
        facts["question"],
        facts.get("files", facts["content"]),
        tuple(facts["features"]),
        tuple(facts["n_rows"]),
        dict(facts["n_rows"]),
    )


def require_sound(table: pl.DataFrame, schema: Schema) -> None:
    """Raise DataError ``data_invalid`` with all faults, if there are any."""
    faults = table_faults(table, schema)
    if faults:
        heading = f"{schema.path} cannot be used, for {len(faults)} reason(s):"
        raise DataError.of("data_invalid", heading, faults)


def _digests(schema: Schema) -> list[tuple[str, str]]:
    """Return the files' names, in order, and digests."""
    digests = []
    for path in table_files(schema.path):
        try:
            with path.open("rb") as file:
                digests.append((path.name, hashlib.file_digest(file, "sha256").hexdigest()))
        except OSError as error:
            message = f"{path} cannot be read: {error.strerror or error}."
            raise InputError("data_unreadable", message) from error
    return digests


def _content(digests: list[tuple[str, str]], schema: Schema) -> str:
    """Return what the arrays depend on: the files, byte by byte, and the columns' roles."""
    roles = {name: value for name, value in asdict(schema).items() if name not in _NO_ARRAY}
    return _hex([digests, roles])


def _question(digests: list[tuple[str, str]], schema: Schema) -> str:
    """Return what the rows and their labels depend on; a file's name only where it is a symbol."""
    files = sorted(digest if schema.symbol else [name, digest] for name, digest in digests)
    return _hex([files, schema.symbol, schema.time, schema.label])


def _hex(identity: list[Any]) -> str:
    text = json.dumps(identity, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


_NO_ARRAY = ("path", "payoff", "feature_version")


def _write(table: pl.DataFrame, schema: Schema, known: dict[str, str], folder: Path) -> None:
    features = schema.features_among(table.columns)
    single = all(table.schema[name] == pl.Float32 for name in features)
    dtype = np.dtype(np.float32 if single else np.float64)
    by_symbol = table.with_columns(pl.col(schema.symbol_column).cast(pl.String)).partition_by(
        schema.symbol_column, as_dict=True
    )
    parts = {str(name[0]): part for name, part in sorted(by_symbol.items())}
    for number, part in enumerate(parts.values()):
        place = folder / _place(number)
        place.mkdir()
        _write_matrix(part.select(features), dtype, place / "X.npy")
        for name, array in _vectors(part, schema).items():
            np.save(place / f"{name}.npy", array)
    n_rows = {name: part.height for name, part in parts.items()}
    facts = {**known, "features": features, "n_rows": n_rows}
    (folder / _MANIFEST).write_text(json.dumps(facts, indent=1))
    for path in folder.rglob("*"):
        _flush(path)


def _write_matrix(part: pl.DataFrame, dtype: np.dtype[Any], path: Path) -> None:
    """Write (n, f) in C order, block by block; null becomes NaN."""
    kind = pl.Float32 if dtype == np.float32 else pl.Float64
    matrix = np.lib.format.open_memmap(path, "w+", dtype, (part.height, part.width))
    for start in range(0, part.height, _BLOCK_ROWS):
        block = part.slice(start, _BLOCK_ROWS).with_columns(pl.all().cast(kind))
        matrix[start : start + block.height] = block.to_numpy()
    matrix.flush()


def _vectors(part: pl.DataFrame, schema: Schema) -> dict[str, Array]:
    found = {"y": part[schema.label].cast(pl.Int8).to_numpy()}
    for role in ("time", "label_end"):
        if (column := schema.roles.get(role)) is not None:
            found[role] = _moments(part[column])
    for role in ("returns", "weight"):
        if (column := schema.roles.get(role)) is not None:
            found[role] = part[column].cast(pl.Float64).to_numpy()
    return found


def _moments(series: pl.Series) -> Array:
    """Return stamps as datetime64[ns], in UTC where they have a time zone."""
    if isinstance(series.dtype, pl.Datetime) and series.dtype.time_zone is not None:
        series = series.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    return series.cast(pl.Datetime("ns")).to_numpy()


def _rename(new: Path, target: Path) -> None:
    try:
        new.rename(target)
    except OSError:
        if not (target / _MANIFEST).is_file():  # else another process was faster
            raise
    _flush(target.parent)


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _place(number: int) -> str:
    return f"{number:05d}"
