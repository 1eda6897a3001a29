"""`cvn train --trials` as a person uses it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cvn_harness_core import TrainedArtifact
from cvn_orchestrator.demo import market
from tests.command import TRAIN, cvn

CVN = Path(sys.executable).with_name("cvn")
SHORT = (*TRAIN, "--param=n_estimators=40", "--in-process")


@pytest.fixture(scope="module")
def bars(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bars") / "sp500.parquet"
    market.frame("SP500", take_profit=2, stop_loss=1, horizon=10, cost=0.05).write_parquet(path)
    return path


def lines_of_trials(text: str) -> list[str]:
    return [line for line in text.splitlines() if " trials of lightgbm: trial " in line]


def test_a_search_is_told_and_reported(bars: Path, tmp_path: Path) -> None:
    done = cvn(
        "train", "lightgbm", f"--data={bars}", *SHORT, "--trials=6", "--json",
        "--space=num_leaves=4:16:log", "--space=extra_trees=true|false", cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = lines_of_trials(done.stderr)
    assert [line.partition(" trials")[0] for line in told] == [f"{n} of 6" for n in range(1, 7)]
    facts = json.loads(done.stdout)
    named = {int(line.partition(": trial ")[2].split()[0]): line for line in told}
    for trial in facts["search"]["trials"]:
        assert trial["state"] in named[trial["number"]]
        assert trial["value"] is None or f" {trial['value']:.5f} in" in named[trial["number"]]
    assert len(facts["search"]["trials"]) == 6
    assert facts["search"]["space"]["num_leaves"]["high"] == 16
    assert facts["effective_params"]["num_leaves"]["source"] == "search"


def test_the_report_says_what_the_search_found(bars: Path, tmp_path: Path) -> None:
    done = cvn("train", "lightgbm", f"--data={bars}", *SHORT, "--trials=5", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (line,) = (text for text in done.stdout.splitlines() if text.startswith("search"))
    assert "5 trials" in line
    assert "pr_auc" in line
    best = TrainedArtifact.load(tmp_path / "cvn-lightgbm").search.best
    assert f"is trial {best}'s, in hindsight" in line


def test_progress_begins_with_what_the_storage_holds(bars: Path, tmp_path: Path) -> None:
    command = ["train", "lightgbm", f"--data={bars}", *SHORT, "--storage=sqlite:///hpo.db"]
    first = cvn(*command, "--trials=4", "--json", cwd=tmp_path)
    assert first.returncode == 0, first.stderr
    on = cvn(*command, "--trials=5", "--overwrite", "--json", cwd=tmp_path)
    assert on.returncode == 0, on.stderr
    search = json.loads(on.stdout)["search"]
    assert search["best"] < 4, "an earlier run's"
    (line,) = lines_of_trials(on.stderr)
    assert line.endswith(f"best {search['value']:.5f}")


def test_a_new_study_beside_one_of_the_same_data_is_told_with_the_reason(
    bars: Path, tmp_path: Path
) -> None:
    command = ["train", "lightgbm", f"--data={bars}", *SHORT, "--storage=sqlite:///hpo.db"]
    done = cvn(*command, "--trials=1", cwd=tmp_path)
    assert "new study" not in done.stderr
    done = cvn(*command, "--trials=2", "--overwrite", "-p", "max_bin=63", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (line,) = (text for text in done.stderr.splitlines() if "is a new study" in text)
    assert line.endswith("of the same data, has other fixed.max_bin")
    done = cvn(*command, "--trials=3", "--overwrite", "-p", "max_bin=63", cwd=tmp_path)
    assert "new study" not in done.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--timeout=5"], "without --trials"),
        (
            [
                "--objective=pr_auc",
                "--evaluate-on=validation",
                "--sampler=tpe",
                "--pruner=none",
                "--max-concurrent=4",
            ],
            "--objective, --evaluate-on, --sampler, --pruner, --max-concurrent: nothing is search",
        ),
        (["--trials=3", "--space=num_leaves"], "is not NAME=LOW:HIGH"),
        (["--trials=3", "--space=num_leaves=9:3"], "low must be below high"),
        (["--trials=3", "--space=nothing=1:3"], "has no parameter 'nothing'"),
        (["--trials=3", "--storage=nowhere://x"], "storage_unavailable"),
    ],
)
def test_a_mistake_is_one_line(bars: Path, tmp_path: Path, options: list[str], said: str) -> None:
    done = cvn("train", "lightgbm", f"--data={bars}", *SHORT, *options, cwd=tmp_path)
    assert done.returncode == 2
    assert said in done.stderr
    assert not (tmp_path / "cvn-lightgbm").exists()


def test_ctrl_c_keeps_the_trials_and_the_same_command_goes_on(bars: Path, tmp_path: Path) -> None:
    command = ["train", "lightgbm", f"--data={bars}", *SHORT, "--trials=40", "--workers=1",
               "--storage=sqlite:///hpo.db"]  # fmt: skip
    with subprocess.Popen(
        [CVN, *command],
        cwd=tmp_path,
        text=True,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("2 of 40 trials"):
                process.send_signal(signal.SIGINT)
                break
        rest = process.stderr.read()
    assert process.returncode == 130
    assert "the same command goes on" in rest
    kept = 2 + len(lines_of_trials(rest))
    assert kept < 40
    done = cvn(*command, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    told = lines_of_trials(done.stderr)
    assert told[0].startswith(f"{kept + 1} of 40 trials"), (rest, told[:3])
    assert len(told) == 40 - kept
