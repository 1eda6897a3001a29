"""`cvn plugins`: what is installed, without importing any of it."""

from __future__ import annotations

import argparse
import json
import sys

from cvn_harness_core import discover
from cvn_orchestrator.table import aligned

_COLUMNS = ("name", "kind", "status", "distribution", "version", "origin")


def run(arguments: argparse.Namespace) -> int:
    """Print a line for each plugin and, below, why any of them cannot be used."""
    records = discover()
    broken = [r for r in records if r.status != "available"]
    if arguments.json:
        json.dump([r.as_dict() for r in records], sys.stdout, indent=1)
        print()
        return 1 if arguments.strict and broken else 0
    if not records:
        print("No plugins are installed. Begin with: pip install cvn-model-lightgbm")
        return 0
    rows = [tuple(str(getattr(r, c)) for c in _COLUMNS) for r in records]
    print(aligned(_COLUMNS, rows, left=len(_COLUMNS)))
    for record in broken:
        print(f"\n{record.name} ({record.distribution}): {record.error}")
    return 1 if arguments.strict and broken else 0
