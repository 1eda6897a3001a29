"""`cvn doctor`: what is installed and set, what is wrong with it, and what to do."""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path

from cvn_orchestrator.cli.store import DEFAULT
from cvn_orchestrator.doctor.examination import examine
from cvn_orchestrator.doctor.finding import Asked, worst
from cvn_orchestrator.doctor.text import report
from cvn_orchestrator.results.url import VARIABLE, results_url


def run(arguments: argparse.Namespace) -> int:
    """Print what was found; 1 if anything is a problem."""
    store = arguments.store or os.environ.get("CVN_STORE")
    asked = Asked(
        store=Path(store or DEFAULT),
        results=results_url(arguments.results),
        store_named=bool(store),
        results_named=bool(arguments.results or os.environ.get(VARIABLE)),
        environ=os.environ,
    )
    found = list(examine(asked))
    status = worst(finding for _, finding in found)
    if arguments.json:
        rows = [{"subject": subject, **asdict(finding)} for subject, finding in found]
        print(json.dumps({"status": status, "findings": rows}, indent=1), file=arguments.answer)
    else:
        _show(report(finding for _, finding in found))
    return 1 if status == "problem" else 0


def _show(text: str) -> None:
    """Print text, with what the terminal's encoding lacks spelt out: a path may hold anything."""
    encoding = sys.stdout.encoding or "utf-8"
    print(text.encode(encoding, "backslashreplace").decode(encoding))
