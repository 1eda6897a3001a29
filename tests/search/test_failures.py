"""Trials that fail, and what a search makes of it."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from cvn_harness_core import (
    MODEL_REGISTRY,
    Choice,
    FitError,
    Param,
    ParameterError,
    train_one,
)
from cvn_harness_core.contracts.space import check_dimension
from cvn_harness_core.plugins.adapters import adapter_of
from cvn_harness_core.search import loop
from tests.ensembles.small import datasets

from .worker import settings

MODEL = "lightgbm"
DATA = datasets(n=600)
KIND = type(adapter_of(MODEL))
FIT = KIND.fit


def test_a_winner_that_fails_when_it_is_fitted_again_raises_its_own_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = settings(MODEL, n_trials=2, storage=f"sqlite:///{tmp_path}/hpo.db", study_name="mine")
    train_one(MODEL, DATA, run)

    def failing(*_: Any) -> None:
        raise MemoryError

    monkeypatch.setattr(KIND, "fit", failing)
    with pytest.raises(FitError) as caught:
        train_one(MODEL, DATA, run)
    assert caught.value.code == "out_of_memory"
    assert isinstance(caught.value.__cause__, MemoryError)


def test_a_failed_trial_has_its_peak_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    n = 0

    def failing_first(self: Any, prepared: Any, request: Any) -> Any:
        nonlocal n
        n += 1
        if n == 1:
            raise ValueError
        return FIT(self, prepared, request)

    monkeypatch.setattr(KIND, "fit", failing_first)
    failed, complete = train_one(MODEL, DATA, settings(MODEL, n_trials=2)).search.trials
    assert failed.state == "failed"
    assert (failed.peak_bytes is None) == (complete.peak_bytes is None)


def test_others_are_begun_beside_one_that_was_measured_and_not_beside_one_that_failed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(loop, "worker_count", lambda budget, threads, growth, most: min(2, most))
    begun, running, beside = 0, 0, []
    met = threading.Event()

    def fit(self: Any, prepared: Any, request: Any) -> Any:
        nonlocal begun, running
        begun, running = begun + 1, running + 1
        beside.append(running - 1)
        try:
            if begun <= 3:
                raise ValueError
            if running > 1:
                met.set()
            elif begun > 4:
                met.wait(timeout=10)  # for another: a fit takes less than to begin one
            return FIT(self, prepared, request)
        finally:
            running -= 1

    monkeypatch.setattr(KIND, "fit", fit)
    train_one(MODEL, DATA, settings(MODEL, n_trials=8, n_workers=2))
    assert beside[:4] == [0, 0, 0, 0], "nothing was measured before the fourth"
    assert met.is_set()


def test_a_choice_of_tuples_is_refused() -> None:
    param = Param("feature_weights", tuple, of_floats=True)
    with pytest.raises(ParameterError, match="a choice is of numbers") as caught:
        check_dimension(param, Choice((1.0, 2.0), (2.0, 1.0)))
    assert caught.value.code == "space_invalid"


NODES = '''
from typing import Any

from cvn_harness_core.contracts.datasets import Datasets
from cvn_harness_core.contracts.model import ModelAdapter
from cvn_harness_core.nodes.fit import Scores
from cvn_harness_core.scoring import positive_scores

CALLED = []


def native_scores(adapter: ModelAdapter, native: Any, datasets: Datasets, n_threads: int) -> Scores:
    """Score as the plugin does."""
    CALLED.append(1)
    splits = (datasets.train, datasets.val, datasets.test)
    return Scores(*(positive_scores(adapter, native, s.X, n_threads) for s in splits))
'''


def test_a_plugins_own_scores_are_a_trials_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = MODEL_REGISTRY[MODEL]
    own = spec.dag
    (tmp_path / "cvn_own_nodes.py").write_text(Path(own.__file__).read_text() + NODES)
    monkeypatch.syspath_prepend(tmp_path)
    import cvn_own_nodes  # type: ignore[import-not-found]

    object.__setattr__(spec, "dag", cvn_own_nodes)
    try:
        train_one(MODEL, DATA, settings(MODEL, n_trials=2, pruner="none"))
    finally:
        object.__setattr__(spec, "dag", own)
        del sys.modules["cvn_own_nodes"]
    assert len(cvn_own_nodes.CALLED) == 3, "of two trials and of the artifact"
