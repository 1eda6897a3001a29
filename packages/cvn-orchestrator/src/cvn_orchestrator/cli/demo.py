"""`cvn demo`: the main job, on real data that needs no network."""

from __future__ import annotations

import argparse
import json
import signal
import time

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from cvn_harness_core import TrainingOutcome, configure_logging
from cvn_orchestrator.cli.interrupt import postponed
from cvn_orchestrator.demo import run as demo
from cvn_orchestrator.demo.reading import reading


def run(arguments: argparse.Namespace) -> int:
    """Train every cell behind a progress bar, then print the tables and their reading."""
    if arguments.log != "off":
        configure_logging(arguments.log)
    started = time.perf_counter()
    console = Console(stderr=True)
    progress = Progress(
        TextColumn("{task.description:36}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
    )
    with progress:
        task = progress.add_task("reading the bars", total=None)
        todo = list(demo.cells(arguments.folds))
        progress.update(task, total=len(todo), description="training")

        with postponed(signal.SIGINT) as check:

            def done(cell: demo.Cell, outcome: TrainingOutcome) -> None:
                progress.update(task, advance=1, description=cell.name)
                if not console.is_terminal:
                    how = "read" if outcome.cache_hit else "trained"
                    console.print(f"{how} {cell.name}", highlight=False)
                check()

            rows, tested = demo.run(todo, arguments.out, n_threads=arguments.threads, done=done)
    if arguments.json:
        print(json.dumps(rows, indent=1))
        return 0
    print(reading(rows, tested))
    found = sum(row["cache_hit"] for row in rows)
    read = f", {found} of them read from {arguments.out / 'store'}," if found else ""
    print(
        f"\n{len(rows)} trainings{read} in {time.perf_counter() - started:.0f} s. "
        f"Results: {arguments.out / 'results.json'}; bundles: {arguments.out / 'bundles'}/"
    )
    return 0
