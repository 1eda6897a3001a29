"""Packages that `cvn new-plugin` wrote: built, installed elsewhere, and tested untouched."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from .clean import PACKAGES, environment, install, sh

NAMES = {
    "model": "quick-trees",
    "ensemble": "careful-mean",
    "observer": "tape",
    "theta-rule": "rarest",
}
OURS = ("cvn-harness-core", "cvn-orchestrator", "cvn-model-lightgbm", "cvn-model-catboost")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clean environment whose own `cvn` wrote a package of each kind, and that has them all."""
    home = tmp_path_factory.mktemp("new")
    environment(home, *(PACKAGES / name for name in OURS), tools=("pytest",))
    for kind, name in NAMES.items():
        sh(installed(home, "cvn"), "new-plugin", name, "--kind", kind, "--out", home / kind)
    install(home, *(home / kind for kind in NAMES))
    return home


def installed(home: Path, command: str) -> Path:
    return home / "venv" / "bin" / command


def test_they_are_listed_and_usable(home: Path) -> None:
    listed = json.loads(sh(installed(home, "cvn"), "plugins", "--strict", "--json"))
    found = {(r["kind"], r["name"], r["status"], r["origin"]) for r in listed}
    for kind, name in NAMES.items():
        assert (kind, name.replace("-", "_"), "available", "installed") in found


@pytest.mark.parametrize("kind", NAMES)
def test_its_own_tests_pass_untouched(kind: str, home: Path) -> None:
    said = sh(installed(home, "python"), "-m", "pytest", "-q", cwd=home / kind)
    assert " passed" in said
    assert "failed" not in said


@pytest.mark.parametrize("kind", ["model", "ensemble"])
def test_it_passes_cvn_check(kind: str, home: Path) -> None:
    sh(installed(home, "cvn"), "check", NAMES[kind].replace("-", "_"))


def test_they_work_together_in_one_training(home: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(1500, 3))
    start = pl.datetime(2020, 1, 1)
    pl.DataFrame(
        {"a": X[:, 0], "b": X[:, 1], "c": X[:, 2], "y": (X[:, 0] + X[:, 1] > 1).astype(int)}
    ).with_columns(
        pl.datetime_range(start, start + pl.duration(hours=1499), "1h").alias("t")
    ).write_parquet(tmp_path / "rows.parquet")
    said = sh(
        installed(home, "cvn"), "train", "quick_trees", "--data", tmp_path / "rows.parquet",
        "--label=y", "--time=t", "--theta=rarest", "--max-buy-rate=0.1", "--param=max_iter=30",
        "--threads=1", "--json", cwd=tmp_path, CVN_OBSERVER_TAPE_FILE=str(tmp_path / "tape.txt"),
    )  # fmt: skip
    facts = json.loads(said)
    assert facts["metrics"]["test"]["roc_auc"] > 0.9
    assert facts["decision"]["rule"] == "rarest"
    assert 0.05 < facts["decision"]["buy_rate"] <= 0.1
    lines = (tmp_path / "tape.txt").read_text().splitlines()
    seen = [line.split()[1] for line in lines]
    assert seen[0] == "training_started"
    assert {"theta_picked", "training_complete", "bundle"} <= set(seen)
