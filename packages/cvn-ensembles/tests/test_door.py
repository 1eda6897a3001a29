"""The package is installed and, until there are ensembles, offers none."""

from importlib.metadata import distribution, version

import cvn_ensembles
from cvn_ensembles.__about__ import __version__
from cvn_harness_core import ENSEMBLE_REGISTRY


def test_it_is_installed_at_its_version():
    assert version("cvn-ensembles") == __version__
    assert cvn_ensembles.__doc__


def test_it_registers_no_ensemble_yet():
    ours = [e.name for e in distribution("cvn-ensembles").entry_points]
    assert ours == []
    offered = [r for r in ENSEMBLE_REGISTRY.records() if r.distribution == "cvn-ensembles"]
    assert offered == []
