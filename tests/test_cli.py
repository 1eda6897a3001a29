"""The `cvn` command as a person uses it: real files, exit codes and words."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
import pytest

from cvn_harness_core import MODEL_REGISTRY, Datasets, HPOParams, TrainedArtifact, train_one
from cvn_harness_core.plugins.adapters import adapter_of
from cvn_orchestrator import words
from cvn_orchestrator.demo import market

from .command import TRAIN, cvn

KINDS = ("model", "ensemble")
CVN = Path(sys.executable).with_name("cvn")


@pytest.fixture(scope="module")
def bars(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bars") / "sp500.parquet"
    market.frame("SP500", take_profit=2, stop_loss=1, horizon=10, cost=0.05).write_parquet(path)
    return path


def test_plugins_lists_the_installed_models(tmp_path: Path) -> None:
    listed = json.loads(cvn("plugins", "--json", cwd=tmp_path).stdout)
    by_kind = {kind: [r["name"] for r in listed if r["kind"] == kind] for kind in KINDS}
    assert by_kind["model"] == ["catboost", "lightgbm", "xgboost"]
    assert {"blend_avg", "stack_logreg", "stack_xgb_meta"} < set(by_kind["ensemble"])
    assert {r["status"] for r in listed} == {"available"}
    table = cvn("plugins", cwd=tmp_path).stdout
    assert table.splitlines()[0].split() == [
        "name", "kind", "status", "distribution", "version", "origin"
    ]  # fmt: skip
    assert "cvn-model-lightgbm" in table


def test_a_broken_plugin_is_listed_with_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = tmp_path / "rival-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: rival\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[cvn_harness.models.v1]\nlightgbm = rival\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    listing = subprocess.run(
        [CVN, "plugins", "--strict"], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert listing.returncode == 1
    assert "cvn-model-lightgbm and rival both offer the model 'lightgbm'" in listing.stdout
    assert cvn("plugins", cwd=tmp_path).returncode == 0


@pytest.mark.parametrize("model", ["xgboost", "lightgbm", "catboost"])
def test_train_then_predict(model: str, bars: Path, tmp_path: Path) -> None:
    trained = cvn("train", model, "--data", bars, *TRAIN, "--threads=1", "--json", cwd=tmp_path)
    assert trained.returncode == 0, trained.stderr
    facts = json.loads(trained.stdout)
    assert facts["bundle"] == f"cvn-{model}"
    assert facts["metrics"]["test"]["expectancy"] is not None

    out = tmp_path / "signals.csv"
    scored = cvn("predict", f"cvn-{model}", "--data", bars, "--out", out, cwd=tmp_path)
    assert scored.returncode == 0, scored.stderr
    signals, table = pl.read_csv(out), pl.read_parquet(bars)
    assert len(signals) == len(table)
    artifact = TrainedArtifact.load(tmp_path / f"cvn-{model}")
    X = table.select(artifact.feature_version.feature_names).to_numpy()
    np.testing.assert_array_equal(signals["p_buy"], artifact.predict_proba(X)[:, 1])
    np.testing.assert_array_equal(signals["signal"], artifact.predict(X))


SMALL = (
    "-p=xgboost.n_estimators=15",
    "-p=lightgbm.n_estimators=15",
    "-p=catboost.iterations=15",
    "--threads=1",
)


def test_an_ensemble_is_trained_and_scored_like_a_model(bars: Path, tmp_path: Path) -> None:
    for name in ("blend_avg", "stack_logreg"):
        done = cvn(
            "train", name, "--data", bars, *TRAIN, *SMALL, "--store=kept", "--json", cwd=tmp_path
        )
        assert done.returncode == 0, done.stderr
        facts = json.loads(done.stdout)
        assert (facts["name"], facts["kind"]) == (name, "ensemble")
        assert set(facts["diagnostics"]["base_weights"]) == {"xgboost", "lightgbm", "catboost"}
    kept = json.loads(cvn("store", "ls", "--store=kept", "--json", cwd=tmp_path).stdout)
    counted = [sum(row["kind"] == kind for row in kept) for kind in ("model", "ensemble", "fold")]
    assert counted == [3, 2, 12]  # bases and folds once for both

    scored = cvn("predict", "cvn-blend_avg", "--data", bars, "--out=p.csv", cwd=tmp_path)
    assert scored.returncode == 0, scored.stderr
    artifact = TrainedArtifact.load(tmp_path / "cvn-blend_avg")
    X = pl.read_parquet(bars).select(artifact.feature_version.feature_names).to_numpy()
    p_buy = pl.read_csv(tmp_path / "p.csv")["p_buy"]
    np.testing.assert_array_equal(p_buy, artifact.predict_proba(X)[:, 1])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("blend_avg", "-p=iterations=3"), "must say whose it is"),
        (("blend_avg", "-p=svm.C=3"), "must say whose it is"),
        (("blend_avg", "--bases=lightgbm,nothing"), "the base nothing of blend_avg"),
        (("lightgbm", "--bases=xgboost"), "--bases is for ensembles"),
    ],
)
def test_bases_and_their_parameters_are_checked(
    arguments: tuple[str, ...], said: str, bars: Path, tmp_path: Path
) -> None:
    done = cvn("train", *arguments, "--data", bars, *TRAIN, cwd=tmp_path)
    assert done.returncode == 2
    assert said in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_train_gives_what_train_one_gives(bars: Path, tmp_path: Path) -> None:
    done = cvn(
        "train", "lightgbm", "--data", bars, *TRAIN, "--val-from=2012-01-01",
        "--test-from=2014-01-01", "--embargo-days=5", "-p", "num_leaves=7", "-p",
        "learning_rate=0.1", "--seed=3", "--threads=1", "--json", cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    from datetime import timedelta

    datasets = Datasets.from_frame(
        pl.read_parquet(bars).drop("symbol"),
        label="label",
        time="date",
        label_end="label_end",
        returns="net_return",
        val_from="2012-01-01",
        test_from="2014-01-01",
        embargo=timedelta(days=5),
    )
    hpo = HPOParams(params={"num_leaves": 7, "learning_rate": 0.1}, seed=3, n_threads=1)
    artifact = train_one("lightgbm", datasets, hpo)
    facts = json.loads(done.stdout)
    assert facts["datasets_digest"] == artifact.datasets_digest
    assert facts["theta"] == artifact.theta
    assert facts["metrics"]["test"]["log_loss"] == artifact.metrics["test"].log_loss


def test_csv_and_parquet_give_the_same_model(bars: Path, tmp_path: Path) -> None:
    csv = tmp_path / "bars.csv"
    pl.read_parquet(bars).write_csv(csv)
    facts = [
        json.loads(
            cvn("train", "lightgbm", "--data", path, *TRAIN, "--out", f"b-{path.suffix[1:]}",
                "--threads=1", "--json", cwd=tmp_path).stdout
        )
        for path in (bars, csv)
    ]  # fmt: skip
    assert facts[0]["metrics"] == facts[1]["metrics"]
    assert facts[0]["datasets_digest"] == facts[1]["datasets_digest"]


def trained(bars: Path, home: Path, *options: str, model: str = "lightgbm") -> dict[str, Any]:
    """Train with some options, and return what `--json` prints."""
    command = ("train", model, "--data", bars, *TRAIN, "--threads=1", "--overwrite", "--json")
    done = cvn(*command, *options, cwd=home)
    assert done.returncode == 0, done.stderr
    facts: dict[str, Any] = json.loads(done.stdout)
    return facts


def test_train_prints_a_summary_for_people(bars: Path, tmp_path: Path) -> None:
    done = cvn("train", "xgboost", "--data", bars, *TRAIN, "--payoff=2/1/0.05", cwd=tmp_path)
    assert done.returncode == 0
    artifact = TrainedArtifact.load(tmp_path / "cvn-xgboost")
    decision, outcome = artifact.decision, artifact.outcome
    assert decision.theta is not None
    assert decision.interval is not None
    assert outcome.realised_expectancy is not None
    low, high = decision.interval
    worst = next(iter(artifact.health.worst_psi))
    for said in (
        f"{decision.theta:.4f} by expected_value on {decision.n:,} validation rows",
        f"; 90 % interval {low:.4f} to {high:.4f}",
        f"buy rate {outcome.predicted_buy_rate:.1%} predicted",
        f", {outcome.realised_buy_rate:.1%} realised on test",
        f"predicted, {outcome.realised_expectancy:+.4f} realised on test",
        "best iteration",
        f"health       {artifact.health.verdict}: ",
        f"(PSI): {worst} ",
        "scores       raw",
        "calibration  off",
        "break-even precision 0.3500 net, 0.3333 before cost",
        "f1_buy",
        "bundle: cvn-xgboost",
    ):
        assert said in done.stdout
    # the verdict stands last, on its own
    assert done.stdout.endswith(f"\n\n{artifact.tradability.sentence}\n")


def test_no_trade_is_said_with_its_reason(bars: Path, tmp_path: Path) -> None:
    none = ("--min-signals=100", "--max-buy-rate=0.001")
    done = cvn("train", "lightgbm", "--data", bars, *TRAIN, *none, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "NO_TRADE by expected_value" in done.stdout
    assert "buys at a rate within the band (no_cut_within_buy_rate_band)" in done.stdout
    assert "no row ever signals" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("Not tradable at any theta")
    facts = trained(bars, tmp_path, *none)
    assert facts["theta"] is None
    assert facts["decision"]["status"] == "NO_TRADE"
    assert facts["tradability"]["verdict"] == "not_tradable"
    assert facts["decision"]["expectancy_by_cost"] == []


def test_the_alarm_is_printed(bars: Path, tmp_path: Path) -> None:
    options = (*TRAIN, "--val-from=2012-01-01", "--test-from=2018-01-01", "--theta=f1_capped")
    limits = ("--max-buy-rate=0.1", "--min-signals=10", "-p=n_estimators=15", "--threads=1")
    first = cvn("train", "lightgbm", "--data", bars, *options, *limits, "--out=a", cwd=tmp_path)
    assert first.returncode == 0, first.stderr
    # Every test row becomes the one that the model likes best, so that all of them are bought.
    table, artifact = pl.read_parquet(bars), TrainedArtifact.load(tmp_path / "a")
    names = list(artifact.feature_version.feature_names)
    best = int(artifact.predict_proba(table.select(names).to_numpy())[:, 1].argmax())
    later = pl.col("date") >= pl.datetime(2018, 1, 1)
    liked = [pl.when(later).then(table[n][best]).otherwise(pl.col(n)).alias(n) for n in names]
    table.with_columns(liked).write_parquet(tmp_path / "drifted.parquet")
    done = cvn(
        "train", "lightgbm", "--data=drifted.parquet", *options, *limits, "--out=b", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert TrainedArtifact.load(tmp_path / "b").outcome.alarm == "above_band"
    assert f"ALARM: {words.with_code(words.ALARM, 'above_band')}" in done.stdout


def test_json_carries_what_the_artifact_knows(bars: Path, tmp_path: Path) -> None:
    facts = trained(bars, tmp_path, "--payoff=2/1/0.05")
    artifact = TrainedArtifact.load(tmp_path / facts["bundle"])
    for name in ("outcome", "tradability", "calibration", "probability", "health"):
        assert facts[name] == json.loads(json.dumps(asdict(getattr(artifact, name)))), name
    assert facts["out_of_fold"] == []
    assert list(facts["decision"]["interval"]) == list(artifact.decision.interval or ())
    assert "curve" not in facts["decision"]
    curve = trained(bars, tmp_path, "--payoff=2/1/0.05", "--curve")["decision"]["curve"]
    assert len(curve["theta"]) == len(curve["expectancy"][0])
    assert facts["theta"] in curve["theta"]


def test_costs_show_what_a_signal_earns_at_each(bars: Path, tmp_path: Path) -> None:
    facts = trained(bars, tmp_path, "--payoff=2/1/0.05", "--costs=0.05,0.5")
    own, dear = facts["decision"]["expectancy_by_cost"]
    assert (own["cost"], dear["cost"]) == (0.05, 0.5)
    assert own["expectancy"] == pytest.approx(facts["decision"]["expectancy"])
    assert own["expectancy"] - dear["expectancy"] == pytest.approx(0.45)
    assert facts["policy"]["costs"] == [0.05, 0.5]


@pytest.mark.parametrize(
    ("rule", "name"),
    [("0.35", "fixed"), ("f1_grid", "f1_grid"), ("f1_capped", "f1_capped"),
     ("expected_value", "expected_value")],
)  # fmt: skip
def test_the_rule_for_theta_can_be_named(rule: str, name: str, bars: Path, tmp_path: Path) -> None:
    facts = trained(bars, tmp_path, f"--theta={rule}")
    assert facts["decision"]["rule"] == facts["policy"]["theta"]["rule"] == name
    if name == "fixed":
        assert facts["theta"] == 0.35
    if name == "f1_grid":
        assert round(facts["theta"] * 20) == pytest.approx(facts["theta"] * 20)


def test_limits_reach_the_rule(bars: Path, tmp_path: Path) -> None:
    facts = trained(bars, tmp_path, "--max-buy-rate=0.2", "--min-signals=60")
    assert facts["decision"]["rule"] == "expected_value"
    assert facts["decision"]["max_buy_rate"] == 0.2
    assert facts["decision"]["n_signals"] >= 60
    assert facts["decision"]["buy_rate"] <= 0.2
    capped = trained(bars, tmp_path, "--theta=f1_capped", "--max-buy-rate=0.1")
    assert capped["decision"]["buy_rate"] <= 0.1


def test_a_class_weight_is_undone_unless_the_design_keeps_it(bars: Path, tmp_path: Path) -> None:
    weights = {
        weight: trained(bars, tmp_path, f"--class-balance={weight}")["probability"]
        for weight in ("none", "auto", "2.5")
    }
    assert weights["none"]["kind"] == "raw"
    assert {weights["auto"]["kind"], weights["2.5"]["kind"]} == {"prior_corrected"}
    assert weights["2.5"]["positive_weight"] == 2.5
    assert weights["auto"]["positive_weight"] > 1
    original = trained(bars, tmp_path, "--policy=adr0089")
    assert original["probability"]["kind"] == "weight_inflated"


def test_calibration_is_applied_or_refused_aloud(bars: Path, tmp_path: Path) -> None:
    few = trained(bars, tmp_path, "--calibrate=isotonic")["calibration"]
    assert (few["status"], few["reason"]) == ("refused", "too_few_rows")
    done = cvn("train", "lightgbm", "--data", bars, *TRAIN, "--calibrate=isotonic", "--overwrite",
               cwd=tmp_path)  # fmt: skip
    assert "calibration  refused, isotonic: too few rows (too_few_rows); it needs" in done.stdout
    rng = np.random.default_rng(0)
    a = rng.normal(size=4000)
    stamps = np.datetime64("2010-01-01") + np.arange(4000)
    y = (rng.random(4000) < 1 / (1 + np.exp(-2 * a))).astype(int)
    data = tmp_path / "clear.parquet"
    pl.DataFrame({"date": stamps, "a": a, "label": y}).write_parquet(data)
    done = cvn("train", "lightgbm", "--data", data, "--label=label", "--time=date", "--overwrite",
               "--val-share=0.5", "--class-balance=4", "--calibrate=sigmoid", "-p",
               "learning_rate=0.02", cwd=tmp_path)  # fmt: skip
    assert done.returncode == 0, done.stderr
    kept = TrainedArtifact.load(tmp_path / "cvn-lightgbm").calibration
    assert kept.status == "applied", kept
    assert f"calibration  applied, sigmoid on {kept.rows:,} validation rows" in done.stdout
    assert f"Brier {kept.brier_before:.4f} before and {kept.brier_after:.4f} after" in done.stdout
    assert f"scores       probabilities, calibrated by sigmoid on {kept.rows}" in done.stdout


def test_theta_can_be_picked_out_of_fold(bars: Path, tmp_path: Path) -> None:
    facts = trained(bars, tmp_path, "--out-of-fold=3", "--embargo-days=30")
    assert facts["decision"]["source"] == "out_of_fold"
    assert len(facts["out_of_fold"]) == 3
    for fold in facts["out_of_fold"]:
        scored, ended = (
            np.datetime64(fold[name].replace("Z", "").replace("+00:00", ""))
            for name in ("scored_from", "latest_stopping_end")
        )
        assert scored - ended > np.timedelta64(30, "D")
    assert facts["policy"]["out_of_fold"]["embargo"] == 30 * 86400
    again = TrainedArtifact.load(tmp_path / facts["bundle"])
    assert again.policy["out_of_fold"] == facts["policy"]["out_of_fold"]


def test_an_unhealthy_fit_can_be_an_error(bars: Path, tmp_path: Path) -> None:
    one = ("-p", "min_child_samples=100000")  # no tree can be split, so all scores are equal
    assert trained(bars, tmp_path, *one)["health"]["verdict"] == "unhealthy"
    done = cvn("train", "lightgbm", "--data", bars, *TRAIN, *one, "--on-unhealthy=error",
               "--out=other", cwd=tmp_path)  # fmt: skip
    assert done.returncode == 1
    assert "[training_unhealthy]" in done.stderr
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["train", "lightgmb"], "plugin_not_installed", "Did you mean 'lightgbm'?"),
        (["train", "lightgbm", "-p", "num_leafs=3"], "parameter_unknown", "'num_leaves'"),
        (["train", "lightgbm", "-p", "num_leaves"], "setting_invalid", "NAME=VALUE"),
        (["train", "lightgbm", "--payoff=2"], "setting_invalid", "TP/SL"),
        (["train", "lightgbm", "--exclude=symbol,nope"], "data_column_missing", "nope"),
        (["train", "lightgbm", "--label=nope"], "data_column_missing", "nope"),
        (["train", "lightgbm", "--features=date"], "setting_invalid", "date"),
        (["train", "lightgbm", "--val-share=0.9"], "setting_invalid", "share"),
        (["train", "lightgbm", "--data=nope.csv"], "data_unreadable", "no such file"),
        (["train", "lightgbm", "--data=nope.xls"], "data_unreadable", ".parquet or .csv"),
    ],
)
def test_a_user_mistake_is_one_line_and_exit_code_2(
    arguments: list[str], code: str, words: str, bars: Path, tmp_path: Path
) -> None:
    command = [arguments[0], arguments[1], "--data", str(bars), *TRAIN, *arguments[2:]]
    done = cvn(*command, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert f"[{code}]" in done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not list(tmp_path.iterdir())
    as_json = cvn(*command, "--json", cwd=tmp_path)
    assert json.loads(as_json.stdout)["error"]["code"] == code


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--theta=f2"], "'f2' is no rule"),
        (["--theta=1.5"], "within (0, 1)"),
        (["--theta=nan"], "Fixed.theta is nan"),
        (["--theta=0.3", "--min-signals=9"], "no limits"),
        (
            ["--theta=f1_grid", "--max-buy-rate=.2"],
            "--max-buy-rate would do nothing",
        ),
        (["--min-signals=0"], "min_signals is 0"),
        (["--min-signals=many"], "no whole number"),
        (["--max-buy-rate=2"], "within [0, 1]"),
        (["--max-buy-rate=0"], "nothing could ever"),
        (["--class-balance=heavy"], "none, auto or"),
        (["--class-balance=-1"], "above 0"),
        (["--calibrate=platt"], "sigmoid, isotonic"),
        (["--out-of-fold=0"], "n_folds is 0"),
        (["--out-of-fold=2.5"], "no whole number"),
        (["--embargo-days=nan"], "--embargo-days nan"),
        (["--costs=0.1,x"], "--costs: 'x' is no number"),
        (["--costs=-0.1"], "costs is -0.1"),
        (["--on-unhealthy=ignore"], "'report' or 'error'"),
        (
            ["--policy=adr0089", "--theta=0.3", "--calibrate=sigmoid"],
            "--theta, --calibrate would change it",
        ),
        (
            ["--policy=adr0089", "--class-balance=none"],
            "--class-balance would change it",
        ),
    ],
)
def test_a_policy_that_is_none_is_refused(
    options: list[str], said: str, bars: Path, tmp_path: Path
) -> None:
    done = cvn("train", "lightgbm", "--data", bars, *TRAIN, *options, "--json", cwd=tmp_path)
    assert done.returncode == 2
    error = json.loads(done.stdout)["error"]
    assert error["code"] == "setting_invalid"
    assert said in error["message"]
    assert done.stderr == f"cvn: error: {error['message']} [setting_invalid]\n"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("option", ["--theta=expected_value", "--costs=0.1"])
def test_weighing_money_needs_money(option: str, bars: Path, tmp_path: Path) -> None:
    done = cvn(
        "train", "lightgbm", "--data", bars, "--label=label", "--time=date",
        "--label-end=label_end", "--exclude=symbol,net_return", "--log=json", option, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 2
    assert "[money_unknown]" in done.stderr
    assert "training_started" not in done.stderr
    assert not list(tmp_path.iterdir())


def small_csv(path: Path, rows: list[str], header: str = "date,a,b,label") -> Path:
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def days(n: int, a: str, b: str) -> list[str]:
    """Rows of a synthetic CSV; ``a`` and ``b`` fill the first 200 rows, numbers the rest."""
    rng = np.random.default_rng(0)
    start = np.datetime64("2020-01-01")
    numbers = rng.normal(size=(n, 2))
    cells = [(a, b) if i < 200 else numbers[i] for i in range(n)]
    return [f"{start + i},{left},{right},{i % 2}" for i, (left, right) in enumerate(cells)]


def test_columns_of_a_csv_may_be_blank_or_whole_at_first(tmp_path: Path) -> None:
    data = small_csv(tmp_path / "d.csv", days(900, a="", b="1"))
    done = cvn("train", "lightgbm", "--data", data, "--label=label", "--time=date", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "on 2 features: a, b" in done.stdout
    assert done.stderr == "cvn: note: no --label-end, so nothing can be purged\n"
    assert cvn("predict", "cvn-lightgbm", "--data", data, cwd=tmp_path).returncode == 0


def test_a_csv_with_one_name_twice_is_refused(tmp_path: Path) -> None:
    data = small_csv(tmp_path / "d.csv", days(900, a="1", b="1"), "date,a,a,label")
    done = cvn("train", "lightgbm", "--data", data, "--label=label", "--time=date", cwd=tmp_path)
    assert done.returncode == 2
    assert "[feature_names_duplicate]" in done.stderr


def test_a_csv_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    data = tmp_path / "d.csv"
    data.write_bytes("date,größe,label\n2020-01-01,1,0\n".encode("latin-1"))
    done = cvn("train", "lightgbm", "--data", data, "--label=label", "--time=date", cwd=tmp_path)
    assert done.returncode == 2
    assert "[data_unreadable]" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_parameter_given_twice_is_refused(bars: Path, tmp_path: Path) -> None:
    twice = ("-p", "num_leaves=5", "-p", "num_leaves=63")
    done = cvn("train", "lightgbm", "--data", bars, *TRAIN, *twice, cwd=tmp_path)
    assert done.returncode == 2
    assert "[parameter_duplicate]" in done.stderr


def test_a_folder_that_is_no_bundle_is_never_overwritten(bars: Path, tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "thesis.txt").write_text("years")
    out = ("--out=work", "--overwrite", "--log=json")
    done = cvn("train", "lightgbm", "--data", bars, *TRAIN, *out, cwd=tmp_path)
    assert done.returncode == 2
    assert "training_started" not in done.stderr
    assert (tmp_path / "work" / "thesis.txt").read_text() == "years"


def test_an_outcome_among_the_features_is_suspected(bars: Path, tmp_path: Path) -> None:
    done = cvn(
        "train", "lightgbm", "--data", bars, "--label=label", "--time=date",
        "--label-end=label_end", "--exclude=symbol", cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0
    assert "too_good" in done.stdout


@pytest.mark.parametrize("threads", ["0", "-3"])
def test_predicting_with_no_threads_is_refused(threads: str, bars: Path, tmp_path: Path) -> None:
    assert cvn("train", "xgboost", "--data", bars, *TRAIN, cwd=tmp_path).returncode == 0
    done = cvn("predict", "cvn-xgboost", "--data", bars, "--threads", threads, cwd=tmp_path)
    assert done.returncode == 2
    assert "[setting_invalid]" in done.stderr


def test_text_where_a_number_was_is_refused_in_prediction(bars: Path, tmp_path: Path) -> None:
    table = pl.read_parquet(bars)
    single = tmp_path / "single.parquet"
    table.with_columns(pl.col(market.FEATURES).cast(pl.Float32)).write_parquet(single)
    assert cvn("train", "lightgbm", "--data", single, *TRAIN, cwd=tmp_path).returncode == 0
    text = tmp_path / "text.parquet"
    table.with_columns(pl.lit("high").alias(market.FEATURES[0])).write_parquet(text)
    done = cvn("predict", "cvn-lightgbm", "--data", text, cwd=tmp_path)
    assert done.returncode == 2
    assert "[features_not_numeric]" in done.stderr
    assert cvn("predict", "nowhere", "--data", text, cwd=tmp_path).returncode == 2


def test_an_existing_bundle_is_not_replaced_unless_asked(bars: Path, tmp_path: Path) -> None:
    train = ("train", "lightgbm", "--data", bars, *TRAIN, "--threads=1")
    assert cvn(*train, cwd=tmp_path).returncode == 0
    before = (tmp_path / "cvn-lightgbm" / "manifest.sha256").read_bytes()
    refused = cvn(*train, cwd=tmp_path)
    assert refused.returncode == 2
    assert "--overwrite" in refused.stderr
    assert (tmp_path / "cvn-lightgbm" / "manifest.sha256").read_bytes() == before
    assert cvn(*train, "--overwrite", cwd=tmp_path).returncode == 0


def test_a_changed_bundle_is_refused(bars: Path, tmp_path: Path) -> None:
    assert cvn("train", "catboost", "--data", bars, *TRAIN, cwd=tmp_path).returncode == 0
    model = tmp_path / "cvn-catboost" / "model.cbm"
    payload = bytearray(model.read_bytes())
    payload[len(payload) // 2] ^= 1
    model.write_bytes(payload)
    done = cvn("predict", "cvn-catboost", "--data", bars, cwd=tmp_path)
    assert done.returncode == 1
    assert "[bundle_corrupt]" in done.stderr
    assert done.stdout == ""


def test_dag_draws_the_training_path(tmp_path: Path) -> None:
    done = cvn("dag", "catboost", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    picture = (tmp_path / "cvn-catboost.svg").read_text()
    assert picture.lstrip().startswith("<?xml")
    for node in ("class_balance", "theta_sweep", "eval_metrics", "training_health", "log_emit",
                 "feature_importance"):  # fmt: skip
        assert f">{node}</text>" in picture
    assert cvn("dag", "catboost", "-o", "x.png", cwd=tmp_path).returncode == 2


def test_events_can_be_read_by_machines(bars: Path, tmp_path: Path) -> None:
    done = cvn("train", "lightgbm", "--data", bars, *TRAIN, "--log=json", cwd=tmp_path)
    events = [json.loads(line)["event"] for line in done.stderr.splitlines()]
    assert events == [
        "training_started",
        "class_balance_applied",
        "learning_curve",
        "calibration_applied",
        "theta_picked",
        "training_health",
        "training_complete",
        "artifact_saved",
    ]


class Demo(NamedTuple):
    """One run of `cvn demo`: where it wrote, what it printed, and how long it took."""

    out: Path
    printed: str
    errors: str
    seconds: float

    @property
    def rows(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = json.loads((self.out / "results.json").read_text())
        return rows


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    home = tmp_path_factory.mktemp("demo")
    started = time.perf_counter()
    done = subprocess.run(  # its workers' events, too, are on its standard error
        [CVN, "demo", "--log=json"], cwd=home, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return Demo(home / "cvn-demo", done.stdout, done.stderr, time.perf_counter() - started)


MODELS = ("xgboost", "lightgbm", "catboost")
ENSEMBLES = ("blend_avg", "stack_logreg", "stack_xgb_meta")


def test_the_demo_is_the_main_job(demo: Demo) -> None:
    rows, printed = demo.rows, demo.printed
    assert demo.seconds < 240
    assert {row["model"] for row in rows if row["role"] == "model"} == set(MODELS)
    assert {row["model"] for row in rows if row["role"] == "ensemble"} == set(ENSEMBLES)
    assert {row["symbol"] for row in rows} == {"SP500", "NASDAQ"}
    assert len({row["fold"] for row in rows}) >= 4
    assert len(rows) == 60 + 30 + 30
    assert not any(row["cache_hit"] for row in rows)
    lines = [line for line in printed.splitlines() if line.startswith(("SP500", "NASDAQ"))]
    assert len(lines) == 30 + 30
    assert sum(line.split("|")[2].split() == ["-"] * 4 for line in lines) == 30
    assert printed.splitlines()[-2].startswith("120 trainings in ")
    assert printed.splitlines()[-1].endswith(": cvn-demo/report.html")
    assert "<!doctype html>" in (demo.out / "report.html").read_text().lower()
    above, header = printed.splitlines()[:2]
    assert above.split() == ["|", "economic", "|", "adr0089"]
    assert header.count("theta") == header.count("precision") == 2
    assert max(map(len, printed.splitlines())) <= 120
    assert "This is no evidence of an edge" in " ".join(printed.split())


def test_the_demo_trains_each_model_under_both_policies(demo: Demo) -> None:
    rows = [row for row in demo.rows if row["role"] == "model"]
    cells: dict[tuple[str, int, str], list[dict[str, Any]]] = {}
    for row in rows:
        cells.setdefault((row["symbol"], row["fold"], row["model"]), []).append(row)
    for economic, original in cells.values():
        assert economic["policy"]["name"] == "economic"
        assert original["policy"]["name"] == "adr0089"
        assert economic["datasets_digest"] == original["datasets_digest"]
        assert economic["decision"]["rule"] == "expected_value"
        assert original["decision"]["rule"] in ("f1_grid", "fixed")
        assert original["probability"]["kind"] == "weight_inflated"
    text = " ".join(demo.printed.split())
    for policy in ("economic", "adr0089"):
        own = [row for row in rows if row["policy"]["name"] == policy]
        tests = [row["metrics"]["test"] for row in own]
        signals = sum(m["n_signals"] for m in tests)
        net = sum(m["expectancy"] * m["n_signals"] for m in tests if m["n_signals"])
        many = sum(m["buy_rate"] > 0.4 for m in tests)
        unproven = sum(row["tradability"]["verdict"] == "unproven" for row in own)
        said = text[text.index(f"{policy}: its models bought") :]
        said = said[: said.index("All cells pooled")]
        assert f"{net / signals:+.3f} a trade" in said
        assert f"{1000 * net / sum(m['n'] for m in tests):+.1f} per 1,000 rows" in said
        assert f"{many} over-trade" in said
        assert f"{unproven} unproven" in said
        assert f"{signals:,} signals earned {net / signals:+.4f} a trade net (95 %" in text


def test_the_demo_fits_no_base_twice(demo: Demo) -> None:
    """Each ensemble's bases are the artifacts that were trained before it."""
    rows = demo.rows
    keys = {
        (row["symbol"], row["fold"], row["model"]): row["content_key"]
        for row in rows
        if row["role"] == "base"
    }
    ensembles = [row for row in rows if row["role"] == "ensemble"]
    for row in ensembles:
        own = [keys[row["symbol"], row["fold"], base] for base in row["bases"]]
        assert row["bases"] == list(MODELS)
        assert row["lineage"] == own
    events = [json.loads(line) for line in demo.errors.splitlines() if line.startswith("{")]
    started = [event["run_id"] for event in events if event["event"] == "training_started"]
    assert sorted(started) == sorted(row["run_id"] for row in rows)


def test_the_demo_says_whether_each_ensemble_beats_its_best_base(demo: Demo) -> None:
    rows = [row for row in demo.rows if row["role"] != "model"]
    tests = {
        name: [row["metrics"]["test"] for row in rows if row["model"] == name]
        for name in (*MODELS, *ENSEMBLES)
    }
    n = sum(m["n"] for m in tests["lightgbm"])
    net = {
        name: 1000 * sum(m["expectancy"] * m["n_signals"] for m in each if m["n_signals"]) / n
        for name, each in tests.items()
    }
    loss = {name: sum(m["log_loss"] * m["n"] for m in each) / n for name, each in tests.items()}
    richest, sharpest = max(MODELS, key=net.__getitem__), min(MODELS, key=loss.__getitem__)
    for name in ENSEMBLES:
        by_net, by_loss = (
            line
            for line in demo.printed.splitlines()
            if line.startswith((f"net / 1,000  {name} ", f"log loss     {name} "))
        )
        more, less = net[name] - net[richest], loss[name] - loss[sharpest]
        for line, base, figures, sign in (
            (by_net, richest, (f"{net[name]:+.1f}", f"{net[richest]:+.1f}", f"{more:+.1f}"), 1),
            (by_loss, sharpest, (f"{loss[name]:.4f}", f"{loss[sharpest]:.4f}", f"{less:+.4f}"), -1),
        ):
            parts = line.split()
            assert base in parts
            assert tuple(parts[-6:-3]) == figures
            worst, best = sorted(sign * float(parts[at]) for at in (-3, -1))
            assert ("beats its best base" in line) == (worst > 0)
            assert ("falls behind its best base" in line) == (best < 0)
            assert ("no difference beyond chance" in line) == (worst <= 0 <= best)


def test_the_demo_reads_what_it_trained_before(demo: Demo, tmp_path: Path) -> None:
    """One fold is the newest of five: the same rows, whatever it is called."""
    shutil.copytree(demo.out / "store", tmp_path / "cvn-demo" / "store")
    done = cvn("demo", "--folds=1", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    _, *lines = done.stderr.splitlines()
    assert len(lines) == 24
    assert all(line.endswith("(from the store)") for line in lines)
    last = done.stdout.splitlines()[-2]
    assert last.startswith("24 trainings, 24 of them read from cvn-demo/store, in ")
    rows = json.loads((tmp_path / "cvn-demo" / "results.json").read_text())
    assert all(row["cache_hit"] for row in rows)
    for row, before in zip(rows, (row for row in demo.rows if row["fold"] == 5), strict=True):
        same = ("symbol", "model", "theta", "metrics", "content_key", "lineage", "run_id")
        assert [row[name] for name in same] == [before[name] for name in same]


def test_the_demo_never_tests_on_what_it_trained_on(demo: Demo) -> None:
    rows = demo.rows
    for symbol in market.SYMBOLS:
        tests = sorted({(r["test_from"], r["test_to"]) for r in rows if r["symbol"] == symbol})
        for (_, earlier), (later, _) in pairwise(tests):
            assert earlier < later


def test_every_bundle_of_the_demo_can_be_loaded(demo: Demo) -> None:
    for row in demo.rows:
        artifact = TrainedArtifact.load(demo.out / row["bundle"])
        assert artifact.theta == row["theta"]
        assert artifact.metrics["test"].f1_buy == row["metrics"]["test"]["f1_buy"]


def test_the_demo_can_be_interrupted(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [CVN, "demo"], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    while "/120 " not in process.stderr.readline():
        assert process.poll() is None
    os.kill(process.pid, signal.SIGINT)
    printed, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "the same command goes on" in errors
    assert "Traceback" not in errors
    assert not printed
    shown = cvn("results", "demo", "--results=sqlite:///cvn-demo/results.db", cwd=tmp_path)
    assert shown.stdout.count("done") > 1
    assert cvn("store", "verify", "--store=cvn-demo/store", cwd=tmp_path).returncode == 0


@pytest.mark.parametrize(
    ("line", "completed"),
    [
        ("cvn train li", ["lightgbm"]),
        ("cvn params li", ["lightgbm"]),
        ("cvn params seed li", ["lightgbm"]),
        ("cvn params see", ["seed"]),
    ],
)
def test_model_names_can_be_completed(line: str, completed: list[str], tmp_path: Path) -> None:
    done = subprocess.run(
        [CVN],
        env={
            **os.environ,
            "_ARGCOMPLETE": "1",
            "_ARGCOMPLETE_STDOUT_FILENAME": str(tmp_path / "out"),
            "_ARGCOMPLETE_IFS": "\n",
            "COMP_LINE": line,
            "COMP_POINT": str(len(line)),
            "_ARGCOMPLETE_COMP_WORDBREAKS": " ",
        },
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 0
    assert (tmp_path / "out").read_text().split() == completed
    assert "lightgbm" in MODEL_REGISTRY


def test_a_plugin_that_exits_while_it_scores_has_not_succeeded(
    bars: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = cvn("train", "lightgbm", "--data", bars, *TRAIN, cwd=tmp_path)
    assert done.returncode == 0, done.stderr

    def leave(*_: object, **__: object) -> None:
        sys.exit(0)

    monkeypatch.setattr(type(adapter_of("lightgbm")), "predict_proba", leave)
    done = cvn("predict", "cvn-lightgbm", "--data", bars, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (
        1,
        "cvn: error: a plugin called sys.exit(0) [plugin_exited]\n",
    )
