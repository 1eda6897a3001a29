"""What a result depends on besides its inputs: versions."""

from __future__ import annotations

import importlib
import platform
from functools import cache

import numpy as np
import scipy

from cvn_harness_core.__about__ import __version__
from cvn_harness_core.plugins.discovery import version_of
from cvn_harness_core.plugins.record import PluginRecord
from cvn_harness_core.policy import TrainingPolicy


def optuna_version() -> str:
    """Return the version of what searches, without importing it.

    Raises PluginDependencyError ``plugin_dependency_missing`` if it is not installed.
    """
    try:
        return version_of("optuna")
    except ModuleNotFoundError:  # what importlib's and its backport's errors have in common
        from cvn_harness_core.search.storage import require_optuna

        require_optuna()
        return "unknown"


@cache
def _sklearn_version() -> str:
    """Return scikit-learn's version; importing it takes a second, and only what trains needs it."""
    try:
        return version_of("scikit-learn")
    except ModuleNotFoundError:  # it is here without metadata
        import sklearn

        return str(sklearn.__version__)


def environment(
    record: PluginRecord, libraries: tuple[str, ...], policy: TrainingPolicy
) -> dict[str, str]:
    """Return versions by name: Python, platform, harness, plugin, and the libraries at work.

    The version of a plugin's library is its module's ``__version__``: distributions of other names
    may provide it.
    """
    versions = {
        "python": platform.python_version(),
        "platform": f"{platform.system()}-{platform.machine()}",
        "cvn-harness-core": __version__,
        record.distribution: record.version,
        "numpy": np.__version__,
        "scikit-learn": _sklearn_version(),
        "scipy": scipy.__version__,
    }
    for name in libraries:
        versions[name] = str(getattr(importlib.import_module(name), "__version__", "unknown"))
    if policy.calibration is not None and policy.calibration.method == "venn_abers":
        versions["venn-abers"] = version_of("venn-abers")  # its module has none
    return versions
