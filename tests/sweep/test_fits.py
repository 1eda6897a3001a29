"""What a dry run says of fits is what training does, counted where libraries are called."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cvn_harness_core import ENSEMBLE_REGISTRY, MODEL_REGISTRY, Store
from cvn_orchestrator.plan.reading import read_plan
from cvn_orchestrator.sweep.fits import counts, fits_of
from cvn_orchestrator.sweep.prepared import prepare

from .small import HEAD, write

TINY = "params = { n_estimators = 5 }\n"
OF_BASES = "params.lightgbm = { n_estimators = 5 }\nparams.xgboost = { n_estimators = 5 }\n"
LGBM = f'[variants.lgbm]\nmodel = "lightgbm"\n{TINY}'
BLEND = f'[variants.blend]\nensemble = "blend_avg"\nbases = ["lightgbm", "xgboost"]\n{OF_BASES}'
STACK = f'[variants.stack]\nensemble = "stack_logreg"\nbases = ["xgboost", "lightgbm"]\n{OF_BASES}'

AS_A_BASE = "policy = { out_of_fold = 4, calibrate = 'sigmoid' }\n"
"""What an ensemble under the default policy gives to its bases."""

CASES = {
    "one model": (LGBM, {"model": 1}),
    "one model under two names": (LGBM + LGBM.replace(".lgbm", ".again"), {"model": 1}),
    "two parameters": (LGBM + LGBM.replace(".lgbm", ".b").replace("= 5", "= 6"), {"model": 2}),
    "forward folds": (LGBM + "policy = { out_of_fold = 3 }\n", {"model": 1, "fold": 3}),
    "folds that two policies share": (
        LGBM
        + "policy = { out_of_fold = 3 }\n"
        + LGBM.replace(".lgbm", ".b")
        + "policy = { out_of_fold = 3, theta = 0.5 }\n",
        {"model": 2, "fold": 3},
    ),
    "folds that another class weight parts": (
        LGBM
        + "policy = { out_of_fold = 3 }\n"
        + LGBM.replace(".lgbm", ".b")
        + "policy = { out_of_fold = 3, class_balance = 2 }\n",
        {"model": 2, "fold": 6},
    ),
    "two ensembles over the same bases": (
        LGBM + BLEND + STACK,
        {"model": 3, "fold": 8, "combiner": 2},
    ),
    "a base that is a variant, too": (
        LGBM + AS_A_BASE + BLEND,
        {"model": 2, "fold": 8, "combiner": 1},
    ),
    "folds of a base that a variant shares": (
        LGBM + "policy = { out_of_fold = 4 }\n" + BLEND,
        {"model": 3, "fold": 8, "combiner": 1},
    ),
    "a search": (
        LGBM + 'search = { n_trials = 3, pruner = "none" }\n',
        {"trial": 3},
    ),
    "a search whose winner has folds": (
        LGBM + 'search = { n_trials = 3, pruner = "none" }\npolicy = { out_of_fold = 2 }\n',
        {"trial": 3, "fold": 2},
    ),
    "a search by forward folds": (
        LGBM + 'search = { n_trials = 2, evaluate_on = "forward_folds" }\n'
        "policy = { out_of_fold = 2 }\n",
        {"model": 1, "trial": 4, "fold": 2},
    ),
    "a search by forward folds that the policy has not": (
        LGBM + 'search = { n_trials = 2, evaluate_on = "forward_folds" }\n',
        {"model": 1, "trial": 8},
    ),
    "an ensemble of searched bases": (
        LGBM + BLEND + 'search = { n_trials = 2, pruner = "none" }\n',
        {"model": 1, "trial": 4, "fold": 8, "combiner": 1},
    ),
}


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Count the calls of ``fit`` of every adapter and every combiner."""
    counted: Counter[str] = Counter()

    def counting(kind: str, cls: Any) -> None:
        fit: Callable[..., Any] = cls.fit

        def count(*args: Any, **kwargs: Any) -> Any:
            counted[kind] += 1
            return fit(*args, **kwargs)

        monkeypatch.setattr(cls, "fit", count)

    for name in ("lightgbm", "xgboost"):
        counting("model", type(MODEL_REGISTRY[name].adapter()))
    for name in ("blend_avg", "stack_logreg"):
        counting("combiner", type(ENSEMBLE_REGISTRY[name].combiner()))
    return counted


@pytest.mark.parametrize("case", CASES)
def test_as_many_fits_are_made_as_are_told(case: str, calls: Counter[str], tmp_path: Path) -> None:
    text, expected = CASES[case]
    sweep = prepare(read_plan(write(tmp_path, HEAD + text)), tmp_path / "work")
    told = counts(fits_of(sweep.plan.variants))
    assert told == {"model": 0, "fold": 0, "trial": 0, "combiner": 0} | expected
    datasets, store = sweep.datasets("ES", 1), Store(tmp_path / "store")
    for variant in sweep.plan.variants:
        variant.train(datasets, store)
    assert calls["model"] == told["model"] + told["fold"] + told["trial"]
    assert calls["combiner"] == told["combiner"]
