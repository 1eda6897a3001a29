"""`cvn check`: what it prints, and its exit codes."""

from __future__ import annotations

import inspect
import json
from pathlib import Path

import pytest

from cvn_harness_core.testing import stand_in
from tests.command import cvn

from .broken_models import BROKEN_MODELS
from .installed import installed, mutated


def test_a_sound_model_is_told_check_by_check(tmp_path: Path) -> None:
    done = cvn("check", "lightgbm", "--only", "row_alone", "--only", "no_pickle", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    *lines, empty, verdict = done.stdout.splitlines()
    assert [line.split()[:2] for line in lines] == [
        ["passed", "registration"],
        ["passed", "signatures"],
        ["passed", "probabilities"],
        ["passed", "training"],
        ["passed", "row_alone"],
        ["passed", "no_pickle"],
    ]
    assert empty == ""
    assert verdict.startswith("the model lightgbm (cvn-model-lightgbm 0.1.0) keeps the contract: 6")


def test_an_ensemble_is_checked_by_the_same_command(tmp_path: Path) -> None:
    done = cvn("check", "blend_avg", "--only", "base_weights", "--json", cwd=tmp_path)
    assert done.returncode == 0
    assert "passed  base_weights" in done.stderr
    report = json.loads(done.stdout)
    assert (report["kind"], report["name"], report["ok"]) == ("ensemble", "blend_avg", True)
    assert report["counts"] == {"passed": 5, "failed": 0, "skipped": 0}
    assert report["checks"][-1]["about"].startswith("What each base weighs")


def test_lists_of_the_user_do_not_reach_the_stand_ins(tmp_path: Path) -> None:
    lists = {"CVN_PLUGINS": "blend_avg", "CVN_PLUGINS_BLOCK": "stand_in_2"}
    done = cvn("check", "blend_avg", "--only", "training", cwd=tmp_path, **lists)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("machine", [False, True])
def test_a_broken_model_is_told_how_to_mend_it(tmp_path: Path, machine: bool) -> None:
    change = BROKEN_MODELS["row_alone"]
    source = mutated(inspect.getsource(stand_in), change.sound, change.broken)
    with installed(
        tmp_path / "site", "model", "stand_in", "cli_broken:first", {"cli_broken": source}
    ):
        flags = ["--json"] if machine else []
        done = cvn("check", "stand_in", "--only", "row_alone", *flags, cwd=tmp_path)
    assert done.returncode == 1
    if machine:
        (failed,) = (c for c in json.loads(done.stdout)["checks"] if c["outcome"] == "failed")
        assert failed["expected"] == "the same score for a row alone and in a batch"
        assert failed["mend"] == "do nothing in scoring that depends on the other rows"
    else:
        assert "  expected  the same score for a row alone and in a batch\n" in done.stdout
        assert "  mend      do nothing in scoring that depends on the other rows\n" in done.stdout
        assert "stand_in (broken 1.0) does not keep the contract: 4 passed, 1 failed" in done.stdout


def test_a_plugin_that_cannot_be_loaded_is_a_failed_check(tmp_path: Path) -> None:
    source = "import no_such_library"
    with installed(tmp_path / "site", "ensemble", "lost", "lost_door", {"lost_door": source}):
        done = cvn("check", "lost", "--only", "figures", cwd=tmp_path)
    assert done.returncode == 1
    assert "needs 'no_such_library', which is not installed" in done.stdout
    assert "mend registration first" in done.stdout


@pytest.mark.parametrize(
    ("leaves", "seen"),
    [
        ("sys.exit(0)", "SystemExit: 0"),
        ("os._exit(0)", "the process ended within this check (exit code 0)"),
        ("os.abort()", "the process ended within this check (SIGABRT)"),
    ],
)
def test_a_model_that_ends_its_process_fails(tmp_path: Path, leaves: str, seen: str) -> None:
    source = mutated(
        inspect.getsource(stand_in),
        "        assert stopping is not None\n",
        f"        import os, sys\n        {leaves}\n",
    )
    with installed(tmp_path / "site", "model", "stand_in", "leaver:first", {"leaver": source}):
        done = cvn("check", "stand_in", "--only", "training", "--json", cwd=tmp_path)
    assert done.returncode == 1
    report = json.loads(done.stdout)
    assert not report["ok"]
    (failed,) = (check for check in report["checks"] if check["outcome"] == "failed")
    assert (failed["name"], failed["seen"]) == ("probabilities", seen)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["lightgmb"], "Did you mean 'lightgbm'?"),
        (["lightgbm", "--only", "speling"], "there is no check 'speling'; there are registration"),
    ],
)
def test_unknown_names_are_usage_errors(tmp_path: Path, arguments: list[str], said: str) -> None:
    done = cvn("check", *arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert said in done.stderr
