"""A model and an ensemble from wheels of elsewhere: there when installed, gone when not."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from .clean import PACKAGES, ROOT, SETTINGS, effective_lines, environment, sh

EXAMPLES = ROOT / "examples"
EXTRATREES = EXAMPLES / "cvn-model-extratrees"
MEDIAN = EXAMPLES / "cvn-ensemble-median"
MODELS = sorted(EXAMPLES.glob("cvn-model-*"))

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

COMBINE = """
import json, sys
import numpy as np
import polars as pl
from cvn_harness_core import ENSEMBLE_REGISTRY, Datasets, HPOParams, TrainedArtifact, train_ensemble

data = Datasets.from_frame(
    pl.read_parquet(sys.argv[1]), label="label", time="time", split="split"
)
params = {
    "extratrees": HPOParams({"n_estimators": 20}, n_threads=1),
    "lightgbm": HPOParams({"n_estimators": 20}, n_threads=1),
}
artifact = train_ensemble("median", data, params, bases=list(params))
loaded = TrainedArtifact.load(artifact.save(sys.argv[2]))
X = data.test.X
bases = np.column_stack([base.predict_proba(X)[:, 1] for base in artifact.native.bases])
scores = artifact.predict_proba(X)[:, 1]
print(json.dumps({"auc": artifact.metrics["test"].roc_auc,
                  "median": bool(np.array_equal(scores, np.median(bases, axis=1))),
                  "same": bool(np.array_equal(loaded.predict_proba(X)[:, 1], scores)),
                  "origin": ENSEMBLE_REGISTRY.record("median").origin}))
"""

NODE = """
import json
from cvn_harness_core import MODEL_REGISTRY, Datasets, TrainedArtifact, train_one
from cvn_harness_core.testing.synthetic import synthetic_datasets

importance = train_one("histgb", synthetic_datasets()).diagnostics["permutation_importance"]
print(json.dumps({"models": list(MODEL_REGISTRY), "importance": importance,
                  "origins": sorted({MODEL_REGISTRY.record(n).origin for n in MODEL_REGISTRY})}))
"""

GONE = """
from cvn_harness_core import ENSEMBLE_REGISTRY, PluginNotInstalledError, trainer_for

assert "median" not in ENSEMBLE_REGISTRY
try:
    trainer_for("median")
except PluginNotInstalledError as error:
    print(error)
"""


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


@pytest.mark.parametrize(
    ("example", "limit"),
    [
        ("cvn-model-extratrees", 30),
        ("cvn-model-histgb", 60),
        ("cvn-model-lightgbm-goss", 60),
        ("cvn-model-logistic", 60),
        ("cvn-model-randomforest", 60),
        ("cvn-ensemble-median", 25),
        ("orchestrator.py", 29),
    ],
)
def test_an_example_is_small_and_outside_the_workspace(example: str, limit: int) -> None:
    here = EXAMPLES / example
    modules = sorted(here.glob("cvn_*.py")) if here.is_dir() else [here]
    assert 0 < sum(map(effective_lines, modules)) <= limit
    assert here.relative_to(ROOT).parts[0] not in SETTINGS["workspace"]["members"][0]


def test_every_example_of_a_model_honours_the_contract(tmp_path: Path) -> None:
    """Its own tests, word for word, where nothing but core and the examples is installed."""
    core, tools = PACKAGES / "cvn-harness-core", ("pytest", "pytest-xdist")
    python = environment(tmp_path, core, *MODELS, tools=tools)
    said = json.loads(sh(python, "-c", NODE))
    names = [path.stem.removeprefix("test_") for home in MODELS for path in home.glob("test_*.py")]
    assert said["models"] == sorted(names)
    assert said["origins"] == ["installed"]
    useful = {name for name, lost in said["importance"].items() if lost > 0.01}
    assert useful >= {"x0", "x1", "x2"}

    at_once = ("-n", "2", "--dist", "loadfile", "-p", "no:cacheprovider")
    told = sh(python, "-m", "pytest", "-q", *at_once, EXAMPLES).splitlines()[-1]
    assert " passed" in told
    assert "failed" not in told


def test_an_installed_model_trains_and_uninstalled_it_is_gone(market: Path, tmp_path: Path) -> None:
    core = (PACKAGES / "cvn-harness-core", PACKAGES / "cvn-orchestrator")
    python = environment(tmp_path, *core, EXTRATREES)
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


def test_an_installed_ensemble_trains_and_uninstalled_it_is_gone(
    market: Path, tmp_path: Path
) -> None:
    ours = ("cvn-harness-core", "cvn-orchestrator", "cvn-model-lightgbm")
    python = environment(tmp_path, *(PACKAGES / name for name in ours), EXTRATREES, MEDIAN)
    cvn = python.parent / "cvn"
    models = {("model", "extratrees", "available"), ("model", "lightgbm", "available")}

    def listed() -> set[tuple[str, str, str]]:
        found = json.loads(sh(cvn, "plugins", "--json"))
        return {(r["kind"], r["name"], r["status"]) for r in found}

    assert listed() == models | {("ensemble", "median", "available")}
    combined = json.loads(sh(python, "-c", COMBINE, market, tmp_path / "bundle"))
    assert combined.pop("auc") > 0.7
    assert combined == {"median": True, "same": True, "origin": "installed"}

    sh("uv", "pip", "uninstall", "--quiet", "--python", python, "cvn-ensemble-median")
    assert listed() == models
    assert "no installed package offers the ensemble 'median'" in sh(python, "-c", GONE)
