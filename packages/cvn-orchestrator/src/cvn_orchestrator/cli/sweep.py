"""`cvn sweep`: train and judge every cell of a plan, or say what there would be to do."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sqlalchemy import make_url

from cvn_harness_core import HarnessError, SweepFacts
from cvn_orchestrator.cli.sweeping import Swept, swept
from cvn_orchestrator.engines.choice import engine_of
from cvn_orchestrator.engines.contract import EngineSettings
from cvn_orchestrator.plan.reading import read_plan
from cvn_orchestrator.report.sweep.found import sweep_in
from cvn_orchestrator.report.sweep.judged import judged
from cvn_orchestrator.results.database import Results, open_results
from cvn_orchestrator.results.url import results_url
from cvn_orchestrator.sweep.changed_plan import change_of
from cvn_orchestrator.sweep.dry_run import dry_run, dry_run_text, warnings
from cvn_orchestrator.sweep.estimate import estimate
from cvn_orchestrator.sweep.identity import Identity
from cvn_orchestrator.sweep.prepared import PreparedSweep, prepare
from cvn_orchestrator.sweep.run import SweepSettings
from cvn_orchestrator.target import require_writable

_SHOWN = 5


def run(arguments: argparse.Namespace) -> int:
    """Check the plan and its data, then train, or print what there would be to do."""
    sweep = prepare(read_plan(arguments.plan), arguments.work)
    if arguments.dry_run or arguments.no_estimate:
        return _say_what(sweep, arguments)
    for warning in (*warnings(sweep), *_ignored_variables(), *_failing(sweep)):
        print(f"cvn: warning: {warning}", file=sys.stderr)
    return _train(sweep, arguments)


def _failing(sweep: PreparedSweep) -> list[str]:
    """Return which cells are going to fail, for want of rows."""
    if sweep.plan.splits.incomplete == "skip" or not sweep.incomplete:
        return []
    found = [f"{symbol}, fold {n}: {'; '.join(lacks)}" for symbol, n, lacks in sweep.incomplete]
    shown = found[:_SHOWN] + ([f"{len(found) - _SHOWN} more"] if len(found) > _SHOWN else [])
    return [f"incomplete, so their cells will fail: {' | '.join(shown)}"]


def _say_what(sweep: PreparedSweep, arguments: argparse.Namespace) -> int:
    facts: dict[str, Any] = dry_run(sweep)
    facts["warnings"] += _ignored_variables()
    if not arguments.no_estimate:
        facts |= _estimated(sweep)
    if arguments.json:
        print(json.dumps(facts, indent=1), file=arguments.answer)
    else:
        print(dry_run_text(facts))
    return 0


def _estimated(sweep: PreparedSweep) -> dict[str, Any]:
    try:
        found = estimate(sweep)
    except HarnessError as error:
        return {"no_estimate": f"{error} [{error.code}]"}
    except Exception as error:  # noqa: BLE001  what the data do not fit into, say
        return {"no_estimate": f"{type(error).__name__}: {error}"}
    facts = {**asdict(found), "bytes_per_fit": found.bytes_per_fit}
    return {"estimate": facts, "no_estimate": None}


def _train(sweep: PreparedSweep, arguments: argparse.Namespace) -> int:
    engine = engine_of(arguments.engine, EngineSettings(arguments.workers, arguments.address))
    given: str | None = arguments.store
    remote = given if given is not None and "://" in given else None
    settings = SweepSettings(
        store=arguments.work / "store" if given is None or remote else Path(given),
        remote=remote,
        work=arguments.work,
        log=arguments.log,
        retry_failed=arguments.retry_failed,
    )
    if not settings.store.is_dir():  # else every cell would fail for it
        require_writable(settings.store / "entries")
    with open_results(results_url(arguments.results)) as results:
        if changed := _changed(sweep, results):
            print(f"cvn: note: {changed}", file=sys.stderr)
        found = swept(sweep, engine, results, settings, arguments.events)
        if found.facts is not None:
            _report(found.facts, found, _verdict(results, found.facts), results.where, arguments)
    return found.exit_code


def _changed(sweep: PreparedSweep, results: Results) -> str | None:
    runs = results.runs()
    if all(run.name != sweep.plan.name for run in runs):
        return None
    return change_of(Identity(sweep).row(), runs)


def _verdict(results: Results, facts: SweepFacts) -> str | None:
    """Return the verdict in a sentence; None while cells are open."""
    if facts.n_open:
        return None
    return judged(sweep_in(results, facts.run)).sentence


def _report(
    facts: SweepFacts,
    found: Swept,
    verdict: str | None,
    where: str,
    arguments: argparse.Namespace,
) -> None:
    tally, seconds = found.tally, found.seconds
    if arguments.json:
        document = {
            "run": facts.run,
            "name": facts.name,
            "cells": facts.n_cells,
            "done": facts.n_done,
            "failed": facts.n_failed,
            "open": facts.n_open,
            "from_store": tally.cached,
            "fits_saved": tally.saved,
            "verdict": verdict,
            "seconds": seconds,
            "results": where,
        }
        print(json.dumps(document, indent=1), file=arguments.answer)
        return
    left = f", {facts.n_open} open" if facts.n_open else ""
    print(
        f"{facts.name} ({facts.run[:12]}): {facts.n_done} of {facts.n_cells} cells done, "
        f"{facts.n_failed} failed{left}; {tally.done + tally.failed} now, in {seconds:.1f} s"
    )
    if tally.done or tally.failed:
        print(tally.text)
    if verdict is not None:
        print(verdict)
    given = "" if arguments.results is None else f" --results {_again(arguments.results)}"
    run = facts.run[:12]  # the name may be that of several: a plan that was changed is another run
    print(f"all of it: cvn report {run} -o report.html{given}")
    if facts.n_failed:
        print(f"why some failed: cvn results {run} --failed{given}")


def _again(given: str) -> str:
    """Return the URL for a command to copy; one that may hold a password is not repeated."""
    url = make_url(given)
    return "URL" if url.password or url.query else shlex.quote(given)


def _ignored_variables() -> list[str]:
    found = sorted(name for name in os.environ if name.startswith("CVN_HPO_"))
    return [f"{name} is set, and a sweep does not read it: give it in the plan" for name in found]
