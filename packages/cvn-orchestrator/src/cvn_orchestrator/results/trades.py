"""The trades of a cell as bytes, and back: numpy's npz, without pickle."""

from __future__ import annotations

import hashlib
import io
from typing import Any

import numpy as np
import numpy.typing as npt

from cvn_orchestrator.errors import ResultsError
from cvn_orchestrator.results.rows import Trades

_UNITS = frozenset({"D", "h", "m", "s", "ms", "us", "ns"})


def pack(trades: Trades) -> tuple[str, bytes]:
    """Return the SHA-256, in hex, and the bytes.

    Raises ResultsError ``results_invalid`` for times that are no datetime64 of days to nanoseconds,
    lengths that differ, and holes.
    """
    time, net = trades.time, trades.net
    if time.dtype.kind != "M" or np.datetime_data(time.dtype)[0] not in _UNITS or time.ndim != 1:
        _refuse(f"time is {time.dtype} of shape {time.shape}; it must be (n,) datetime64")
    if np.isnat(time).any():
        _refuse("time has holes (NaT)")
    arrays: dict[str, npt.NDArray[Any]] = {"time": time}
    if net is not None:
        if net.dtype != np.float64 or net.shape != time.shape:
            _refuse(f"net is {net.dtype} of shape {net.shape}; it must be float64, {time.shape}")
        if not np.isfinite(net).all():
            _refuse("net has holes or infinities")
        arrays["net"] = net
    file = io.BytesIO()
    np.savez_compressed(file, allow_pickle=False, **arrays)
    data = file.getvalue()
    return hashlib.sha256(data).hexdigest(), data


def unpack(sha256: str, data: bytes, where: str) -> Trades:
    """Return the trades, to the bit.

    Raises ResultsError ``results_corrupt`` if the bytes are not those that were written.
    """
    if hashlib.sha256(data).hexdigest() != sha256:
        message = (
            f"the trades of {where} are damaged: their SHA-256 differs. Delete the cell's row "
            "and those of its figures and trades, and run the sweep again."
        )
        raise ResultsError("results_corrupt", message)
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        return Trades(arrays["time"], arrays.get("net"))


def _refuse(fault: str) -> None:
    raise ResultsError("results_invalid", f"trades: {fault}.")
