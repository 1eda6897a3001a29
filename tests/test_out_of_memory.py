"""What each library does when memory is refused, as docs/resources.md says."""

from __future__ import annotations

import os
import subprocess
import sys

PROGRAM = """
import sys
import numpy as np
from cvn_harness_core import Datasets, FitError, HPOParams, MODEL_REGISTRY, train_one
from cvn_harness_core.resources.exhausted import memory_limited

model, first = sys.argv[1:]

def data(n):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 60))
    part = (X, (X[:, 0] + rng.normal(size=n) > 0).astype(int))
    short = (X[:500], part[1][:500])
    return Datasets.from_arrays(part, short, short, feature_names=[f"f{i}" for i in range(60)])

def fit(datasets, model=model):
    rounds = {MODEL_REGISTRY[model].iterations_param: 5}
    return train_one(model, datasets, HPOParams(params=rounds, n_threads=1))

small, large = data(1000), data(60_000)
large.digest, MODEL_REGISTRY[model].adapter(), fit(small, first)  # what is kept once
with memory_limited(24 << 20):
    try:
        fit(large)
        print("no error")
    except FitError as error:
        print(error.code)
    print(len(fit(small).metrics))
print(len(fit(large).metrics))
"""


def run(model: str, first: str, seconds: float) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, model, first],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )


def test_a_refused_allocation_is_a_failed_fit_and_the_process_lives_on() -> None:
    done = run("xgboost", "xgboost", 120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["out_of_memory", "3", "3"]


def test_lightgbm_raises_too_or_ends_the_process() -> None:
    done = run("lightgbm", "lightgbm", 120)
    ended = done.returncode < 0  # by a signal, as docs/resources.md says it may
    assert ended or done.stdout.split() == ["out_of_memory", "3", "3"], done.stderr


def test_catboost_ends_the_process_or_hangs_and_never_returns_a_model() -> None:
    try:
        done = run("catboost", "xgboost", 15)
    except subprocess.TimeoutExpired:
        return  # a hang
    if done.returncode >= 0:
        assert done.stdout.split() == ["out_of_memory", "3", "3"], done.stderr


def test_what_catboost_reserved_before_the_limit_is_not_refused() -> None:
    done = run("catboost", "catboost", 120)
    assert done.stdout.split() == ["no", "error", "3", "3"], done.stderr
