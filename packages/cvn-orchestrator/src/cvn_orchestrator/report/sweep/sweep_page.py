"""The page of a sweep: the verdict first, then everything that it rests on."""

from __future__ import annotations

from cvn_orchestrator.report.page import page
from cvn_orchestrator.report.sweep.calibration import calibration_section
from cvn_orchestrator.report.sweep.ensembles import ensembles_section
from cvn_orchestrator.report.sweep.equity import equity_section
from cvn_orchestrator.report.sweep.events import events_section
from cvn_orchestrator.report.sweep.found import Sweep
from cvn_orchestrator.report.sweep.health import health_section
from cvn_orchestrator.report.sweep.judged import Judged
from cvn_orchestrator.report.sweep.leaderboard import leaderboard, leaderboard_section
from cvn_orchestrator.report.sweep.reproduce import reproduce_section
from cvn_orchestrator.report.sweep.searches import searches_section
from cvn_orchestrator.report.sweep.spread import spread_section
from cvn_orchestrator.report.sweep.theta import theta_section
from cvn_orchestrator.report.sweep.verdict import tone, verdict_section


def sweep_page(sweep: Sweep, judged: Judged) -> str:
    """Return the HTML of a run's report."""
    run = sweep.run
    standings = leaderboard(sweep, judged)
    variants = [one.variant for one in standings]
    symbols = {row.symbol for row in (*(f.row for f in sweep.done), *sweep.failed)}
    folds = {row.fold for row in (*(f.row for f in sweep.done), *sweep.failed)}
    state = f"{len(sweep.done):,} of {run.cells:,} done"
    if sweep.failed or sweep.open:
        state += f", {len(sweep.failed):,} failed, {sweep.open:,} not begun"
    said = judged.n_trials - sweep.n_trials - sweep.n_trials_elsewhere
    money = f"after a cost of {judged.costs[0]:g} a signal" if sweep.money else "without money"
    about = {
        "cells": f"{state} ({len(symbols)} symbols, {len(folds)} folds, {len(sweep.variants)} "
        "variants)",
        "judged": f"against {run.baseline}, {money}",
        "trials ever run": f"{judged.n_trials:,}: {sweep.n_trials:,} of this run, "
        f"{sweep.n_trials_elsewhere:,} of others in its database on the same rows"
        + (f", {said:,} that --trials adds" if said else ""),
        "run": f"{run.run[:12]}, started {run.started:%Y-%m-%d %H:%M} UTC",
    }
    sections = [
        verdict_section(sweep, judged, standings),
        leaderboard_section(sweep, judged, standings),
        theta_section(sweep, variants),
        calibration_section(sweep, variants),
        equity_section(sweep, judged, variants),
        spread_section(sweep, judged, variants),
        health_section(sweep, variants),
        ensembles_section(sweep, variants),
        searches_section(sweep, variants),
        events_section(sweep),
        reproduce_section(sweep, variants),
    ]
    return page(
        f"Sweep {run.name}", judged.sentence, sections, about=about, tone=tone(sweep, standings)
    )
