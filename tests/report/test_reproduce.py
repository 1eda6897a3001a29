"""Versions and commands are those of the cells, not those of the run's first start."""

from __future__ import annotations

from dataclasses import replace

from cvn_orchestrator.report.sweep.found import read_sweep
from cvn_orchestrator.report.sweep.reproduce import reproduce_section
from cvn_orchestrator.results.rows import CellRow

from . import made
from .scenes import N_FOLDS

FIRST = {"python": "3.9.1", "lightgbm": "1.0", "acme": "7", "code of acme": "ab" * 32}


def texts(rows: list[CellRow]) -> tuple[list[str], str]:
    """Return the lines of versions, and the commands."""
    sweep = read_sweep(made.run_row(N_FOLDS, environment=FIRST), rows)
    found = {text.summary: text.text for text in reproduce_section(sweep, sweep.variants).texts}
    return found["Versions"].splitlines(), found["How to do it again"]


def told(row: CellRow, version: str) -> CellRow:
    versions = {**row.facts["versions"], "lightgbm": version}
    return replace(row, facts={**row.facts, "versions": versions})


def test_after_an_upgrade_versions_are_those_of_the_cells(rows: list[CellRow]) -> None:
    versions, steps = texts([told(row, "2.0") for row in rows])
    assert "lightgbm 2.0" in versions
    assert "acme 7" in versions, "what no cell tells is of the first start"
    assert " lightgbm==2.0 " in steps
    assert "3.9.1" not in steps
    assert "code of" not in steps
    assert "differ" not in steps


def test_where_cells_differ_all_versions_are_listed_and_the_newest_cells_are_pinned(
    rows: list[CellRow],
) -> None:
    last = max(rows, key=lambda row: row.finished)
    versions, steps = texts([told(row, "2.0" if row is last else "3.0") for row in rows])
    assert "lightgbm 3.0, 2.0" in versions
    assert " lightgbm==2.0 " in steps
    assert steps.startswith("# cells differ in lightgbm: these are the newest")


def test_without_facts_they_are_those_of_the_first_start(rows: list[CellRow]) -> None:
    versions, steps = texts([replace(row, facts={}) for row in rows])
    assert "lightgbm 1.0" in versions
    assert "pip install acme==7 lightgbm==1.0" in steps
