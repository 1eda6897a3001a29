"""Arrays come back to the bit, and a file that lies about them costs nothing."""

from __future__ import annotations

import io
import struct
import tracemalloc
import zipfile
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cvn_harness_core import StoreError
from cvn_harness_core.store.arrays import decode, encode

ARRAYS = {
    "scores": np.array([0.1, np.nan, -0.0]),
    "empty": np.empty((0, 3), dtype=np.float32),
    "scalar": np.array(7),
    "fortran": np.asfortranarray(np.arange(6, dtype=">i4").reshape(2, 3)),
    "time": np.array(["2020-01-01", "NaT"], dtype="datetime64[ns]"),
    "names": np.array(["a", "bc"]),
    "strided": np.arange(10)[::3],
}


def npy(header: str, content: bytes = b"", version: bytes = b"\x01\x00") -> bytes:
    text = header.encode("latin1")
    return b"\x93NUMPY" + version + struct.pack("<H", len(text)) + text + content


def npz(**members: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return file.getvalue()


def head(descr: str = "'<f8'", shape: str = "(2,)", order: str = "False") -> str:
    return f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}\n"


def refuses(payload: bytes, match: str = "array") -> None:
    with pytest.raises(StoreError, match=match) as caught:
        decode(payload)
    assert caught.value.code == "array_refused"


def test_arrays_come_back_to_the_bit() -> None:
    again = decode(encode(ARRAYS))
    assert set(again) == set(ARRAYS)
    for name, array in ARRAYS.items():
        assert (again[name].dtype, again[name].shape) == (array.dtype, array.shape)
        assert again[name].tobytes() == array.tobytes()
        assert not again[name].flags.writeable
    assert decode(encode({})) == {}


def test_the_same_arrays_are_the_same_bytes_and_numpy_reads_them() -> None:
    payload = encode(ARRAYS)
    assert encode(dict(reversed(ARRAYS.items()))) == payload
    with np.load(io.BytesIO(payload), allow_pickle=False) as file:
        np.testing.assert_array_equal(file["scores"], ARRAYS["scores"])


@pytest.mark.parametrize(
    "array",
    [np.array([object()]), np.zeros(1, dtype=[("a", "f8")]), np.zeros(1, dtype="V3")],
    ids=["objects", "records", "void"],
)
def test_what_needs_pickle_is_not_written(array: Any) -> None:
    with pytest.raises(StoreError, match="scores") as caught:
        encode({"scores": array})
    assert caught.value.code == "array_refused"


TWO = bytes(16)

LIES: dict[str, bytes] = {
    "a giant": npz(a=npy(head(shape="(1000000000000000,)"), TWO)),
    "a giant in many dimensions": npz(a=npy(head(shape=f"({', '.join(['65536'] * 8)})"), TWO)),
    "a giant of nothing": npz(a=npy(head(shape=f"(0, {2**70})"))),
    "a giant of empty texts": npz(a=npy(head("'<U0'", shape="(1000000000000,)"))),
    "more than there is": npz(a=npy(head(shape="(3,)"), TWO)),
    "less than there is": npz(a=npy(head(shape="(1,)"), TWO)),
    "a negative shape": npz(a=npy(head(shape="(-1, -2)"), TWO)),
    "objects": npz(a=npy(head("'|O'"), TWO)),
    "records": npz(a=npy(head("[('a', '<f8')]"), TWO)),
    "no dtype": npz(a=npy(head("'no such'"), TWO)),
    "a long header": npz(a=npy(head().replace("}", " " * 20_000 + "}"), TWO)),
    "a header that is code": npz(a=npy("__import__('os').abort()\n", TWO)),
    "deep brackets": npz(a=npy("(" * 5000, TWO)),
    "an unknown version": npz(a=npy(head(), TWO, version=b"\x09\x00")),
    "no npy": npz(a=b"hello"),
    "nothing": npz(a=b""),
    "no npz": b"hello",
    "no bytes": b"",
}


@pytest.mark.parametrize("what", LIES)
def test_a_file_that_lies_is_refused_before_anything_is_allocated(what: str) -> None:
    tracemalloc.start()
    try:
        refuses(LIES[what])
        assert tracemalloc.get_traced_memory()[1] < 10 << 20
    finally:
        tracemalloc.stop()


def test_a_compressed_file_is_refused_for_it_may_be_a_bomb() -> None:
    file = io.BytesIO()
    np.savez_compressed(file, a=np.zeros(1_000_000))
    refuses(file.getvalue())


def test_a_name_twice_is_refused() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.npy", npy(head(), TWO))
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("a.npy", npy(head(), TWO))
    refuses(file.getvalue(), "twice")


@given(st.data())
def test_a_damaged_file_gives_plain_arrays_or_an_error(data: st.DataObject) -> None:
    payload = bytearray(encode(ARRAYS))
    for at in data.draw(st.lists(st.integers(0, len(payload) - 1), min_size=1, max_size=3)):
        payload[at] ^= data.draw(st.integers(1, 255))
    cut = data.draw(st.integers(0, len(payload)))
    for damaged in (bytes(payload), bytes(payload[:cut])):
        with suppress(StoreError):
            arrays = decode(damaged)
            assert sum(array.nbytes for array in arrays.values()) <= len(damaged)


def test_a_member_said_to_begin_before_the_file_is_refused() -> None:
    payload = bytearray(encode(ARRAYS))
    payload[-6] ^= 1  # where the directory begins, as the last record says
    refuses(bytes(payload), "cannot be read")
