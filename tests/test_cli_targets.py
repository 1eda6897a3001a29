"""What a command is asked to write and cannot: one error for all of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .command import cvn
from .sweep.small import HEAD, write

LGBM = '[variants.lgbm]\nmodel = "lightgbm"\nparams = { n_estimators = 5 }\n'
TRAIN = (
    "train",
    "lightgbm",
    "--data=bars.parquet",
    "--label=y",
    "--time=t",
    "--label-end=e",
    "--returns=r",
    "--symbol=s",
    "--param=n_estimators=5",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a plan, results and a searched bundle, and with what is in the way."""
    folder = tmp_path_factory.mktemp("targets")
    write(folder, HEAD + LGBM)
    for made in (
        ("sweep", "plan.toml"),
        (*TRAIN, "--trials=2", "--storage=memory", "--in-process", "--out=bundle"),
    ):
        done = cvn(*made, cwd=folder)
        assert done.returncode == 0, done.stderr
    (folder / "file").touch()
    for name in ("x.html", "x.csv", "x.parquet", "x.svg", "x.jsonl"):
        (folder / name).mkdir()
    return folder


@pytest.mark.parametrize(
    "command",
    [
        "splits plan.toml -o x.html",
        "splits plan.toml -o file/x.html",
        "splits plan.toml --work file",
        "sweep plan.toml --work file",
        "sweep plan.toml --store file",
        "sweep plan.toml --store file/store",
        "sweep plan.toml --events x.jsonl",
        "results -o x.csv",
        "results small -o x.csv",
        "results small -o x.parquet",
        "report small -o x.html",
        "hpo show bundle -o x.html",
        "hpo show bundle -o file/x.html",
        "predict bundle --data bars.parquet --out x.csv",
        "predict bundle --data bars.parquet --out x.parquet",
        "predict bundle --data bars.parquet --out absent/x.csv",
        " ".join([*TRAIN, "--out=file/bundle"]),
        "demo --out file",
        "new-plugin trees --out file/trees",
        "dag lightgbm -o x.svg",
        "dag lightgbm -o absent/x.svg",
    ],
)
def test_a_target_that_cannot_be_written_is_one_error(folder: Path, command: str) -> None:
    before = sorted(folder.rglob("*"))
    machine = () if command.startswith("dag") else ("--json",)
    if " -o x.csv" in command or " -o x.parquet" in command:
        machine = ()  # the form is the file's
    done = cvn(*command.split(), *machine, cwd=folder)
    assert done.returncode == 2
    said = done.stderr.splitlines()[-1]
    assert " cannot be written: " in said
    assert said.endswith(" [setting_invalid]")
    error = {"code": "setting_invalid", "message": said[12 : -len(" [setting_invalid]")]}
    assert done.stdout == (f"{json.dumps({'error': error})}\n" if machine else "")
    assert sorted(folder.rglob("*")) == before


@pytest.mark.parametrize("command", ["", "check", "doctor", "sweep"])
def test_help_says_what_exit_codes_mean(folder: Path, command: str) -> None:
    said = cvn(*command.split(), "--help", cwd=folder).stdout
    assert "\nexit codes: 0 " in said


def test_json_of_results_is_that_format(folder: Path) -> None:
    short = cvn("results", "small", "--json", cwd=folder)
    assert short.stdout == cvn("results", "small", "--format=json", cwd=folder).stdout
    assert [cell["state"] for cell in json.loads(short.stdout)["cells"]] == ["done"] * 4
    assert cvn("results", "small", "--json", "--format=csv", cwd=folder).returncode == 2
    absent = [cvn("results", "other", form, cwd=folder) for form in ("--json", "--format=json")]
    assert [json.loads(one.stdout)["error"]["code"] for one in absent] == ["run_unknown"] * 2


def test_rows_scored_are_written_and_printed(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "scored.csv"
    done = cvn("predict", "bundle", "--data=bars.parquet", "--json", "--out", out, cwd=folder)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    header, *lines = out.read_text().splitlines()
    assert header.split(",") == list(rows[0])
    assert len(lines) == len(rows) == 2400


def test_what_the_system_refuses_otherwise_is_json_as_well(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "data").symlink_to(folder / ".cvn-sweep" / "data")
    run = json.loads(cvn("results", "small", "--json", cwd=folder).stdout)["run"]["run"]
    (tmp_path / "work" / f"{run}.lock").mkdir()
    done = cvn("sweep", "plan.toml", "--work", tmp_path / "work", "--json", cwd=folder)
    assert done.returncode == 1
    error = json.loads(done.stdout)["error"]
    assert error["code"] == "os_error"
    assert error["message"].endswith(f": {tmp_path}/work/{run}.lock")
