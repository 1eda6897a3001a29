"""`cvn report` as a person and a program use it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.command import cvn

from . import made


def test_the_verdict_and_the_leaderboard_are_printed(folder: Path) -> None:
    done = cvn("report", "whole", cwd=folder)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith(("Nothing to lock, after a cost of 0.05: ", "Lock "))
    assert lines[2].split()[:3] == ["variant", "verdict", "net"]
    assert {line.split()[0] for line in lines[3:7]} == set(made.VARIANTS)
    assert done.stderr == ""


def test_the_page_is_written_where_it_is_asked_for(folder: Path) -> None:
    done = cvn("report", "failures", "-o", "failures.html", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert done.stderr == "cvn: wrote failures.html\n"
    page = (folder / "failures.html").read_text()
    assert "No verdict: 21 of 24 cells are done, 3 failed." in page


def test_json_has_the_verdict_and_the_leaderboard(folder: Path) -> None:
    done = cvn("report", "failures", "--json", cwd=folder)
    facts = json.loads(done.stdout)
    assert facts["verdict"] == "No verdict: 21 of 24 cells are done, 3 failed."
    assert facts["cells"] == {"planned": 24, "done": 21, "failed": 3, "open": 0}
    assert facts["cost"] == 0.05
    best = facts["leaderboard"][0]
    assert best["verdict"] == "INCONCLUSIVE"
    low, high = best["expectancy"]["interval"]
    assert low < best["expectancy"]["value"] < high


def test_the_terminal_says_which_cells_figures_are_of(folder: Path) -> None:
    says = "Figures are of the symbols and folds that every variant has finished, 3 of 6"
    assert says in cvn("report", "failures", cwd=folder).stdout
    assert "Figures are of" not in cvn("report", "whole", cwd=folder).stdout


def test_a_run_without_money_says_so(folder: Path) -> None:
    done = cvn("report", "without_money", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "neither returns nor a payoff is known" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["other"], "[run_unknown]"),
        (["whole", "--results", "sqlite:///nowhere.db"], "[results_unavailable]"),
        (["whole", "-o", "page.pdf"], "must end in .html"),
        (["whole", "-o", "nowhere/page.html"], "cannot be written"),
        (["whole", "--trials", "2"], "9 are of this run alone"),
        (["whole", "--cost", "nan"], "[setting_invalid]"),
    ],
)
def test_what_cannot_be_is_told_and_exits_with_2(
    folder: Path, arguments: list[str], said: str
) -> None:
    done = cvn("report", *arguments, cwd=folder)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_errors_are_json_where_json_is_asked_for(folder: Path) -> None:
    done = cvn("report", "other", "--json", cwd=folder)
    assert json.loads(done.stdout)["error"]["code"] == "run_unknown"
