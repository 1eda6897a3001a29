"""What a result depends on besides its inputs: versions."""

from __future__ import annotations

import importlib
import platform

import numpy as np
import sklearn

from cvn_harness_core.__about__ import __version__
from cvn_harness_core.plugins.discovery import PluginRecord


def environment(record: PluginRecord, libraries: tuple[str, ...]) -> dict[str, str]:
    """Return versions by name: Python, platform, harness, plugin, and the plugin's libraries.

    A library's version is its module's ``__version__``: distributions of other names may provide
    it.
    """
    versions = {
        "python": platform.python_version(),
        "platform": f"{platform.system()}-{platform.machine()}",
        "cvn-harness-core": __version__,
        record.distribution: record.version,
        "numpy": np.__version__,
        "scikit-learn": sklearn.__version__,
    }
    for name in libraries:
        versions[name] = str(getattr(importlib.import_module(name), "__version__", "unknown"))
    return versions
