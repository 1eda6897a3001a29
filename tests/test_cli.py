"""The `cvn` command as a person uses it: real processes, real files, exit codes and words."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from cvn_harness_core import MODEL_REGISTRY, Datasets, HPOParams, TrainedArtifact, train_one
from cvn_orchestrator.demo import market

CVN = Path(sys.executable).with_name("cvn")
TRAIN = (
    "--label=label",
    "--time=date",
    "--label-end=label_end",
    "--returns=net_return",
    "--exclude=symbol",
)


def cvn(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    command: Sequence[str | Path] = [CVN, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd)


@pytest.fixture(scope="module")
def bars(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bars") / "sp500.parquet"
    market.frame("SP500", take_profit=2, stop_loss=1, horizon=10, cost=0.05).write_parquet(path)
    return path


def test_plugins_lists_the_installed_models(tmp_path: Path) -> None:
    listed = json.loads(cvn("plugins", "--json", cwd=tmp_path).stdout)
    assert [r["name"] for r in listed] == ["catboost", "lightgbm", "xgboost"]
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
    listing = cvn("plugins", "--strict", cwd=tmp_path)
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


def test_train_prints_a_summary_for_people(bars: Path, tmp_path: Path) -> None:
    done = cvn("train", "xgboost", "--data", bars, *TRAIN, "--payoff=2/1/0.05", cwd=tmp_path)
    assert done.returncode == 0
    for words in (
        "theta",
        "by f1_capped",
        "best iteration",
        "health:",
        "break-even precision 0.3500",
        "f1_buy",
        "bundle: cvn-xgboost",
    ):
        assert words in done.stdout


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


def test_a_picture_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    done = cvn("dag", "lightgbm", "-o", "no/such/folder/x.svg", cwd=tmp_path)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "no/such/folder/x.svg" in done.stderr


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
        "theta_picked",
        "training_health",
        "training_complete",
        "artifact_saved",
    ]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, float]:
    home = tmp_path_factory.mktemp("demo")
    started = time.perf_counter()
    done = cvn("demo", cwd=home)
    assert done.returncode == 0, done.stderr
    return home / "cvn-demo", done.stdout, time.perf_counter() - started


def test_the_demo_is_the_main_job(demo: tuple[Path, str, float]) -> None:
    out, printed, seconds = demo
    rows = json.loads((out / "results.json").read_text())
    assert seconds < 120
    assert {row["model"] for row in rows} == {"xgboost", "lightgbm", "catboost"}
    assert {row["symbol"] for row in rows} == {"SP500", "NASDAQ"}
    assert len({row["fold"] for row in rows}) >= 4
    assert len(rows) == 30
    lines = [line for line in printed.splitlines() if line.startswith(("SP500", "NASDAQ"))]
    assert len(lines) == len(rows)
    for column in ("theta", "buy rate", "f1_buy", "precision", "break-even", "expectancy",
                   "best iter", "seconds"):  # fmt: skip
        assert column in printed.splitlines()[0]
    assert "This is no evidence of an edge" in " ".join(printed.split())


def test_the_demo_never_tests_on_what_it_trained_on(demo: tuple[Path, str, float]) -> None:
    rows = json.loads((demo[0] / "results.json").read_text())
    for symbol in market.SYMBOLS:
        tests = sorted({(r["test_from"], r["test_to"]) for r in rows if r["symbol"] == symbol})
        for (_, earlier), (later, _) in pairwise(tests):
            assert earlier < later


def test_every_bundle_of_the_demo_can_be_loaded(demo: tuple[Path, str, float]) -> None:
    out = demo[0]
    for row in json.loads((out / "results.json").read_text()):
        artifact = TrainedArtifact.load(out / row["bundle"])
        assert artifact.theta == row["theta"]
        assert artifact.metrics["test"].f1_buy == row["metrics"]["test"]["f1_buy"]


def test_the_demo_can_be_interrupted(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [CVN, "demo"], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    results = tmp_path / "cvn-demo" / "results.json"
    for _ in range(600):
        if results.exists():
            break
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in errors
    for row in json.loads(results.read_text()):
        TrainedArtifact.load(tmp_path / "cvn-demo" / row["bundle"])


def test_model_names_can_be_completed(tmp_path: Path) -> None:
    done = subprocess.run(
        [CVN],
        env={
            **os.environ,
            "_ARGCOMPLETE": "1",
            "_ARGCOMPLETE_STDOUT_FILENAME": str(tmp_path / "out"),
            "_ARGCOMPLETE_IFS": "\n",
            "COMP_LINE": "cvn train li",
            "COMP_POINT": "12",
            "_ARGCOMPLETE_COMP_WORDBREAKS": " ",
        },
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 0
    assert (tmp_path / "out").read_text().strip() == "lightgbm"
    assert "lightgbm" in MODEL_REGISTRY
