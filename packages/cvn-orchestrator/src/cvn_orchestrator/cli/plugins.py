"""`cvn plugins`: what is installed; only with --load or --strict is any of it imported."""

from __future__ import annotations

import argparse
import json
import sys

from cvn_harness_core import discover, unmatched_names
from cvn_orchestrator.table import aligned

_COLUMNS = ("name", "kind", "status", "distribution", "version", "origin")


def run(arguments: argparse.Namespace) -> int:
    """Print a line for each plugin and, below, what is wrong with any of them and what to do."""
    records = discover()
    if arguments.load or arguments.strict:
        from cvn_harness_core import examine

        records = examine(records)
    broken = [r for r in records if r.status not in {"available", "blocked"}]
    misspelt = list(unmatched_names(records))
    for variable, name in misspelt:
        said = f"{variable} lists {name!r}, and no installed plugin or distribution is called so"
        print(f"cvn: warning: {said}", file=sys.stderr)
    code = 1 if arguments.strict and (broken or misspelt) else 0
    if arguments.json:
        print(json.dumps([r.as_dict() for r in records], indent=1), file=arguments.answer)
        return code
    if not records:
        print("No plugins are installed. Begin with: pip install cvn-model-lightgbm")
        return code
    rows = [tuple(str(getattr(r, c)) for c in _COLUMNS) for r in records]
    print(aligned(_COLUMNS, rows, left=len(_COLUMNS)))
    for record in records:
        if record.error or record.advice:
            print(f"\n{record.name} ({record.distribution} {record.version}):", end=" ")
            print(*filter(None, [record.error, record.advice]), sep="\n  ")
    return code
