"""What plugins print is no part of an answer, and an observer that fails is told in a line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from .sweep.moody import install
from .sweep.small import bars, write
from .sweep.test_run import moody, sweep

CVN = Path(sys.executable).with_name("cvn")
TRAIN = (
    *("train", "moody", "--data", "bars.parquet", "--label=y", "--time=t", "--label-end=e"),
    *("--returns=r", "--symbol=s", "--features=a,b,c"),
)
SAYS = "print('noise'); import os; os.write(1, b'more noise' + bytes([10]))"
NOISY = f"""
import atexit
from cvn_harness_core import hookimpl

def says():
    {SAYS}

says()
atexit.register(says)

@hookimpl
def cvn_event(event):
    says()
"""
RAISES = """
from cvn_harness_core import hookimpl

@hookimpl
def cvn_event(event):
    raise ValueError("bad day")
"""
TOLD = "cvn: warning: the observer plugin 'watch' (watch 1.0, watch) failed: ValueError: bad day\n"


def watched(tmp_path: Path, source: str) -> dict[str, str]:
    """Install the model and an observer; return the variables with which they are found."""
    env = install(tmp_path / "path")
    info = tmp_path / "path" / "watch-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: watch\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[cvn_harness.plugins.v1]\nwatch = watch\n")
    (tmp_path / "path" / "watch.py").write_text(source)
    bars().write_parquet(tmp_path / "bars.parquet")
    return env | {"CVN_PLUGINS": "moody,watch"}


def cvn(folder: Path, env: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [CVN, *arguments], cwd=folder, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done


def test_what_plugins_print_goes_to_standard_error_where_the_answer_is_json(
    tmp_path: Path,
) -> None:
    env = watched(tmp_path, NOISY)
    module = tmp_path / "path" / "moody.py"
    source = module.read_text().replace("y = prepared.train.y", f"y = prepared.train.y; {SAYS}")
    module.write_text(f"{SAYS}\n{source}")
    trained = cvn(tmp_path, env, *TRAIN, "--json")
    assert json.loads(trained.stdout)["name"] == "moody"
    assert trained.stderr.count("more noise") >= 4, "two imports, a fit, events, an end"
    assert json.loads(cvn(tmp_path, env, "params", "moody", "--json").stdout)["model"] == "moody"
    scored = cvn(tmp_path, env, "predict", "cvn-moody", "--data", "bars.parquet")
    assert len(scored.stdout.splitlines()) == 1 + len(bars())
    report = json.loads(
        cvn(tmp_path, env, "check", "moody", "--only", "no_pickle", "--json").stdout
    )
    assert report["ok"]
    search = ("--trials=2", "--space", "mood=good|slow", "--storage=a.journal", "--overwrite")
    searched = cvn(tmp_path, env, *TRAIN, "--json", *search)
    assert json.loads(searched.stdout)["name"] == "moody"
    write(tmp_path, moody("good"))
    assert json.loads(sweep(tmp_path, env, "--json").stdout)["done"] == 8


def test_where_the_answer_is_for_people_prints_stay_where_they_were(tmp_path: Path) -> None:
    trained = cvn(tmp_path, watched(tmp_path, NOISY), *TRAIN)
    assert trained.stdout.startswith("noise\n")
    assert trained.stderr == ""


@pytest.mark.parametrize("flags", [(), ("--json",)])
def test_an_observer_that_fails_is_told_once(flags: tuple[str, ...], tmp_path: Path) -> None:
    assert cvn(tmp_path, watched(tmp_path, RAISES), *TRAIN, *flags).stderr == TOLD


@pytest.mark.parametrize("stderr", ["/dev/full", "&-"])
def test_an_observer_that_fails_ends_nothing_where_standard_error_takes_no_line(
    stderr: str, tmp_path: Path
) -> None:
    env = watched(tmp_path, RAISES)
    command = f"{CVN} {' '.join(TRAIN)} 2>{stderr}"
    done = subprocess.run(command, shell=True, cwd=tmp_path, env=env, check=False)
    assert done.returncode == 0
    assert (tmp_path / "cvn-moody").is_dir()


def test_an_observer_that_cannot_be_imported_is_told_as_cvn_plugins_tells_it(
    tmp_path: Path,
) -> None:
    env = watched(tmp_path, "raise ValueError('bad day')")
    assert cvn(tmp_path, env, *TRAIN).stderr == (
        "cvn: warning: the observer plugin 'watch' (watch 1.0, watch) raised on import: "
        "ValueError: bad day [plugin_import_failed]\n"
    )


def test_where_the_log_tells_it_there_is_no_line_besides(tmp_path: Path) -> None:
    said = cvn(tmp_path, watched(tmp_path, RAISES), *TRAIN, "--log", "json").stderr
    events = [json.loads(line) for line in said.splitlines()]
    assert [e["plugin"] for e in events if e["event"] == "plugin_rejected"] == ["watch"]


def test_an_observer_that_fails_in_every_worker_is_told_once(tmp_path: Path) -> None:
    env = watched(tmp_path, RAISES)
    write(tmp_path, moody("good"))
    done = sweep(tmp_path, env, "--json", "--workers", "2")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count(TOLD) == 1
