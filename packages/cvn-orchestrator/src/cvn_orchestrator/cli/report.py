"""`cvn report`: the verdict on a run, on the terminal, as JSON, and as one HTML page."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from cvn_harness_core import InputError
from cvn_orchestrator.report.sweep.found import Sweep, sweep_in
from cvn_orchestrator.report.sweep.judged import Judged, judged
from cvn_orchestrator.report.sweep.leaderboard import Standing, leaderboard
from cvn_orchestrator.results.database import open_results
from cvn_orchestrator.results.url import results_url
from cvn_orchestrator.table import aligned
from cvn_orchestrator.target import writing


def run(arguments: argparse.Namespace) -> int:
    """Print the verdict and the leaderboard and, where a file is named, write the page."""
    out: Path | None = arguments.out
    if out is not None and out.suffix.lower() not in (".html", ".htm"):
        message = f"--out {out}: the name must end in .html."
        raise InputError("setting_invalid", message)
    with open_results(results_url(arguments.results), must_exist=True) as results:
        sweep = sweep_in(results, arguments.of)
    verdict = judged(sweep, cost=arguments.cost, n_trials=arguments.trials)
    if out is not None:
        _write(sweep, verdict, out)
    standings = leaderboard(sweep, verdict)
    if arguments.json:
        print(json.dumps(_facts(sweep, verdict, standings), indent=1), file=arguments.answer)
        return 0
    print(f"{verdict.sentence}\n\n{_text(sweep, verdict, standings)}")
    return 0


def _write(sweep: Sweep, verdict: Judged, out: Path) -> None:
    from cvn_orchestrator.report.sweep.sweep_page import sweep_page

    with writing(out):
        out.write_text(sweep_page(sweep, verdict), "utf-8")
    print(f"cvn: wrote {out}", file=sys.stderr)


def _facts(sweep: Sweep, verdict: Judged, standings: list[Standing]) -> dict[str, Any]:
    judgement = verdict.judgement
    return {
        "run": sweep.run.run,
        "name": sweep.run.name,
        "verdict": verdict.sentence,
        "cells": {
            "planned": sweep.run.cells,
            "done": len(sweep.done),
            "failed": len(sweep.failed),
            "open": sweep.open,
        },
        "baseline": sweep.run.baseline,
        "cost": verdict.costs[0],
        "n_trials": verdict.n_trials,
        "notes": list(verdict.notes),
        "leaderboard": [asdict(one) for one in standings],
        "family": None if judgement is None else asdict(judgement.family),
    }


def _text(sweep: Sweep, verdict: Judged, standings: list[Standing]) -> str:
    header = ("variant", "verdict", "net", "95 %", "signals", "deflated", "pr_auc", "cells")
    rows = []
    for one in standings:
        interval = one.expectancy.interval
        rows.append(
            (
                one.variant,
                one.verdict or "-",
                _number(one.expectancy.value, "+.4f"),
                "-" if interval is None else f"{interval[0]:+.4f} to {interval[1]:+.4f}",
                str(one.signals),
                _number(one.deflated_sharpe, ".3f"),
                _number(one.pr_auc, ".4f"),
                str(one.done),
            )
        )
    cost = verdict.costs[0]
    reasons = [f"{one.variant}: {one.reason}" for one in standings if one.reason]
    said = "\n".join([*reasons, *verdict.notes])
    common = sweep.of_common and f"\n{sweep.of_common} The last column counts all cells."
    return (
        f"{aligned(header, rows, left=2)}\nnet: mean of a signal on test after a cost of {cost:g}; "
        f"deflated: Sharpe ratio, of {verdict.n_trials} trials{common}\n\n{said}"
    )


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)
