"""Arrays as bytes and back: an uncompressed ``npz`` without pickle, measured before it is read."""

from __future__ import annotations

import io
import math
import re
import struct
import zipfile
from collections.abc import Mapping
from typing import Any, NoReturn

import numpy as np

from cvn_harness_core.contracts.split import Array
from cvn_harness_core.errors import StoreError

_KINDS = frozenset("biufcSUMm")
# What zipfile raises for damage depends on the Python: a seek before the start is a ValueError.
_UNREADABLE = (zipfile.BadZipFile, EOFError, NotImplementedError, OSError, ValueError, struct.error)
_PREFIX = len(b"\x93NUMPY\x01\x00") + 2
_HEADER = re.compile(  # as NumPy writes it; its own reader would take much more for a header
    rb"\x93NUMPY\x01\x00.."
    rb"\{'descr': '([<>|][A-Za-z]\d*(?:\[\w+\])?)', 'fortran_order': (True|False), "
    rb"'shape': \(((?:\d{1,19}, )*\d{1,19},?|)\), \} *\n",
    re.DOTALL,
)


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
    except _UNREADABLE as error:
        _refuse("npz", f"it cannot be read ({error})")


def _stored(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    plain = member.compress_type == zipfile.ZIP_STORED and not member.flag_bits & 0x1
    if not plain or not member.filename.endswith(".npy"):
        _refuse(member.filename, "it is not a plain .npy file")
    return archive.read(member)


def _array(member: zipfile.ZipInfo, content: bytes) -> Array:
    name = member.filename
    header = _HEADER.match(content)
    if header is None or header.end() - _PREFIX != int.from_bytes(content[8:10], "little"):
        _refuse(name, "its header is not as NumPy writes it")
    shape = tuple(int(n) for n in header[3].decode().split(",") if n)
    rest = len(content) - header.end()
    try:
        dtype = np.dtype(header[1].decode())
        if not _is_plain(dtype):
            _refuse(name, f"dtype {dtype} is not plain")
        if math.prod(shape) * dtype.itemsize != rest:
            _refuse(name, f"{dtype} of shape {shape} does not fill the {rest:,} bytes there are")
        flat = np.frombuffer(content, dtype, offset=header.end()) if rest else np.empty(0, dtype)
        array = flat.reshape(shape, order="F" if header[2] == b"True" else "C")
    except (TypeError, ValueError, OverflowError) as error:
        _refuse(name, f"it cannot be read ({error})")
    array.flags.writeable = False
    return array


def _is_plain(dtype: np.dtype[Any]) -> bool:
    return dtype.kind in _KINDS and dtype.itemsize > 0


def _refuse(name: str, fault: str) -> NoReturn:
    message = f"array {name}: {fault}; it is not kept or read. Only plain arrays are."
    raise StoreError("array_refused", message)
