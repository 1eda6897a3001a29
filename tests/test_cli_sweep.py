"""`cvn splits` and `cvn sweep --dry-run`: the example's plan word for word, and what is refused."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from cvn_orchestrator.results.database import open_results

from .command import cvn
from .sweep.small import HEAD, bars, late, write

EXAMPLE = Path(__file__).parents[1] / "examples" / "sweep"
LGBM = '[variants.lgbm]\nmodel = "lightgbm"\nparams = { n_estimators = 5 }\n'


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the example's plan, as it is, and the data that its command writes."""
    folder = tmp_path_factory.mktemp("example")
    shutil.copy(EXAMPLE / "plan.toml", folder)
    done = subprocess.run(
        [sys.executable, "-W", "error", EXAMPLE / "data.py", folder],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == str(folder / "market.parquet")
    return folder


def dry_run(plan: Path, *options: str) -> dict[str, Any]:
    done = cvn("sweep", plan, "--dry-run", "--json", *options, cwd=plan.parent)
    assert done.returncode == 0, done.stderr
    facts: dict[str, Any] = json.loads(done.stdout)
    return facts


def test_the_example_says_what_it_would_train(example: Path) -> None:
    facts = dry_run(example / "plan.toml", "--no-estimate")
    assert facts["data"]["rows"] == {"SP500": 4775, "NASDAQ": 4776}
    assert [v["name"] for v in facts["variants"]] == [
        "lgbm", "lgbm-small", "xgb", "cat-original", "lgbm-searched", "blend", "stack"
    ]  # fmt: skip
    assert len(facts["cells"]) == 2 * 5 * 7
    shared, apart = facts["fits"]["after_sharing"], facts["fits"]["without_sharing"]
    # A cell: 4 models, a searched one's folds, the blend's three bases and the stack's lightgbm.
    assert shared == {"model": 10 * 8, "fold": 10 * 20, "trial": 10 * 20, "combiner": 20}
    assert apart == {"model": 10 * 9, "fold": 10 * 24, "trial": 10 * 20, "combiner": 20}
    assert facts["warnings"] == []
    assert (facts["estimate"], facts["no_estimate"]) == (None, "it was not asked for")


def test_the_example_for_a_person(example: Path) -> None:
    said = cvn("sweep", "plan.toml", "--no-estimate", cwd=example).stdout
    assert said.startswith("demo: what plan.toml would train; no model is kept\n")
    assert "cells     70: 10 symbols and folds x 7 variants\n" in said
    assert "\nestimate  none: it was not asked for\n" in said
    assert "\nstack          stack_logreg (xgboost, lightgbm)" in said


def test_the_examples_folds_are_drawn(example: Path) -> None:
    done = cvn("splits", "plan.toml", "-o", "splits.html", cwd=example)
    assert done.returncode == 0, done.stderr
    first, *rest = done.stdout.splitlines()
    assert first.startswith("fold 1 ──────")
    assert first.rstrip().endswith("▒▒████")
    assert len([line for line in rest if line.startswith("fold ")]) == 4 + 1  # and the table's head
    page = (example / "splits.html").read_text()
    assert "demo: 5 folds" in page
    assert "rows, 0 purged, 0 embargoed" in page
    assert "<script src=" not in page


def test_folds_as_json(example: Path) -> None:
    done = cvn("splits", "plan.toml", "--json", cwd=example)
    facts = json.loads(done.stdout)
    assert [fold["number"] for fold in facts["folds"]] == [1, 2, 3, 4, 5]
    assert facts["can_purge"]
    one = facts["symbols"][0]
    assert (one["symbol"], one["fold"]) == ("SP500", 1)
    assert one["train"]["purged"] > 0
    assert one["train"]["label_until"] < "2011-12-27"


def test_an_estimate_rests_on_real_fits(tmp_path: Path) -> None:
    plan = write(tmp_path, HEAD + LGBM + LGBM.replace(".lgbm", ".b") + "policy.out_of_fold = 2\n")
    found = dry_run(plan)["estimate"]
    (probe,) = found["probes"]
    assert (probe["model"], probe["iterations"]) == ("lightgbm", 5)
    assert 0 < probe["seconds"] < probe["total_seconds"]
    assert found["seconds"] > probe["total_seconds"]
    said = cvn("sweep", plan, "--dry-run", cwd=tmp_path).stdout
    assert "one fit after another; a fit holds" in said
    assert "          lightgbm: " in said


def test_observers_see_nothing_of_an_estimate(tmp_path: Path) -> None:
    plan = write(tmp_path, HEAD + LGBM)
    said = {}
    for arguments in (("--dry-run",), ()):
        database = tmp_path / f"ml{len(arguments)}.db"
        done = cvn(
            "sweep", plan, *arguments, cwd=tmp_path, MLFLOW_TRACKING_URI=f"sqlite:///{database}"
        )
        assert done.returncode == 0, done.stderr
        said[arguments] = database.exists()
    assert said == {("--dry-run",): False, (): True}


def test_what_differs_is_said_shortly(tmp_path: Path) -> None:
    plan = write(tmp_path, HEAD + LGBM)
    assert cvn("sweep", plan, cwd=tmp_path).returncode == 0
    table = bars()
    text = HEAD + LGBM.replace("= 5", "= 6") + LGBM.replace(".lgbm", ".other")
    write(tmp_path, text, table.with_columns(a=pl.col("a") + 1e-9))
    noted = cvn("sweep", plan, cwd=tmp_path).stderr.splitlines()[0]
    assert noted.endswith(
        " UTC, it differs in the files, by name or content; "
        "variants.lgbm.hpo_params.lightgbm.params.n_estimators (5 before, 6 now); "
        "variants.other, which is new. What that one has stays."
    )


def test_a_fit_that_fails_leaves_a_dry_run_without_an_estimate(tmp_path: Path) -> None:
    refuses = 'policy.on_unhealthy = "error"\n'
    plan = write(tmp_path, HEAD + LGBM + refuses, bars().with_columns(a=0.0, b=0.0, c=0.0))
    facts = dry_run(plan)
    assert facts["estimate"] is None
    assert facts["no_estimate"].endswith("[training_unhealthy]")


def test_faults_of_a_plan_are_told_before_its_data_are_read(tmp_path: Path) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text(HEAD + LGBM.replace("n_estimators", "n_estimator").replace(".lgbm", ".x"))
    done = cvn("sweep", "plan.toml", "--dry-run", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "cvn: error: plan.toml has 2 faults: [plan_invalid]\n"
        "  plan.toml:17:1: sweep.baseline: 'lgbm' is no variant; there are x\n"
        "  plan.toml:21:12: variants.x.params.n_estimator: unknown parameter 'n_estimator' of "
        "lightgbm; did you mean 'n_estimators'?\n"
    )
    done = cvn("sweep", "plan.toml", "--dry-run", "--json", cwd=tmp_path)
    error = json.loads(done.stdout)["error"]
    assert (error["code"], len(error["faults"])) == ("plan_invalid", 2)


def test_faults_of_the_data_are_told_before_anything_is_made(tmp_path: Path) -> None:
    plan = write(tmp_path, HEAD.replace('"r"', '"q"').replace('"e"', '"f"') + LGBM)
    done = cvn("sweep", plan, "--dry-run", cwd=tmp_path)
    assert done.returncode == 2
    assert "[data_invalid]\n  label_end: column 'f' is missing;" in done.stderr
    assert "\n  returns: column 'q' is missing;" in done.stderr
    assert not (tmp_path / ".cvn-sweep").exists()


def test_splits_that_leak_are_drawn_and_refused_with_their_rows(tmp_path: Path) -> None:
    plan = write(tmp_path, HEAD.replace("embargo", "purge = false\nembargo") + LGBM)
    done = cvn("splits", plan, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout.startswith("fold 1 ──")
    assert "[splits_leak]\n  ES, fold 1: " in done.stderr
    assert " rows of train overlapping val, or within the embargo of it: " in done.stderr
    error = json.loads(cvn("splits", plan, "--json", cwd=tmp_path).stdout)["error"]
    assert error["code"] == "splits_leak"
    assert error["faults"][0].startswith("ES, fold 1: ")
    done = cvn("sweep", plan, "--dry-run", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")


def test_without_label_ends_it_is_said_that_nothing_can_be_purged(tmp_path: Path) -> None:
    text = HEAD.replace('label_end = "e"', 'exclude = ["e"]') + LGBM
    plan = write(tmp_path, text)
    (warning,) = dry_run(plan, "--no-estimate")["warnings"]
    assert warning.startswith("nothing can be purged: data.label_end names no column")
    assert "nothing can be purged" in cvn("splits", plan, cwd=tmp_path).stderr


def test_variables_that_a_sweep_does_not_read_are_said(tmp_path: Path) -> None:
    plan = write(tmp_path, HEAD + LGBM)
    done = cvn("sweep", plan, "--dry-run", cwd=tmp_path, CVN_HPO_LIGHTGBM_NUM_LEAVES="9")
    assert (
        "warning: CVN_HPO_LIGHTGBM_NUM_LEAVES is set, and a sweep does not read it" in done.stdout
    )


def test_skipped_folds_are_said(tmp_path: Path) -> None:
    text = HEAD.replace("embargo", 'incomplete = "skip"\nembargo') + LGBM
    plan = write(tmp_path, text, late(850))
    said = cvn("sweep", plan, "--dry-run", cwd=tmp_path).stdout
    assert "cells     3: 3 symbols and folds x 1 variants; 1 symbols and folds are skipped" in said
    assert "incomplete: NQ, fold 1: train has no rows" in said


def test_a_symbol_with_too_little_history_has_error_rows(tmp_path: Path) -> None:
    plan = write(tmp_path, HEAD + LGBM, late(850))
    said = cvn("sweep", plan, "--dry-run", cwd=tmp_path).stdout
    assert "cells     4: 4 symbols and folds x 1 variants; 1 symbols and folds will fail" in said
    done = cvn("sweep", plan, cwd=tmp_path)
    assert done.returncode == 1
    assert "warning: incomplete, so their cells will fail: NQ, fold 1: train has no" in done.stderr
    with open_results(f"sqlite:///{tmp_path}/cvn-results.db") as results:
        rows = {(row.symbol, row.fold): row for row in results.rows("small")}
    failed = rows.pop(("NQ", 1))
    assert (failed.state, failed.error_type) == ("failed", "SplitsError")
    assert failed.error_code == "splits_incomplete"
    assert failed.error_message == "NQ, fold 1: train has no rows"
    assert [row.state for row in rows.values()] == ["done"] * 3


def test_a_picture_of_another_kind_is_refused_before_any_work(tmp_path: Path) -> None:
    done = cvn("splits", tmp_path / "none.toml", "-o", "x.png", cwd=tmp_path)
    assert done.returncode == 2
    assert "the name must end in .html" in done.stderr


@pytest.mark.parametrize("later", ["", "0.2"], ids=["the first", "one whose plan was changed"])
def test_the_command_that_a_sweep_names_in_the_end_works(tmp_path: Path, later: str) -> None:
    plan = write(tmp_path, HEAD + LGBM)
    command = [sys.executable, "-m", "cvn_orchestrator.cli", "sweep", plan.name, "--workers", "1"]
    for costs in filter(None, ("0.1", later)):
        plan.write_text(HEAD.replace("[0, 0.1]", f"[0, {costs}]") + LGBM)
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    said = "it differs in costs ([0.0, 0.1] before, [0.0, 0.2] now). What that one has stays."
    assert (said in done.stderr) == bool(later), done.stderr
    (line,) = (one for one in done.stdout.splitlines() if one.startswith("all of it: cvn "))
    named = line.removeprefix("all of it: cvn ").split()
    shown = cvn(*named, cwd=tmp_path)
    assert shown.returncode == 0, shown.stderr
    assert (tmp_path / "report.html").exists()
