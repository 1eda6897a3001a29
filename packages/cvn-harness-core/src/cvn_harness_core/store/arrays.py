"""Arrays as bytes and back: an uncompressed ``npz`` without pickle, measured before it is read."""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Mapping
from typing import Any, NoReturn

import numpy as np

from cvn_harness_core.contracts.split import Array
from cvn_harness_core.errors import StoreError

_KINDS = frozenset("biufcSUMm")
_MAX_HEADER = 10_000
_READERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def encode(arrays: Mapping[str, Array]) -> bytes:
    """Return an ``npz`` file of arrays by name; the same arrays give the same bytes.

    Raises StoreError ``array_refused`` for objects and records, which need pickle or may hide it.
    """
    for name, array in arrays.items():
        if not _is_plain(array.dtype):
            _refuse(name, f"dtype {array.dtype} is not plain")
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(arrays):
            member = io.BytesIO()
            np.lib.format.write_array(member, arrays[name], version=(1, 0), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), member.getvalue())
    return file.getvalue()


def decode(payload: bytes) -> dict[str, Array]:
    """Return the arrays of an ``npz`` file by name: read-only views of the payload, not copies.

    Nothing is allocated on the word of a header: each array must fill its file exactly.

    Raises
    ------
    StoreError
        ``array_refused`` for a file that is no ``npz``, is compressed or encrypted, names an array
        twice, or holds an array of objects, of another size than its header says, or of a dtype
        that is not plain.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(payload)) as archive:
            members = archive.infolist()
            names = [member.filename for member in members]
            if len(set(names)) != len(names):
                _refuse("npz", "it holds a name twice")
            if sum(member.file_size for member in members) > len(payload):
                _refuse("npz", "its arrays are larger than the file")
            return {
                member.filename.removesuffix(".npy"): _array(member, _stored(archive, member))
                for member in members
            }
    except (zipfile.BadZipFile, EOFError, NotImplementedError) as error:
        _refuse("npz", f"it cannot be read ({error})")


def _stored(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    plain = member.compress_type == zipfile.ZIP_STORED and not member.flag_bits & 0x1
    if not plain or not member.filename.endswith(".npy"):
        _refuse(member.filename, "it is not a plain .npy file")
    return archive.read(member)


def _array(member: zipfile.ZipInfo, content: bytes) -> Array:
    name, stream = member.filename, io.BytesIO(content)
    try:
        reader = _READERS[np.lib.format.read_magic(stream)]
        shape, fortran, dtype = reader(stream, max_header_size=_MAX_HEADER)
    except (KeyError, ValueError, TypeError, SyntaxError, MemoryError, RecursionError) as error:
        _refuse(name, f"its header cannot be read ({type(error).__name__})")
    if not _is_plain(dtype):
        _refuse(name, f"dtype {dtype} is not plain")
    if any(n < 0 for n in shape):
        _refuse(name, f"its shape is {shape}")
    rest = len(content) - stream.tell()
    if math.prod(shape) * dtype.itemsize != rest:
        _refuse(name, f"{dtype} of shape {shape} does not fill the {rest:,} bytes that there are")
    flat = np.frombuffer(content, dtype, offset=stream.tell()) if rest else np.empty(0, dtype)
    try:
        return flat.reshape(shape, order="F" if fortran else "C")
    except ValueError:
        _refuse(name, f"its shape is {shape}")


def _is_plain(dtype: np.dtype[Any]) -> bool:
    return dtype.kind in _KINDS and dtype.itemsize > 0


def _refuse(name: str, fault: str) -> NoReturn:
    message = f"array {name}: {fault}; it is not kept or read. Only plain arrays are."
    raise StoreError("array_refused", message)
