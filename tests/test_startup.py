"""What must not be imported, seen in `sys.modules` of a fresh interpreter."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = {
    "catboost", "hamilton", "lightgbm", "mlflow", "numpy", "optuna", "pandas", "plotly", "polars",
    "pyarrow", "scipy", "sklearn", "sqlalchemy", "structlog", "tomlkit", "tree_sitter", "xgboost",
}  # fmt: skip

MODELS = {"catboost", "lightgbm", "xgboost"}

LOADED = """
import json, sys
try:
    {statement}
except SystemExit:
    pass
finally:
    print(json.dumps(sorted({{name.partition(".")[0] for name in sys.modules}})), file=sys.stderr)
"""


def loaded_after(statement: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", LOADED.format(statement=statement)],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(json.loads(done.stderr.splitlines()[-1]))


@pytest.mark.parametrize(
    "arguments",
    [
        ["plugins"],
        ["plugins", "--json"],
        ["--help"],
        ["store", "--help"],
        ["params", "--help"],
        ["splits", "--help"],
        ["sweep", "--help"],
        ["results", "--help"],
        ["doctor", "--help"],
        ["new-plugin", "--help"],
        ["new-plugin", "lightgbm"],
        ["check", "--help"],
    ],
)
def test_listing_and_help_import_nothing_heavy(arguments: list[str]) -> None:
    loaded = loaded_after(f"from cvn_orchestrator.cli import main; main({arguments!r})")
    assert not loaded & HEAVY
    assert "cvn_orchestrator" in loaded


@pytest.mark.parametrize(
    "statement",
    [
        "import cvn_harness_core",
        "from cvn_harness_core import MODEL_REGISTRY; assert list(MODEL_REGISTRY)",
    ],
)
def test_core_and_the_registry_import_nothing_heavy(statement: str) -> None:
    assert not loaded_after(statement) & HEAVY


def test_a_specification_does_not_import_its_library() -> None:
    statement = "from cvn_harness_core import MODEL_REGISTRY as R; [R[name] for name in R]"
    assert not loaded_after(statement) & MODELS


@pytest.mark.parametrize("model", ["lightgbm", "catboost", "stack_logreg"])
def test_parameters_are_shown_without_importing_the_library(model: str) -> None:
    arguments = ["params", model, "--used", "--json"]
    loaded = loaded_after(f"from cvn_orchestrator.cli import main; main({arguments!r})")
    assert not loaded & (MODELS | {"optuna", "sklearn", "sqlalchemy", "tomlkit"})


def test_the_doctor_imports_no_library_that_it_reports() -> None:
    loaded = loaded_after("from cvn_orchestrator.cli import main; main(['doctor', '--json'])")
    assert "cvn_orchestrator" in loaded
    assert not loaded & (HEAVY - {"numpy", "structlog"})


def test_one_model_does_not_import_another() -> None:
    train = (
        "import numpy as np; from cvn_harness_core import Datasets, train_one; "
        "X = np.random.default_rng(0).normal(size=(300, 3)); y = (X[:, 0] > 0).astype(int); "
        "p = (X, y); "
        "train_one('lightgbm', Datasets.from_arrays(p, p, p, feature_names=['a', 'b', 'c']))"
    )
    assert loaded_after(train) & (MODELS | {"optuna"}) == {"lightgbm"}


def test_checking_a_model_needs_no_pytest() -> None:
    check = "check_model('lightgbm', only=['row_alone'])"
    loaded = loaded_after(f"from cvn_harness_core.testing import check_model; assert {check}.ok")
    assert "lightgbm" in loaded
    assert not loaded & {"pytest", "_pytest", "optuna"}


def test_the_command_that_checks_imports_no_plugin_itself() -> None:
    check = ["check", "lightgbm", "--only", "row_alone", "--json"]
    loaded = loaded_after(f"from cvn_orchestrator.cli import main; main({check!r})")
    assert not loaded & (MODELS | {"optuna", "pytest", "sklearn"})
