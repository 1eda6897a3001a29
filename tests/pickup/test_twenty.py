"""Twelve sound plugins among eight broken ones list, train and sweep; each of the eight is told.

So is a damaged distribution beside them, which is nobody's plugin.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.pickup.twenty import BROKEN, SOUND_MODELS, install
from tests.sweep.small import HEAD, bars
from tests.sweep.tables import tables

CVN = Path(sys.executable).with_name("cvn")
ROOT = Path(__file__).parents[2]
SOUND = {*SOUND_MODELS, "middle", "watch"}

TRAIN = """
import json, sys
import numpy as np
from cvn_harness_core import MODEL_REGISTRY, Datasets, PluginError, trainer_for

rng = np.random.default_rng(0)
X = rng.normal(size=(1200, 3))
y = (X[:, 0] + rng.normal(size=1200) > 0).astype(int)
time = np.datetime64("2020-01-01") + np.arange(1200)
parts = [
    {"X": X[a:b], "y": y[a:b], "time": time[a:b], "label_end": time[a:b]}
    for a, b in ((0, 800), (800, 1000), (1000, 1200))
]
data = Datasets.from_arrays(*parts, feature_names=["a", "b", "c"])
said = {}
for name in sys.argv[1:]:
    try:
        said[name] = trainer_for(name).train(data).artifact.metrics["test"].roc_auc
    except PluginError as error:
        said[name] = str(error)
print(json.dumps(said))
"""


@pytest.fixture(scope="module")
def env(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Install the twenty; return the variables with which they are found."""
    folder = tmp_path_factory.mktemp("twenty")
    install(folder / "path")
    kept = {k: v for k, v in os.environ.items() if not k.startswith("CVN_")}
    return {
        **kept,
        "PYTHONPATH": os.pathsep.join([str(folder / "path"), str(ROOT)]),
        "OMP_NUM_THREADS": "1",
        "SEEN": str(folder / "seen.txt"),
    }


def run(env: dict[str, str], *command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(part) for part in command],
        env=env,
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )


def ours(listed: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [r for r in listed if r["distribution"].partition("-")[0] in {"acme", "rival"}]


def test_a_listing_imports_none_and_tells_what_can_be_known(
    env: dict[str, str], tmp_path: Path
) -> None:
    done = run(env, CVN, "plugins", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    records = ours(json.loads(done.stdout))
    assert {r["name"] for r in records} == SOUND | set(BROKEN)
    seen = {r["name"]: r["status"] for r in records}
    known = {"future": "incompatible", "garbled": "malformed", "twin": "conflict"}
    assert seen == {**dict.fromkeys(seen, "available"), **known}


def test_each_broken_one_is_named_with_its_distribution_and_its_remedy(
    env: dict[str, str], tmp_path: Path
) -> None:
    libraries = "xgboost", "lightgbm", "catboost"  # their import takes seconds
    env = env | {"CVN_PLUGINS_BLOCK": ",".join(f"cvn-model-{name}" for name in libraries)}
    done = run(env, CVN, "plugins", "--strict", "--json", cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    records = ours(json.loads(done.stdout))
    assert {r["name"] for r in records if r["status"] == "available"} == SOUND
    broken = [r for r in records if r["status"] != "available"]
    assert {r["name"] for r in broken} == set(BROKEN)
    for record in broken:
        status, error, advice = BROKEN[record["name"]]
        assert record["status"] == status
        assert error in record["error"]
        assert advice in record["advice"]

    done = run(env, CVN, "plugins", "--load", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for record in broken:
        head = f"\n{record['name']} ({record['distribution']} 1.0): {record['error']}\n"
        assert f"{head}  {record['advice']}\n" in done.stdout


def test_a_damaged_distribution_is_named_with_its_remedy(
    env: dict[str, str], tmp_path: Path
) -> None:
    env = env | {
        "CVN_PLUGINS": "watch"
    }  # what is damaged may hold anything: no list passes it over
    done = run(env, CVN, "plugins", "--strict", "--json", cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    records = json.loads(done.stdout)
    (record,) = [r for r in records if r["status"] not in {"available", "blocked"}]
    assert (record["distribution"], record["version"]) == ("bystander", "1.0")
    assert (record["kind"], record["status"]) == ("unknown", "malformed")
    assert "cannot be read" in record["error"]
    assert "reinstall that distribution" in record["advice"]

    findings = json.loads(run(env, CVN, "doctor", "--json", cwd=tmp_path).stdout)["findings"]
    (found,) = [f for f in findings if f["facts"].get("distribution") == "bystander"]
    assert (found["status"], found["facts"]) == ("problem", record)


def test_the_sound_ones_train_and_the_broken_ones_say_why_not(
    env: dict[str, str], tmp_path: Path
) -> None:
    names = [*SOUND_MODELS, "middle", *(name for name in BROKEN if name != "crashes")]
    done = run(env, sys.executable, "-c", TRAIN, *names, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    for name in (*SOUND_MODELS, "middle"):
        assert said[name] > 0.7
    for name in set(BROKEN) - {"crashes"}:
        assert f"'{name}' (acme-{name} 1.0, " in said[name]
    assert set(Path(env["SEEN"]).read_text().split()) == SOUND - {"watch"}


def test_the_sound_ones_sweep(env: dict[str, str], tmp_path: Path) -> None:
    head = HEAD.replace('"lgbm"', '"sound1"').replace("n_folds = 2", "n_folds = 1")
    variants = "".join(f'[variants.{name}]\nmodel = "{name}"\n' for name in SOUND_MODELS)
    bases = '[variants.middle]\nensemble = "middle"\nbases = ["sound1", "sound2"]\n'
    (tmp_path / "plan.toml").write_text(f"{head}retries = 0\n{variants}{bases}")
    bars().filter(pl.col("s") == "ES").write_parquet(tmp_path / "bars.parquet")
    Path(env["SEEN"]).unlink(missing_ok=True)
    done = run(env, CVN, "sweep", "plan.toml", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    rows = tables(tmp_path / "cvn-results.db")
    assert {(row["variant"], row["state"]) for row in rows} == {
        (name, "done") for name in (*SOUND_MODELS, "middle")
    }
    assert set(Path(env["SEEN"]).read_text().split()) == SOUND - {"watch"}


def test_a_plan_with_broken_ones_is_refused_with_the_remedies(
    env: dict[str, str], tmp_path: Path
) -> None:
    head = HEAD.replace('"lgbm"', '"sound1"')
    names = ("sound1", *(name for name in BROKEN if name != "crashes"))
    variants = "".join(f'[variants.{name}]\nmodel = "{name}"\n' for name in names)
    (tmp_path / "plan.toml").write_text(head + variants)
    done = run(env, CVN, "sweep", "plan.toml", cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    for name in names[1:]:
        (line,) = [line for line in done.stderr.splitlines() if f"variants.{name}.model" in line]
        assert f"(acme-{name} 1.0, " in line
