"""`cvn splits`: a plan's folds over its data, drawn and counted, and refused if they leak."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict

from rich.console import Console

from cvn_orchestrator.plan.reading import read_plan
from cvn_orchestrator.splits.picture import picture, table
from cvn_orchestrator.sweep.prepared import PreparedSweep, lay


def run(arguments: argparse.Namespace) -> int:
    """Draw the folds; then raise if they leak, or are incomplete."""
    if arguments.out is not None:
        from cvn_orchestrator.splits.html import require_html

        require_html(arguments.out)
    sweep = lay(read_plan(arguments.plan), arguments.work)
    if arguments.out is not None:
        from cvn_orchestrator.splits.html import write_html

        write_html(
            sweep.survey, f"{sweep.plan.name}: {len(sweep.survey.folds)} folds", arguments.out
        )
        print(f"cvn: wrote {arguments.out}", file=sys.stderr)
    if arguments.json:
        sweep.survey.require_sound(sweep.plan.splits)  # else there would be two documents
        print(json.dumps(_facts(sweep), indent=1, default=str), file=arguments.answer)
    else:
        _show(sweep)
    sweep.survey.require_sound(sweep.plan.splits)
    return 0


def _show(sweep: PreparedSweep) -> None:
    console = Console(file=sys.stdout, highlight=False)
    console.print(picture(sweep.survey, console.width))
    symbols = ", ".join(sweep.symbols[:8]) + (", ..." if len(sweep.symbols) > 8 else "")
    print(f"\n{len(sweep.symbols)} symbols together: {symbols}\n")
    print(table(sweep.survey))
    for symbol, fold, lacks in sweep.incomplete:
        print(f"incomplete: {symbol}, fold {fold}: {'; '.join(lacks)}")
    if sweep.plan.schema.label_end is None:
        print("cvn: note: no data.label_end, so nothing can be purged", file=sys.stderr)


def _facts(sweep: PreparedSweep) -> dict[str, object]:
    survey = sweep.survey
    return {
        "name": sweep.plan.name,
        "embargo_days": sweep.plan.splits.embargo.total_seconds() / 86_400,
        "can_purge": sweep.plan.schema.label_end is not None,
        "folds": [asdict(fold) for fold in survey.folds],
        "symbols": [asdict(facts) for facts in survey.facts],
    }
