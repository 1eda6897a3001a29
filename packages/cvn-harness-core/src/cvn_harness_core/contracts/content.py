"""What an array is, to the bit: the text that stands for it in a digest or in a key."""

from __future__ import annotations

import numpy as np
from blake3 import blake3

from cvn_harness_core.contracts.split import Array

_KINDS = frozenset("biufcSUMm")
_PADDED = frozenset("gG")  # extended precision: some bytes of each number are undefined


def array_text(array: Array) -> str:
    """Return dtype, shape and BLAKE3 of the bytes in C order, as in ``<f8(250,100):1c9f...``.

    Two arrays have one text only if dtype, byte order, shape and every bit agree; how they lie in
    memory does not matter. Hashed in one thread: BLAKE3's own thread pool would not survive a fork.

    Raises
    ------
    TypeError
        For a dtype whose bytes are not its values: objects, records, extended precision.
    """
    if array.dtype.kind not in _KINDS or array.dtype.char in _PADDED:
        message = f"the bytes of dtype {array.dtype} do not say what its values are"
        raise TypeError(message)
    shape = ",".join(str(n) for n in array.shape)
    state = blake3()
    if array.nbytes:
        state.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return f"{array.dtype.str}({shape}):{state.hexdigest()}"


def text_digest(text: str) -> str:
    """Return the BLAKE3 of a text in UTF-8, as 64 hex digits."""
    return blake3(text.encode()).hexdigest()
