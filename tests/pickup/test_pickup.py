"""A fourth model, from a wheel built outside the workspace: there when installed, gone when not."""

from __future__ import annotations

import io
import json
import os
import subprocess
import tokenize
import tomllib
from pathlib import Path

import numpy as np
import polars as pl
import pytest

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "cvn-model-extratrees"
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["uv"]

TRAIN = """
import json, sys
import polars as pl
from cvn_harness_core import MODEL_REGISTRY, Datasets, Payoff, TrainedArtifact, train_one

assert list(MODEL_REGISTRY) == ["extratrees"], list(MODEL_REGISTRY)
data = Datasets.from_frame(
    pl.read_parquet(sys.argv[1]), label="label", time="time", split="split", payoff=Payoff(2, 1)
)
artifact = train_one("extratrees", data)
loaded = TrainedArtifact.load(artifact.save(sys.argv[2]))
same = (loaded.predict_proba(data.test.X) == artifact.predict_proba(data.test.X)).all()
print(json.dumps({"auc": artifact.metrics["test"].roc_auc, "theta": artifact.theta,
                  "same": bool(same), "origin": MODEL_REGISTRY.record("extratrees").origin}))
"""


def sh(*command: str | Path, **env: str) -> str:
    done = subprocess.run(
        [str(c) for c in command],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT.anchor,
        env={**{k: v for k, v in os.environ.items() if k != "VIRTUAL_ENV"}, **env},
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A synthetic table with a signal worth finding."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(1500, 4))
    label = (X[:, 0] + X[:, 1] ** 2 + rng.normal(size=1500) > 1.5).astype(int)
    table = pl.DataFrame(
        {f"f{i}": X[:, i] for i in range(4)}
        | {"label": label, "split": ["train"] * 900 + ["val"] * 300 + ["test"] * 300}
    ).with_columns(
        pl.datetime_range(
            pl.datetime(2020, 1, 1), pl.datetime(2020, 1, 1) + pl.duration(hours=1499), "1h"
        ).alias("time")
    )
    path = tmp_path_factory.mktemp("data") / "market.parquet"
    table.write_parquet(path)
    return path


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clean environment with the wheels of core, the orchestrator and the example."""
    wheels, home = tmp_path_factory.mktemp("wheels"), tmp_path_factory.mktemp("env")
    sources = [ROOT / "packages" / "cvn-harness-core", ROOT / "packages" / "cvn-orchestrator"]
    for source in [*sources, EXAMPLE]:
        sh("uv", "build", "--quiet", "--wheel", "--out-dir", wheels, source)
    pins = home / "constraints.txt"
    pins.write_text("\n".join(SETTINGS["constraint-dependencies"]))
    sh("uv", "venv", "--quiet", home / "venv", "--python", "3.11")
    python = home / "venv" / "bin" / "python"
    sh("uv", "pip", "install", "--quiet", "--python", python, "--constraints", pins,
       *sorted(wheels.glob("*.whl")))  # fmt: skip
    return python


def effective_lines(path: Path) -> int:
    """Lines with code on them: no comments, no docstrings, no blanks."""
    skipped = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}
    lines, fresh = set(), True
    for token in tokenize.generate_tokens(io.StringIO(path.read_text()).readline):
        docstring = token.type == tokenize.STRING and fresh
        if token.type not in skipped and token.type != tokenize.ENDMARKER and not docstring:
            lines.update(range(token.start[0], token.end[0] + 1))
        if token.type != tokenize.COMMENT and token.type != tokenize.NL:
            fresh = token.type in {tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}
    return len(lines)


def test_the_example_is_a_small_package_outside_the_workspace() -> None:
    assert effective_lines(EXAMPLE / "cvn_model_extratrees.py") <= 30
    assert EXAMPLE.relative_to(ROOT).parts[0] not in SETTINGS["workspace"]["members"][0]


def test_installed_it_trains_and_uninstalled_it_is_gone(
    python: Path, market: Path, tmp_path: Path
) -> None:
    cvn = python.parent / "cvn"
    listed = json.loads(sh(cvn, "plugins", "--json"))
    assert [(r["name"], r["status"]) for r in listed] == [("extratrees", "available")]

    through_api = json.loads(sh(python, "-c", TRAIN, market, tmp_path / "api"))
    assert through_api["same"]
    assert through_api["origin"] == "installed"
    assert through_api["auc"] > 0.7

    through_cli = json.loads(
        sh(cvn, "train", "extratrees", "--data", market, "--label", "label", "--time", "time",
           "--split", "split", "--payoff", "2/1", "--out", tmp_path / "cli", "--json")
    )  # fmt: skip
    assert through_cli["metrics"]["test"]["roc_auc"] == through_api["auc"]
    assert through_cli["theta"] == through_api["theta"]
    scored = sh(cvn, "predict", tmp_path / "cli", "--data", market, "--json").splitlines()
    assert len(scored) == 1500

    sh("uv", "pip", "uninstall", "--quiet", "--python", python, "cvn-model-extratrees")
    assert json.loads(sh(cvn, "plugins", "--json")) == []
    gone = subprocess.run(
        [cvn, "train", "extratrees", "--data", market, "--label", "label", "--split", "split"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert gone.returncode == 2
    assert "pip install cvn-model-extratrees" in gone.stderr
    assert "plugin_not_installed" in gone.stderr
