"""`cvn params`, and the configuration of `cvn train`, as a person uses them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from cvn_harness_core import MODEL_REGISTRY, TrainedArtifact, read_config, seed_config
from cvn_orchestrator.manifest import manifest

from .command import cvn

ROWS = 600
TRAIN = ("--data=bars.parquet", "--label=label", "--time=date", "--threads=1")
SMALL = "[lightgbm]\nn_estimators = 15\nnum_leaves = 9\n"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder with a small table."""
    rng = np.random.default_rng(5)
    a, b = rng.normal(size=(2, ROWS))
    dates = np.datetime64("2020-01-01") + np.arange(ROWS)
    label = (rng.random(ROWS) < 1 / (1 + np.exp(-a))).astype(int)
    table = pl.DataFrame({"date": dates, "a": a, "b": b, "label": label})
    table.write_parquet(tmp_path / "bars.parquet")
    return tmp_path


def read(*arguments: str, cwd: Path, **env: str) -> dict[str, Any]:
    done = cvn(*arguments, "--json", cwd=cwd, **env)
    assert done.returncode == 0, done.stderr
    facts: dict[str, Any] = json.loads(done.stdout)
    return facts


# --- the manifest ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["xgboost", "lightgbm", "catboost"])
def test_the_manifest_is_what_the_plugin_declares(name: str, tmp_path: Path) -> None:
    facts = read("params", name, cwd=tmp_path)
    assert facts == json.loads(json.dumps(manifest(MODEL_REGISTRY[name])))
    assert (facts["model"], facts["kind"]) == (name, "model")
    for found, param in zip(facts["params"], MODEL_REGISTRY[name].params, strict=True):
        assert found["name"] == param.name
        assert found["default"] == param.default
        assert found["dataset_level"] == param.dataset_level
        assert set(found["needs"]) == set(param.needs)
        assert (found["search"] is None) == (param.search is None)
    assert any(found["dataset_level"] for found in facts["params"])
    assert facts["reserved"]


def test_the_manifest_is_a_table_for_people(tmp_path: Path) -> None:
    lines = cvn("params", "catboost", cwd=tmp_path).stdout.splitlines()
    assert lines[0].split() == ["parameter", "type", "allowed", "default", "search", "remarks"]
    rows = {line.split()[0]: line for line in lines[1:]}
    assert list(rows) == [p.name for p in MODEL_REGISTRY["catboost"].params]
    assert "(0, 1]" in rows["learning_rate"]
    assert "0.05" in rows["learning_rate"]
    assert "Plain | Ordered" in rows["boosting_type"]
    assert rows["border_count"].endswith("dataset")
    assert "needs grow_policy Depthwise or Lossguide" in rows["min_data_in_leaf"]
    assert "one for each feature" in rows["monotone_constraints"]


def test_an_ensemble_has_parameters_like_a_model(tmp_path: Path) -> None:
    facts = read("params", "stack_logreg", cwd=tmp_path)
    assert facts["kind"] == "ensemble"
    assert [p["name"] for p in facts["params"]] == ["C", "max_iter"]
    assert cvn("params", "blend_avg", cwd=tmp_path).returncode == 0


# --- what would be used ---------------------------------------------------------------------


def test_what_would_be_used_says_where_it_comes_from(tmp_path: Path) -> None:
    (tmp_path / "hpo.toml").write_text(
        "[lightgbm]\nlearning_rate = 0.1\nmax_depth = 4\n"
        "[lightgbm.search]\nnum_leaves = { low = 4, high = 8, log = true }\n"
    )
    database = f"sqlite:///{tmp_path / 'hpo.db'}"
    seed_config("lightgbm", sql=database)
    arguments = ("params", "lightgbm", "--config=hpo.toml", f"--sql={database}")
    facts = read(*arguments, cwd=tmp_path, CVN_HPO_LIGHTGBM_MAX_DEPTH="5")
    rate, depth = facts["values"]["learning_rate"], facts["values"]["max_depth"]
    assert (rate["value"], rate["source"]) == (0.1, "config")
    assert rate["overridden"] == [{"value": 0.05, "source": "default", "origin": None}]
    assert rate["origin"].startswith("hpo.toml [lightgbm]")
    assert (depth["value"], depth["origin"]) == (
        5,
        "CVN_HPO_LIGHTGBM_MAX_DEPTH, in place of hpo.toml [lightgbm]",
    )
    leaves = facts["search"]["num_leaves"]
    assert (leaves["low"], leaves["high"], leaves["scale"]) == (4, 8, "log")
    assert leaves["source"] == "config"
    done = cvn(*arguments, cwd=tmp_path, CVN_HPO_LIGHTGBM_MAX_DEPTH="5")
    assert "CVN_HPO_LIGHTGBM_MAX_DEPTH, in place of hpo.toml [lightgbm]" in done.stdout
    assert "0.05 (default)" in done.stdout
    assert "[4, 8] log" in done.stdout


def test_the_environment_alone_is_shown_if_asked(tmp_path: Path) -> None:
    facts = read("params", "xgboost", "--used", cwd=tmp_path, CVN_HPO_XGBOOST_MAX_DEPTH="5")
    assert facts["values"]["max_depth"]["origin"] == "CVN_HPO_XGBOOST_MAX_DEPTH"
    assert "params" in read("params", "xgboost", cwd=tmp_path, CVN_HPO_XGBOOST_MAX_DEPTH="5")


def test_what_other_values_rule_out_is_named(tmp_path: Path) -> None:
    (tmp_path / "hpo.toml").write_text(
        "[catboost]\nbootstrap_type = 'MVS'\n"
        "[catboost.search]\nbagging_temperature = { low = 0.1, high = 2 }\n"
    )
    facts = read("params", "catboost", "--config=hpo.toml", cwd=tmp_path)
    assert facts["without_effect"] == ["bagging_temperature"]
    said = cvn("params", "catboost", "--config=hpo.toml", cwd=tmp_path).stdout
    assert said.endswith("not searched, since other values rule it out: bagging_temperature\n")


# --- seed and diff --------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["hpo.toml", "sqlite:///hpo.db"])
def test_what_is_seeded_can_be_changed_compared_and_kept(place: str, tmp_path: Path) -> None:
    option = f"--config={place}" if place.endswith(".toml") else f"--sql={place}"
    done = cvn("params", "seed", "lightgbm", "--to", place, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "parameters written" in done.stdout
    assert "learning_rate" in done.stdout
    same = cvn("params", "diff", "lightgbm", option, cwd=tmp_path)
    assert same.stdout == "lightgbm: nothing that is configured differs from the plugin's\n"
    change(tmp_path, place)
    (found,) = read("params", "diff", "lightgbm", option, cwd=tmp_path)["differences"]
    assert (found["name"], found["plugin"], found["configured"]) == ("n_estimators", 500, 50)
    table = cvn("params", "diff", "lightgbm", option, cwd=tmp_path).stdout.splitlines()
    assert table[0].split() == ["parameter", "plugin", "configured", "where"]
    assert table[1].split()[:3] == ["n_estimators", "500", "50"]
    again = cvn("params", "seed", "lightgbm", "--to", place, cwd=tmp_path).stdout
    assert again.startswith("lightgbm: 0 parameters written\n")
    assert "kept, since they differ" in again
    facts = read("params", "seed", "lightgbm", "--to", place, "--overwrite", cwd=tmp_path)
    assert facts["written"] == ["n_estimators"]


def change(home: Path, place: str) -> None:
    """Change one value, as somebody else would."""
    if place.endswith(".toml"):
        text = (home / place).read_text()
        (home / place).write_text(text.replace("n_estimators = 500", "n_estimators = 50"))
    else:
        import sqlite3

        with sqlite3.connect(home / "hpo.db") as connection:
            connection.execute(
                "UPDATE cvn_hyperparameters SET value = '50' WHERE param = 'n_estimators'"
            )
        connection.close()


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["lightgmb"], "plugin_not_installed", "Did you mean 'lightgbm'?"),
        (["seed", "lightgbm"], "setting_invalid", "--to is missing"),
        (["seed", "lightgbm", "--to=hpo.json"], "setting_invalid", "hpo.json is no place"),
        (["seed", "lightgbm", "--to=a.toml", "--sql=sqlite:///a"], "setting_invalid", "--sql has"),
        (["diff", "lightgbm"], "setting_invalid", "give --config or --sql"),
        (["lightgbm", "--to=a.toml"], "setting_invalid", "--to has no meaning for `cvn params M"),
        (["lightgbm", "--config=no.toml"], "config_unreadable", "no.toml cannot be read"),
        (["lightgbm", "--sql=sqlite:///no.db"], "config_unreadable", "no such file"),
        (["seed", "lightgbm", "--to=sqlite:////no/such/a.db"], "config_unreadable", "unable to"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(
    arguments: list[str], code: str, said: str, tmp_path: Path
) -> None:
    done = cvn("params", *arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert said in done.stderr
    assert done.stderr.endswith(f"[{code}]\n")
    assert len(done.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("words", [[], ["sow", "lightgbm"], ["seed", "lightgbm", "xgboost"]])
def test_another_action_is_refused_with_the_usage(words: list[str], tmp_path: Path) -> None:
    done = cvn("params", *words, cwd=tmp_path)
    assert done.returncode == 2
    assert "cvn params seed MODEL --to URL|FILE.toml" in done.stderr


def test_a_model_called_seed_is_shown_like_another(tmp_path: Path) -> None:
    assert "offers the model 'seed'" in cvn("params", "seed", cwd=tmp_path).stderr
    assert "the model 'diff'" in cvn("params", "seed", "diff", "--to=a.toml", cwd=tmp_path).stderr


# --- training -------------------------------------------------------------------------------


def test_a_search_names_the_ranges_that_were_replaced(
    home: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (home / "ranges.toml").write_text("[lightgbm.search]\nnum_leaves = { low = 3, high = 6 }\n")
    fixed = ("--config=ranges.toml", "-p=num_leaves=5", "-p=n_estimators=8", "--out=r")
    assert cvn("train", "lightgbm", *TRAIN, *fixed, "--trials=1", cwd=home).returncode == 0
    said = "num_leaves: not searched over [3, 6] (ranges.toml [lightgbm.search]): replaced\n"
    assert said in capfd.readouterr().out, "the search has a process of its own"


def test_train_uses_the_configuration_and_says_what_is_dead(home: Path) -> None:
    (home / "hpo.toml").write_text(SMALL)
    train = ("train", "lightgbm", *TRAIN, "--config=hpo.toml", "-p=num_leaves=5", "--out=b")
    done = cvn(*train, cwd=home)
    assert done.returncode == 0, done.stderr
    assert (
        "parameters   num_leaves is 5 by the user; without effect: 9 of the configuration "
        "(hpo.toml [lightgbm])\n" in done.stdout
    )
    assert "n_estimators is" not in done.stdout  # only a default was replaced
    assert "CVN_HPO" not in done.stderr
    facts = read(*train, "--overwrite", cwd=home)
    leaves = facts["effective_params"]["num_leaves"]
    assert leaves == {
        "value": 5,
        "source": "user",
        "requested": 5,
        "overridden": [{"value": 9, "source": "config", "origin": "hpo.toml [lightgbm]"}],
        "origin": None,
    }
    trees = facts["effective_params"]["n_estimators"]
    assert (trees["source"], trees["origin"]) == ("config", "hpo.toml [lightgbm]")
    artifact = TrainedArtifact.load(home / "b")
    assert facts["params_digest"] == artifact.params_digest
    assert len(artifact.params_digest) == 64


def test_the_environment_is_read_and_said(home: Path) -> None:
    (home / "hpo.toml").write_text(SMALL)
    env = {"CVN_HPO_LIGHTGBM_NUM_LEAVES": "4", "CVN_HPO_LIGHTGMB_NUM_LEAVES": "3"}
    done = cvn("train", "lightgbm", *TRAIN, "--config=hpo.toml", "--json", cwd=home, **env)
    assert done.returncode == 0, done.stderr
    assert (
        "cvn: note: lightgbm: num_leaves is 4 by CVN_HPO_LIGHTGBM_NUM_LEAVES\n"
        "cvn: note: CVN_HPO_LIGHTGMB_NUM_LEAVES begins with the name of no installed plugin and "
        "is ignored\n"
    ) in done.stderr
    assert json.loads(done.stdout)["effective_params"]["num_leaves"]["value"] == 4


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--trials=1"], "num_leaves is searched over [4, 8] by {}"),
        ([], "{} is without effect: nothing of it is searched"),
        (["-p", "num_leaves=15"], "{} is without effect: num_leaves is 15"),
        (["-p", "num_leaves=15", "--trials=1"], "{} is without effect: num_leaves is 15"),
        (
            ["--space=num_leaves=5:6", "--trials=1"],
            "{} is without effect: num_leaves is searched over [5, 6]",
        ),
    ],
)
def test_what_a_range_of_the_environment_does_is_said(
    home: Path, options: list[str], said: str
) -> None:
    (home / "hpo.toml").write_text(SMALL)
    name = "CVN_HPO_LIGHTGBM_NUM_LEAVES"
    done = cvn(
        "train", "lightgbm", *TRAIN, "--config=hpo.toml", "--in-process", *options, cwd=home,
        **{f"{name}_MIN": "4", f"{name}_MAX": "8"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    notes = [line for line in done.stderr.splitlines() if "num_leaves" in line or name in line]
    assert notes == [f"cvn: note: lightgbm: {said.format(f'{name}_MIN, _MAX')}"]


def test_a_database_is_read(home: Path) -> None:
    seed_config("lightgbm", sql=f"sqlite:///{home / 'hpo.db'}")
    change(home, "hpo.db")
    facts = read("train", "lightgbm", *TRAIN, "--config-sql=sqlite:///hpo.db", cwd=home)
    assert facts["effective_params"]["n_estimators"]["requested"] == 50


def test_each_base_of_an_ensemble_has_its_own_table(home: Path) -> None:
    (home / "hpo.toml").write_text(
        "[stack_logreg]\nC = 0.5\n[lightgbm]\nn_estimators = 9\n[xgboost]\nn_estimators = 8\n"
    )
    ensemble = ("train", "stack_logreg", "--bases=lightgbm,xgboost", "--config=hpo.toml", "--out=e")
    facts = read(*ensemble, *TRAIN, cwd=home, CVN_HPO_XGBOOST_MAX_DEPTH="2")
    assert facts["effective_params"]["C"]["value"] == 0.5
    bases = TrainedArtifact.load(home / "e").native.bases
    found = {base.name: base.effective_params for base in bases}
    assert found["lightgbm"]["n_estimators"].requested == 9
    assert found["xgboost"]["n_estimators"].requested == 8
    assert found["xgboost"]["max_depth"].value == 2


@pytest.mark.parametrize(
    ("text", "env", "code", "said"),
    [
        ("[lightgbm]\nnum_leaves = 1", {}, "parameter_invalid", "hpo.toml [lightgbm]: lightgbm:"),
        ("[lightgbm.search]\nnum_leaves = 1", {}, "config_invalid", "[lightgbm.search]: num_le"),
        ("[lightgmb]", {}, "config_invalid", "Did you mean [lightgbm]?"),
        ("", {"CVN_HPO_LIGHTGBM_NUM_LEAFS": "9"}, "parameter_unknown", "'num_leaves'"),
        ("", {"CVN_HPO_LIGHTGBM_NUM_LEAVES_MIN": "9"}, "config_invalid", "_MAX is missing"),
    ],
)
def test_a_wrong_configuration_fails_before_data_are_read(
    text: str, env: dict[str, str], code: str, said: str, tmp_path: Path
) -> None:
    (tmp_path / "hpo.toml").write_text(text)
    done = cvn("train", "lightgbm", *TRAIN, "--config=hpo.toml", cwd=tmp_path, **env)
    assert done.returncode == 2
    assert said in done.stderr
    assert f"[{code}]" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["hpo.toml"]


def test_the_seeded_file_trains_the_same_model(home: Path) -> None:
    seed_config("lightgbm", toml=home / "hpo.toml")
    assert read_config("lightgbm", toml=home / "hpo.toml").values["n_estimators"] == 500
    plain = read("train", "lightgbm", *TRAIN, "--out=a", cwd=home)
    seeded = read("train", "lightgbm", *TRAIN, "--out=b", "--config=hpo.toml", cwd=home)
    assert plain["metrics"] == seeded["metrics"]
    assert plain["params_digest"] != seeded["params_digest"]  # the sources differ
