"""The conformance kit: what the harness expects of a plugin, as checks.

``check_model`` and ``check_ensemble`` run them anywhere and return a ``Report``; ``ModelContract``
and ``EnsembleContract`` are the same checks for pytest, which only these two need
(``pip install cvn-harness-core[testing]``). ``synthetic_datasets`` makes the data that they train
on.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cvn_harness_core.testing.apart import check_apart
    from cvn_harness_core.testing.contracts import EnsembleContract, ModelContract
    from cvn_harness_core.testing.report import CheckResult, Report
    from cvn_harness_core.testing.running import check_ensemble, check_model
    from cvn_harness_core.testing.synthetic import synthetic_datasets

_HOME = {
    "CheckResult": "report",
    "EnsembleContract": "contracts",
    "ModelContract": "contracts",
    "Report": "report",
    "check_apart": "apart",
    "check_ensemble": "running",
    "check_model": "running",
    "synthetic_datasets": "synthetic",
}

__all__ = [
    "CheckResult",
    "EnsembleContract",
    "ModelContract",
    "Report",
    "check_apart",
    "check_ensemble",
    "check_model",
    "synthetic_datasets",
]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    value: object = getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value
