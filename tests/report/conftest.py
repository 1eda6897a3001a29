"""A sweep that is trained once, and its scenes as runs in databases."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cvn_orchestrator.report.sweep.found import Sweep, read_sweep
from cvn_orchestrator.report.sweep.judged import Judged, judged
from cvn_orchestrator.report.sweep.sweep_page import sweep_page
from cvn_orchestrator.results.database import open_results
from cvn_orchestrator.results.rows import CellRow

from . import made
from .scenes import N_FOLDS, SCENES


@pytest.fixture(scope="session")
def rows() -> list[CellRow]:
    return list(made.rows(N_FOLDS))


@pytest.fixture(scope="session")
def scene(rows: list[CellRow]) -> Callable[[str], tuple[Sweep, Judged, str]]:
    """Return what a scene's database says: the sweep, the verdict, and the page."""
    known: dict[str, tuple[Sweep, Judged, str]] = {}

    def of(name: str) -> tuple[Sweep, Judged, str]:
        if name not in known:
            run, cells = SCENES[name](rows)
            sweep = read_sweep(run, cells)
            verdict = judged(sweep)
            known[name] = sweep, verdict, sweep_page(sweep, verdict)
        return known[name]

    return of


@pytest.fixture(scope="session")
def folder(rows: list[CellRow], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with results under the name that is looked for by default."""
    folder = tmp_path_factory.mktemp("kept")
    with open_results(f"sqlite:///{folder}/cvn-results.db") as results:
        for name in ("whole", "failures", "without_money"):
            run, cells = SCENES[name](rows)
            digest = f"{name:0<64}"
            changes = {"run": digest, "name": name}
            results.begin(type(run)(**{**vars(run), **changes}))
            results.write(type(cell)(**{**vars(cell), "run": digest}) for cell in cells)
    return folder
