"""What a fit takes, measured beside a known one in the same process: ratios, and no seconds."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from cvn_harness_core import Datasets, Split, peak_memory
from cvn_harness_core.contracts.split import Array
from cvn_harness_core.testing.model_subject import ModelUnderTest
from cvn_harness_core.testing.synthetic import synthetic_datasets

ROWS, FEATURES = 20_000, 40


class Measured(NamedTuple):
    """Memory over the bytes of X, None where it cannot be told, and time over scikit-learn's."""

    memory: float | None
    time: float


def measure(model: ModelUnderTest) -> Measured:
    """Return what preparing and fitting take; for a fresh process, as freed memory is used again.

    Both libraries are warm: each has fitted a few rows before.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier

    request, data = model.request(), _wide(ROWS)
    ceiling = request.params.get(model.ceiling)
    iterations = ceiling if isinstance(ceiling, int) else 100
    adapter = model.author()

    def fit(datasets: Datasets) -> None:
        adapter.fit(adapter.prepare(datasets.without_test(), request), request)

    def fit_known(datasets: Datasets) -> None:
        known = HistGradientBoostingClassifier(max_iter=iterations, early_stopping=False)
        known.fit(datasets.train.X, datasets.train.y)

    for warm_up in (fit, fit_known):
        warm_up(_wide(300))
    with peak_memory() as peak:
        first = _seconds(fit, data)
    growth = peak.growth_bytes
    size = data.train.X.nbytes + data.val.X.nbytes
    own = min(first, _seconds(fit, data))
    known = min(_seconds(fit_known, data) for _ in range(2))
    return Measured(None if growth is None else growth / size, own / known)


def _seconds(work: Callable[[Datasets], None], data: Datasets) -> float:
    before = time.process_time()
    work(data)
    return time.process_time() - before


def _wide(n: int) -> Datasets:
    """Return synthetic rows with features that mean nothing beside the six."""

    def widen(_: str, X: Array, y: Array) -> Split:
        noise = np.random.default_rng(4).normal(size=(len(X), FEATURES - X.shape[1]))
        return Split(np.hstack([X, noise]), y)

    names = tuple(f"x{i}" for i in range(FEATURES))
    return synthetic_datasets(widen, n=n, names=names)
