"""The library's own data, prepared once for all trials that may share them."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Any

from blake3 import blake3

from cvn_harness_core.contracts.datasets import Datasets
from cvn_harness_core.contracts.model import FitRequest, ModelAdapter, ModelSpec
from cvn_harness_core.errors import SearchError

_Key = tuple[Any, ...]


class PreparedData:
    """Prepares on demand, keeps the last few, and checks that no fit has changed them.

    Data are shared by fits with the same parameters at the data's level, on the same rows.
    """

    def __init__(self, spec: ModelSpec, adapter: ModelAdapter, *, keep: int) -> None:
        self._dataset_level = {p.name for p in spec.params if p.dataset_level}
        self._name, self._adapter, self._keep = spec.name, adapter, keep
        self._kept: OrderedDict[_Key, tuple[Any, Any]] = OrderedDict()
        self._lock = threading.Lock()

    def __call__(self, datasets: Datasets, request: FitRequest) -> Any:
        """Return the prepared data of a fit."""
        key = self._key(datasets, request)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key][0]
            while len(self._kept) >= self._keep:
                self._kept.popitem(last=False)
            prepared = self._adapter.prepare(datasets, request)
            self._kept[key] = prepared, self._adapter.fingerprint(prepared)
            return prepared

    def check(self) -> None:
        """Raise SearchError ``prepared_changed`` if a fit has changed what others share."""
        for prepared, before in list(self._kept.values()):
            if self._adapter.fingerprint(prepared) != before:
                message = (
                    f"{self._name}: a fit changed the prepared data that the trials share; its "
                    "plugin must declare what shapes them with Param(dataset_level=True)."
                )
                raise SearchError("prepared_changed", message)

    def _key(self, datasets: Datasets, request: FitRequest) -> _Key:
        values = {n: v for n, v in request.params.items() if n in self._dataset_level}
        return (request.n_threads, tuple(sorted(values.items())), _rows(datasets))


def _rows(datasets: Datasets) -> bytes:
    """Return what tells the rows of one fold from those of another, of the same data."""
    state = blake3()
    for split in (datasets.train, datasets.val):
        for array in (split.y, split.weight, split.time):
            state.update(b"|" if array is None else array.tobytes())
    return state.digest()
