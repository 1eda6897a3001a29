"""The ensembles are found by their names, without being imported."""

import subprocess
import sys
from importlib.metadata import distribution, version

import pytest

from cvn_ensembles.__about__ import __version__
from cvn_harness_core import ENSEMBLE_REGISTRY

NAMES = {
    "blend_avg",
    "stack_logreg",
    "stack_xgb_meta",
    "stack_3model_avg",
    "stack_3model_logreg_shrink",
}


def test_it_is_installed_at_its_version():
    assert version("cvn-ensembles") == __version__


def test_it_registers_its_ensembles():
    assert {e.name for e in distribution("cvn-ensembles").entry_points} == NAMES
    offered = {r.name for r in ENSEMBLE_REGISTRY.records() if r.distribution == "cvn-ensembles"}
    assert offered == NAMES


@pytest.mark.parametrize("name", sorted(NAMES))
def test_each_is_loaded_by_its_name(name):
    spec = ENSEMBLE_REGISTRY[name]
    assert spec.name == name
    assert spec.bases == ("xgboost", "lightgbm", "catboost")


@pytest.mark.parametrize(
    ("alias", "original"),
    [("stack_3model_avg", "blend_avg"), ("stack_3model_logreg_shrink", "stack_logreg")],
)
def test_an_alias_is_the_same_ensemble_under_its_earlier_name(alias, original):
    assert ENSEMBLE_REGISTRY[alias].combiner is ENSEMBLE_REGISTRY[original].combiner


def test_a_specification_imports_no_library():
    code = (
        "import sys; from cvn_harness_core import ENSEMBLE_REGISTRY\n"
        f"for name in {sorted(NAMES)}: ENSEMBLE_REGISTRY[name]\n"
        "print(sorted({'xgboost', 'sklearn.linear_model'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
