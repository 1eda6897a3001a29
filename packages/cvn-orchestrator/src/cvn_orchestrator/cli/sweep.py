"""`cvn sweep`: what a plan would train. Only the dry run is there so far."""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import asdict
from typing import Any

from cvn_harness_core import InputError
from cvn_orchestrator.plan.reading import read_plan
from cvn_orchestrator.sweep.dry_run import dry_run, dry_run_text
from cvn_orchestrator.sweep.estimate import estimate
from cvn_orchestrator.sweep.prepared import prepare


def run(arguments: argparse.Namespace) -> int:
    """Check the plan and its data, and print what there would be to do."""
    if not arguments.dry_run:
        message = "cvn sweep trains nothing yet: give --dry-run, to see what it would train."
        raise InputError("setting_invalid", message)
    plan = read_plan(arguments.plan)
    sweep = prepare(plan, arguments.work)
    facts: dict[str, Any] = dry_run(sweep)
    facts["warnings"] += _ignored_variables()
    if arguments.estimate:
        found = estimate(sweep)
        facts["estimate"] = {**asdict(found), "bytes_per_fit": found.bytes_per_fit}
    if arguments.json:
        json.dump(facts, sys.stdout, indent=1)
        print()
    else:
        print(dry_run_text(facts))
    return 0


def _ignored_variables() -> list[str]:
    found = sorted(name for name in os.environ if name.startswith("CVN_HPO_"))
    return [f"{name} is set, and a sweep does not read it: give it in the plan" for name in found]
