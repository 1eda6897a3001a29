"""A sweep as a person watches it: progress, Ctrl-C, and what it comes to."""

from __future__ import annotations

import shutil
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console

from cvn_harness_core import OBSERVERS, StoreError, SweepFacts
from cvn_orchestrator.cli.stopping import stopping
from cvn_orchestrator.engines.contract import Engine
from cvn_orchestrator.errors import ResultsError, SweepError
from cvn_orchestrator.observers.json_lines import JsonLines
from cvn_orchestrator.observers.progress import SweepProgress, Tally
from cvn_orchestrator.observers.rejections import log_as
from cvn_orchestrator.results.sink import Sink
from cvn_orchestrator.sweep.prepared import PreparedSweep
from cvn_orchestrator.sweep.run import Stop, SweepSettings, run_sweep

EXIT_FAILED = 1


@dataclass(frozen=True)
class Swept:
    """What a sweep came to; ``facts`` is None if it was ended at once, by a second Ctrl-C."""

    facts: SweepFacts | None
    tally: Tally
    seconds: float
    exit_code: int


def swept(
    sweep: PreparedSweep,
    engine: Engine,
    sink: Sink,
    settings: SweepSettings,
    events: Path | None = None,
) -> Swept:
    """Run a sweep behind its progress on standard error; raise as ``run_sweep``.

    The exit code is 0 if all cells are done, 1 if some failed, 130 or 143 after a signal. What ends
    a sweep whose cells have begun, as a database that stays away does, is SweepError
    ``sweep_ended``: the same call may go on.
    """
    started = time.perf_counter()
    progress, stop = SweepProgress(Console(stderr=True)), Stop()
    with ExitStack() as stack:
        told = settings.work / "told"
        shutil.rmtree(told, ignore_errors=True)  # what a sweep that was killed has left, too
        told.mkdir(parents=True, exist_ok=True)
        stack.callback(shutil.rmtree, told, ignore_errors=True)
        settings = replace(settings, told=told)
        log_as(settings.log, told)
        stack.enter_context(OBSERVERS.including("cvn-progress", progress))
        if events is not None:
            lines = stack.enter_context(JsonLines(events))
            stack.enter_context(OBSERVERS.including("cvn-json-lines", lines))
        stopped = stack.enter_context(stopping(stop.ask, "the cells in hand"))
        facts = None
        try:
            facts = run_sweep(sweep, engine, sink, settings, stop)
        except KeyboardInterrupt:
            print("cvn: stopped; the same command goes on", file=sys.stderr)
            code = stopped.exit_code
        except (ResultsError, StoreError, SweepError) as error:
            if not progress.tally.begun:
                raise
            message = f"{error} [{error.code}]\nWhat was done is kept; the same command goes on."
            raise SweepError("sweep_ended", message) from error
        else:
            code = EXIT_FAILED if facts.n_failed else 0
            if facts.interrupted:
                print("cvn: interrupted; the same command goes on", file=sys.stderr)
                code = stopped.exit_code
    return Swept(facts, progress.tally, time.perf_counter() - started, code)
