"""A logistic regression that breaks the contract where its parameter ``fault`` says."""

import signal

import numpy as np

from cvn_harness_core import Fitted
from sample_models.logistic import LogisticAdapter

RAISES = ("prepare", "fit", "predict_proba", "effective_params")
SCORES = {
    "nan": lambda p: np.where(np.arange(p.size) == 1, np.nan, p),
    "infinite": lambda p: np.where(np.arange(p.size) == 1, np.inf, p),
    "above_one": lambda p: p + 1.0,
    "below_zero": lambda p: -p,
    "too_few": lambda p: p[:-1],
    "three_columns": lambda p: np.column_stack([p, p, p]),
}
OTHER = ("not_fitted", "writes_to_its_input", "exits", "is_interrupted", "is_terminated")


class LibraryError(Exception):
    """What the library raises."""


class FaultyAdapter(LogisticAdapter):
    def prepare(self, datasets, request):
        self._raise_at("prepare", request.params["fault"])
        if request.params["fault"] == "writes_to_its_input":
            datasets.train.X[0, 0] = 1e6
        return datasets

    def fit(self, prepared, request):
        fault = request.params["fault"]
        self._raise_at("fit", fault)
        if fault == "not_fitted":
            return "a model"
        if fault == "exits":
            raise SystemExit(3)
        if fault == "keeps_all_pairs":
            prepared.train.X @ prepared.train.X.T
        if fault == "is_interrupted":
            raise KeyboardInterrupt
        if fault == "is_terminated":
            signal.raise_signal(signal.SIGTERM)
        params = {name: value for name, value in request.params.items() if name != "fault"}
        fitted = super().fit(prepared, type(request)(params, request.seed, request.n_threads))
        fitted.native.fault = fault
        return Fitted(native=fitted.native)

    def predict_proba(self, native, X, *, n_threads):
        self._raise_at("predict_proba", native.fault)
        scores = super().predict_proba(native, X, n_threads=n_threads)[:, 1]
        return SCORES[native.fault](scores) if native.fault in SCORES else scores

    def effective_params(self, native):
        self._raise_at("effective_params", native.fault)
        return super().effective_params(native)

    def _raise_at(self, place, fault):
        if fault == place:
            message = f"no luck in {place}"
            raise LibraryError(message)
