"""`cvn results`: the runs, and a run's cells as a table, CSV, Parquet and JSON."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from cvn_orchestrator.cli.parser import build_parser
from cvn_orchestrator.results.database import open_results
from cvn_orchestrator.results.rows import CellRow, RunRow, Trades

from .command import cvn

CVN = Path(sys.executable).with_name("cvn")

RUN = "5eedfeedc0de" + "0" * 52
WHEN = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)

DONE = CellRow(
    run=RUN,
    cell="c1",
    symbol="ES",
    fold=1,
    variant="lgbm",
    state="done",
    attempt=1,
    finished=WHEN,
    seconds=2.04,
    theta=0.1 + 0.2,
    health="ok",
    tradability="tradable",
    metrics={"test": {"pr_auc": 1 / 3, "n_signals": 12.0, "sortino": None, "expectancy": 0.031}},
    by_cost={"0.1": {"expectancy": -0.019}, "0.05": {"expectancy": 0.031}},
    facts={"params": {"num_leaves": 31}},
    timings={"fitted": 1.5},
    trades=Trades(np.array(["2026-01-02"], "datetime64[D]"), np.array([0.1])),
)
FAILED = CellRow(
    run=RUN,
    cell="c2",
    symbol="ES",
    fold=10,
    variant="blend",
    state="failed",
    attempt=3,
    finished=WHEN,
    seconds=0.5,
    error_type="FitError",
    error_code="fit_failed",
    error_message="lightgbm: \tnum_leaves is too large\nTraceback",
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with results under the name that is looked for by default."""
    with open_results(f"sqlite:///{tmp_path}/cvn-results.db") as results:
        results.begin(
            RunRow(
                run=RUN,
                name="spring",
                plan={"seed": 7},
                baseline="lgbm",
                variants=("lgbm", "blend"),
                costs=(0.05, 0.1),
                cells=4,
                environment={"python": "3.11"},
                started=WHEN,
            )
        )
        idle = replace(DONE, cell="c3", fold=2, theta=None, metrics={}, by_cost={})
        results.write([FAILED, DONE, idle])
    return tmp_path


def test_runs_are_listed(folder: Path) -> None:
    done = cvn("results", cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        "run           name    started (UTC)     done  failed  open  baseline     variants\n"
        "5eedfeedc0de  spring  2026-03-01 12:30     2       1     1      lgbm  lgbm, blend\n"
    )
    (run,) = json.loads(cvn("results", "--format", "json", cwd=folder).stdout)["runs"]
    assert (run["run"], run["plan"], run["done"], run["open"]) == (RUN, {"seed": 7}, 2, 1)
    listed = cvn("results", "--format", "csv", cwd=folder).stdout
    assert pl.read_csv(io.StringIO(listed))["failed"].to_list() == [1]


def test_cells_are_a_table_for_people(folder: Path) -> None:
    assert cvn("results", "spring", cwd=folder).stdout == (
        "symbol  variant  state   fold     theta  pr_auc  signals  net@0.05  net@0.1  seconds"
        "       error\n"
        "ES      lgbm     done       1    0.3000  0.3333       12   +0.0310  -0.0190      2.0\n"
        "ES      lgbm     done       2  no trade                                          2.0\n"
        "ES      blend    failed    10                                                    0.5"
        "  fit_failed\n"
        "2 done, 1 failed, 1 open; net: mean of a signal on test, at each round-trip cost\n"
    )


def test_failed_cells_with_what_they_said(folder: Path) -> None:
    assert cvn("results", "5eed", "--failed", cwd=folder).stdout == (
        "symbol  variant  fold  attempt  error       message\n"
        "ES      blend    10    3        fit_failed  lightgbm: num_leaves is too large\n"
    )
    found = json.loads(cvn("results", "5eed", "--failed", "--format", "json", cwd=folder).stdout)
    assert [cell["error_message"] for cell in found["cells"]] == [FAILED.error_message]


def test_csv_and_parquet_hold_every_figure_in_full(folder: Path) -> None:
    with open_results(f"sqlite:///{folder}/cvn-results.db") as results:
        frame = results.cells("spring")
    assert frame["theta"].to_list() == [0.1 + 0.2, None, None]
    assert cvn("results", "spring", "-o", "cells.parquet", cwd=folder).returncode == 0
    assert_frame_equal(pl.read_parquet(folder / "cells.parquet"), frame, check_exact=True)
    text = cvn("results", "spring", "--format", "csv", cwd=folder).stdout
    again = pl.read_csv(io.StringIO(text), schema={**frame.schema, "finished": pl.String})
    assert_frame_equal(again.drop("finished"), frame.drop("finished"), check_exact=True)
    assert {"test_pr_auc", "expectancy@0.05", "seconds_fitted"} <= set(frame.columns)


def test_json_also_holds_plan_environment_and_facts(folder: Path) -> None:
    done = cvn("results", "spring", "-o", "all.json", cwd=folder)
    assert (done.stdout, done.stderr) == ("", "cvn: wrote all.json\n")
    found = json.loads((folder / "all.json").read_text())
    assert found["run"]["environment"] == {"python": "3.11"}
    first = found["cells"][0]
    assert first["metrics"] == DONE.metrics
    assert (first["by_cost"], first["facts"]) == (DONE.by_cost, DONE.facts)
    assert first["finished"] == "2026-03-01T12:30:00+00:00"
    assert "trades" not in first


def test_the_database_is_named_by_an_option_or_by_the_environment(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere, url = tmp_path_factory.mktemp("elsewhere"), f"sqlite:///{folder}/cvn-results.db"
    assert "spring" in cvn("results", "--results", url, cwd=elsewhere).stdout
    assert "spring" in cvn("results", cwd=elsewhere, CVN_RESULTS=url).stdout
    absent = cvn("results", cwd=elsewhere)
    assert (absent.returncode, absent.stdout) == (2, "")
    assert absent.stderr == (
        "cvn: error: sqlite:///cvn-results.db: there is no such file. A sweep writes it; --results "
        "and $CVN_RESULTS say where. [results_unavailable]\n"
    )
    assert list(elsewhere.iterdir()) == []


def test_parquet_goes_into_a_pipe_and_not_onto_a_terminal(folder: Path) -> None:
    command = [CVN, "results", "spring", "--format", "parquet"]
    piped = subprocess.run(command, cwd=folder, capture_output=True, check=True, timeout=60)
    assert cvn("results", "spring", "-o", "cells.parquet", cwd=folder).returncode == 0
    assert piped.stdout == (folder / "cells.parquet").read_bytes()
    ours, terminal = os.openpty()
    try:
        done = subprocess.run(
            command, cwd=folder, stdout=terminal, stderr=subprocess.PIPE, check=False, timeout=60
        )
    finally:
        os.close(terminal)
        os.close(ours)
    assert done.returncode == 2
    assert b"Parquet is no text: name a file, with -o FILE.parquet" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["winter"], "has no run 'winter'; there are 5eedfeedc0de (spring). [run_unknown]"),
        (["--failed"], "--failed is about the cells of a run: name one. [setting_invalid]"),
        (["spring", "-o", "absent/x.csv"], "absent/x.csv cannot be written: No such file"),
        (["--results", "mysql://me:secret@host/db"], "in SQLite or PostgreSQL, not in mysql."),
    ],
)
def test_mistakes_are_one_line(folder: Path, arguments: list[str], said: str) -> None:
    done = cvn("results", *arguments, cwd=folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert "secret" not in done.stderr


def test_runs_complete(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.delenv("CVN_RESULTS", raising=False)
    parser = build_parser()._subparsers._group_actions[0].choices["results"]  # type: ignore[union-attr]
    of = next(action for action in parser._actions if action.dest == "of")
    assert of.completer(parsed_args=parser.parse_args([])) == ["spring", "5eedfeedc0de"]
    absent = parser.parse_args(["--results", "sqlite:///absent.db"])
    assert of.completer(parsed_args=absent) == []
