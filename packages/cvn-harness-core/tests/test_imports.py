"""What must not be imported is not, and Hamilton is brought in without its extensions."""

from __future__ import annotations

import json
from typing import Any

import pytest

import cvn_harness_core

HEAVY = {
    "catboost",
    "hamilton",
    "lightgbm",
    "matplotlib",
    "msgspec",
    "narwhals",
    "numpy",
    "optuna",
    "pandas",
    "polars",
    "pyarrow",
    "pytest",
    "scipy",
    "sklearn",
    "structlog",
    "xgboost",
}
MODEL_LIBRARIES = {"catboost", "lightgbm", "optuna", "xgboost"}

REPORT = """
import json, os, sys
print(json.dumps({
    "modules": sorted({name.partition(".")[0] for name in sys.modules}),
    "extensions": sorted(name for name in sys.modules if name.startswith("hamilton.plugins.")),
    "variable": os.environ.get("HAMILTON_AUTOLOAD_EXTENSIONS"),
}))
"""

TRAIN = """
import numpy as np
from cvn_harness_core import Datasets, train_one
rng = np.random.default_rng(0)
X = rng.normal(size=(90, 2))
y = (X[:, 0] + rng.normal(size=90) > 0).astype(int)
data = Datasets.from_arrays((X, y), (X, y), (X, y), feature_names=["a", "b"])
train_one("logreg", data).predict(X)
"""


def after(run_python: Any, source: str, **env: str) -> dict[str, Any]:
    done = run_python(source + REPORT, env=env)
    assert done.returncode == 0, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def test_importing_the_package_imports_nothing_heavy(run_python: Any) -> None:
    report = after(run_python, "import cvn_harness_core\ncvn_harness_core.__version__\n")
    assert HEAVY & set(report["modules"]) == set()


def test_listing_plugins_imports_nothing_heavy_and_no_plugin(run_python: Any) -> None:
    report = after(
        run_python,
        "from cvn_harness_core import MODEL_REGISTRY, discover\n"
        "assert 'logreg' in MODEL_REGISTRY and list(MODEL_REGISTRY) and discover()\n",
    )
    assert HEAVY & set(report["modules"]) == set()
    assert "sample_models" not in report["modules"]


def test_training_one_model_imports_no_other_and_leaves_the_environment(run_python: Any) -> None:
    report = after(run_python, TRAIN)
    assert MODEL_LIBRARIES & set(report["modules"]) == set()
    assert {"polars", "matplotlib", "pytest"} & set(report["modules"]) == set()
    assert report["variable"] is None
    assert report["extensions"] == []


def test_a_choice_about_hamiltons_extensions_is_left_alone(run_python: Any) -> None:
    report = after(run_python, TRAIN, HAMILTON_AUTOLOAD_EXTENSIONS="0")
    assert report["variable"] == "0"
    assert report["extensions"] == []


def test_every_public_name_can_be_had_and_is_listed() -> None:
    assert sorted(cvn_harness_core.__all__) == dir(cvn_harness_core)
    for name in cvn_harness_core.__all__:
        assert getattr(cvn_harness_core, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'train_two'"):
        cvn_harness_core.train_two  # noqa: B018


def test_the_promised_names_are_public() -> None:
    promised = {
        "Datasets",
        "ENSEMBLE_REGISTRY",
        "EnsembleSpec",
        "FeatureVersion",
        "HPOParams",
        "MODEL_REGISTRY",
        "ModelAdapter",
        "ModelSpec",
        "Payoff",
        "Split",
        "SplitMetrics",
        "TrainedArtifact",
        "TrainingPolicy",
        "hookimpl",
        "train_one",
    }
    assert promised <= set(cvn_harness_core.__all__)
