"""`cvn check`: whether an installed model or ensemble keeps the contract, check by check."""

from __future__ import annotations

import argparse
import json

from cvn_harness_core import ENSEMBLE_REGISTRY, MODEL_REGISTRY, PluginNotInstalledError
from cvn_harness_core.testing import CheckResult, check_apart
from cvn_orchestrator.children import end_with_parent


def run(arguments: argparse.Namespace) -> int:
    """Print a line for each check as it ends, then what failed and the verdict; 1 if any did."""
    report = check_apart(
        "ensemble" if _is_ensemble(arguments.model) else "model",
        arguments.model,
        only=arguments.only,
        told=_tell,
        before=end_with_parent,
    )
    if arguments.json:
        print(json.dumps(report.as_dict(), indent=1), file=arguments.answer)
    else:
        print("", *(f"{failed}\n" for failed in report.failed), report.summary(), sep="\n")
    return 0 if report.ok else 1


def _is_ensemble(name: str) -> bool:
    """Return whether it is an ensemble's name; a broken plugin's counts, as it is checked."""
    if name in ENSEMBLE_REGISTRY or name in MODEL_REGISTRY:
        return name in ENSEMBLE_REGISTRY
    try:
        MODEL_REGISTRY.record(name)
    except PluginNotInstalledError:
        return any(record.name == name for record in ENSEMBLE_REGISTRY.records())
    return False


def _tell(result: CheckResult) -> None:
    why = f"  {result.reason}" if result.reason else ""
    print(f"{result.outcome:8}{result.name:24}{result.seconds:6.2f} s{why}", flush=True)
