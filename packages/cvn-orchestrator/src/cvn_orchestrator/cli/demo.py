"""`cvn demo`: the main job, on real data that needs no network."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

from cvn_harness_core import OBSERVERS, CellFacts, hookimpl
from cvn_orchestrator.cli.sweeping import swept
from cvn_orchestrator.demo.plan import write_plan, write_table
from cvn_orchestrator.demo.reading import reading
from cvn_orchestrator.demo.run import read
from cvn_orchestrator.engines.choice import engine_of
from cvn_orchestrator.engines.contract import EngineSettings
from cvn_orchestrator.plan.reading import read_plan
from cvn_orchestrator.report.sweep.found import sweep_in
from cvn_orchestrator.report.sweep.judged import judged
from cvn_orchestrator.report.sweep.sweep_page import sweep_page
from cvn_orchestrator.results.database import open_results
from cvn_orchestrator.sweep.prepared import Cell, prepare
from cvn_orchestrator.sweep.run import SweepSettings
from cvn_orchestrator.target import writing


class _Trained:
    """Which cells were fitted now, and not read from the store."""

    def __init__(self) -> None:
        self.cells: set[Cell] = set()

    @hookimpl
    def cvn_cell_done(self, cell: CellFacts) -> None:
        """Note a cell that was fitted."""
        if not cell.cache_hit:
            self.cells.add(Cell(cell.symbol, cell.fold, cell.variant))


def run(arguments: argparse.Namespace) -> int:
    """Sweep the demo's plan, write its report, and print tables and what they say."""
    started = time.perf_counter()
    out: Path = arguments.out
    with writing(out):
        out.mkdir(parents=True, exist_ok=True)
        write_table(out)
        written = write_plan(out, n_folds=arguments.folds, n_threads=arguments.threads)
    plan = read_plan(written)
    sweep = prepare(plan, out / "work")
    engine = engine_of("local", EngineSettings())
    settings = SweepSettings(store=out / "store", work=out / "work", log=arguments.log)
    trained = _Trained()
    with (
        open_results(f"sqlite:///{out / 'results.db'}") as results,
        OBSERVERS.including("cvn-demo", trained),
    ):
        done = swept(sweep, engine, results, settings)
        if done.facts is None or done.exit_code:
            return done.exit_code
        found = sweep_in(results, done.facts.run)
    with writing(out / "report.html"):
        (out / "report.html").write_text(sweep_page(found, judged(found)), "utf-8")
    rows, tested = read(sweep, out, trained.cells)
    if arguments.json:
        print(json.dumps(rows, indent=1), file=arguments.answer)
        return 0
    print(reading(rows, tested))
    n_read = len(rows) - len(trained.cells)
    told = f", {n_read} of them read from {out / 'store'}," if n_read else ""
    print(
        f"\n{len(rows)} trainings{told} in {time.perf_counter() - started:.0f} s. "
        f"Results: {out / 'results.json'}; bundles: {out / 'bundles'}/\n"
        f"The verdict on all variants, with plots: {out / 'report.html'}"
    )
    return 0
