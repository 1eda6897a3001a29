"""Events as lines of JSON, against their declaration in ``cvn_harness_core.events.schema``.

The declaration is the only list of names, fields and types here: it is read, not repeated.
"""

from __future__ import annotations

import io
import json
import logging
from contextlib import contextmanager
from dataclasses import fields, replace

import msgspec
import numpy as np
import pytest

from cvn_harness_core import (
    Calibration,
    Datasets,
    F1Capped,
    FitError,
    HPOParams,
    Payoff,
    PluginRegistry,
    Split,
    TrainingPolicy,
    configure_logging,
    train_one,
)
from cvn_harness_core.errors import PluginImportError
from cvn_harness_core.events.log import LOGGER
from cvn_harness_core.events.schema import EVENTS, SCHEMA_VERSION, Event

MODELS = ("xgboost", "lightgbm", "catboost")

STAMPS = {"event": str, "schema": int, "level": str, "timestamp": str}
"""What a line has besides the fields of its event."""

ORDER = [
    "training_started",
    "class_balance_applied",
    "learning_curve",
    "calibration_applied",
    "theta_picked",
    "training_health",
    "training_complete",
]

# Accepted by the specification, and refused by the library in the middle of the fit.
UNFITTABLE = {
    "xgboost": {"tree_method": "exact", "max_depth": 0},
    "lightgbm": {"data_sample_strategy": "goss", "top_rate": 0.9, "other_rate": 0.9},
    "catboost": {"boosting_type": "Ordered", "grow_policy": "Lossguide"},
}


@contextmanager
def json_lines():
    """Yield a list that is filled, after the block, with every line written in it, parsed."""
    logger = logging.getLogger(LOGGER)
    level, propagate = logger.level, logger.propagate
    stream, lines = io.StringIO(), []
    handler = configure_logging("json", stream=stream)
    try:
        yield lines
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
        logger.propagate = propagate
        written = stream.getvalue().splitlines()
        lines += [json.loads(line, parse_constant=_refuse) for line in written]


def _refuse(constant):
    pytest.fail(f"{constant} is not JSON: another reader than Python's would drop the line")


def datasets(tags=None):
    """A weak signal, made up."""
    rng = np.random.default_rng(1)
    X = rng.normal(size=(900, 4))
    y = (rng.random(900) < 1 / (1 + np.exp(1.0 - X[:, 0] * X[:, 1]))).astype(np.int8)
    parts = [(X[a:b], y[a:b]) for a, b in ((0, 500), (500, 700), (700, 900))]
    payoff = Payoff(2.0, 1.0, cost=0.05)
    return Datasets.from_arrays(*parts, feature_names=list("abcd"), payoff=payoff, tags=tags)


def train(model, params=None, *, policy=None, run_tags=None, tags=None):
    return train_one(
        model, datasets(tags), HPOParams(params or {}, n_threads=1), policy=policy, tags=run_tags
    )


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The lines of one training and one saving of each model."""
    found = {}
    for model in MODELS:
        with json_lines() as lines:
            train(model).save(tmp_path_factory.mktemp("bundles") / model)
        found[model] = lines
    return found


def require_declared(line):
    """The line has exactly the declared fields, each of the declared type."""
    declared = EVENTS[line["event"]]
    names = [f.name for f in fields(declared)]
    assert set(line) == {*names, *STAMPS}
    for name, kind in STAMPS.items():
        assert type(line[name]) is kind, name
    made = msgspec.convert({name: line[name] for name in names}, declared, strict=True)
    assert isinstance(made, Event)
    assert line["schema"] == SCHEMA_VERSION
    assert line["level"] == declared.level


@pytest.mark.parametrize("model", MODELS)
def test_every_line_is_as_declared(trained, model):
    assert trained[model]
    for line in trained[model]:
        require_declared(line)


@pytest.mark.parametrize("model", MODELS)
def test_events_come_in_one_order(trained, model):
    assert [line["event"] for line in trained[model]] == [*ORDER, "artifact_saved"]


def test_the_models_differ_in_no_field(trained):
    fields_of = {
        model: [(line["event"], sorted(line)) for line in lines] for model, lines in trained.items()
    }

    assert fields_of["xgboost"] == fields_of["lightgbm"] == fields_of["catboost"]


def test_the_models_differ_in_no_nested_field(trained):
    """``metrics`` of the last event is a mapping of mappings: the same names again."""
    nested = {
        model: {
            split: sorted(figures)
            for line in lines
            if line["event"] == "training_complete"
            for split, figures in line["metrics"].items()
        }
        for model, lines in trained.items()
    }

    assert nested["xgboost"] == nested["lightgbm"] == nested["catboost"]
    assert set(nested["xgboost"]) == {"train", "val", "test"}


@pytest.mark.parametrize("model", MODELS)
def test_lines_of_one_run_say_so(trained, model):
    lines = trained[model]

    assert len({line["run_id"] for line in lines}) == 1
    assert {(line["kind"], line["model"]) for line in lines} == {("model", model)}
    assert [line["timestamp"] for line in lines] == sorted(line["timestamp"] for line in lines)


def test_runs_are_told_apart(trained):
    assert len({lines[0]["run_id"] for lines in trained.values()}) == len(MODELS)


@pytest.mark.parametrize("model", MODELS)
def test_without_tags_they_are_null(trained, model):
    for line in trained[model]:
        assert (line["symbol"], line["fold"], line["variant"]) == (None, None, None)


@pytest.mark.parametrize("model", MODELS)
def test_tags_are_on_every_line(tmp_path, model):
    """Those of the datasets, and over them those of the run."""
    with json_lines() as lines:
        artifact = train(
            model,
            tags={"symbol": "SP500", "fold": "1", "desk": "index"},
            run_tags={"fold": "3", "variant": "baseline"},
        )
        artifact.save(tmp_path / "bundle")

    assert len(lines) == len(ORDER) + 1
    for line in lines:
        require_declared(line)
        assert (line["symbol"], line["fold"], line["variant"]) == ("SP500", "3", "baseline")


@pytest.mark.parametrize("model", MODELS)
def test_values_are_those_of_the_artifact(model):
    with json_lines() as lines:
        artifact = train(model, policy=TrainingPolicy.adr0089())
    said = {line["event"]: line for line in lines}

    assert said["training_started"]["datasets_digest"] == artifact.datasets_digest
    assert said["training_started"]["policy"] == "adr0089"
    assert said["class_balance_applied"]["source"] == "auto"
    assert said["class_balance_applied"]["probability"] == str(artifact.probability)
    assert said["learning_curve"]["best_iteration"] == artifact.best_iteration
    assert said["theta_picked"]["theta"] == artifact.theta
    assert said["training_health"]["verdict"] == artifact.health.verdict
    assert "weight_inflated" in said["training_health"]["reasons"]
    assert said["training_health"]["positive_weight"] == artifact.probability.positive_weight
    assert list(said["training_health"]["worst_psi"].items()) == [
        *artifact.health.worst_psi.items()
    ]
    figures = {name: metrics.figures() for name, metrics in artifact.metrics.items()}
    assert said["training_complete"]["metrics"] == figures


@pytest.mark.parametrize("model", MODELS)
def test_not_to_trade_is_null_with_a_reason(model):
    with json_lines() as lines:
        train(model, policy=TrainingPolicy(theta=F1Capped(max_buy_rate=1e-9)))

    for line in lines:
        require_declared(line)
    (picked,) = (line for line in lines if line["event"] == "theta_picked")
    assert (picked["status"], picked["theta"]) == ("NO_TRADE", None)
    assert picked["reason"] == "no_cut_within_buy_rate_band"
    figures = lines[-1]["metrics"]["test"]
    assert (figures["n_signals"], figures["precision_buy"], figures["sortino"]) == (0, None, None)


@pytest.mark.parametrize("model", MODELS)
def test_a_failing_fit_ends_in_training_failed(model):
    """A failure inside the library: what is known until then is told, and nothing after it."""
    with json_lines() as lines, pytest.raises(FitError) as raised:
        train(model, UNFITTABLE[model])

    names = [line["event"] for line in lines]
    assert names == ["training_started", "class_balance_applied", "training_failed"]
    last = lines[-1]
    require_declared(last)
    assert last["level"] == "error"
    assert last["stage"] == "fitted"
    assert (last["error"], last["code"]) == ("FitError", "fit_failed")
    assert last["message"] == str(raised.value)
    assert type(raised.value.__cause__).__name__ in last["message"]
    assert last["run_id"] == lines[0]["run_id"]


def test_the_models_fail_with_the_same_fields():
    failed = {}
    for model in MODELS:
        with json_lines() as lines, pytest.raises(FitError):
            train(model, UNFITTABLE[model])
        failed[model] = [(line["event"], sorted(line)) for line in lines]

    assert failed["xgboost"] == failed["lightgbm"] == failed["catboost"]


@pytest.mark.parametrize("model", MODELS)
def test_saving_says_what_is_on_disk(tmp_path, model):
    artifact = train(model)
    with json_lines() as lines:
        artifact.save(tmp_path / "bundle")

    (saved,) = lines
    require_declared(saved)
    sum_line = (tmp_path / "bundle" / "manifest.sha256").read_text()
    on_disk = sum(file.stat().st_size for file in (tmp_path / "bundle").iterdir())
    assert saved["event"] == "artifact_saved"
    assert saved["path"] == str(tmp_path / "bundle")
    assert saved["size_bytes"] == on_disk
    assert saved["manifest_sha256"] == sum_line.split()[0]
    assert saved["run_id"] == artifact.run_id


def test_a_plugin_that_raises_on_import_is_rejected_aloud(tmp_path, monkeypatch):
    """A distribution on the path, installed as pip would, whose module does not import."""
    installed = tmp_path / "cvn_model_broken-0.3.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: cvn-model-broken\nVersion: 0.3\n"
    )
    (installed / "entry_points.txt").write_text(
        "[cvn_harness.models.v1]\nbroken = cvn_model_broken.plugin\n"
    )
    (tmp_path / "cvn_model_broken").mkdir()
    (tmp_path / "cvn_model_broken" / "__init__.py").touch()
    (tmp_path / "cvn_model_broken" / "plugin.py").write_text("1 / 0\n")
    monkeypatch.syspath_prepend(tmp_path)
    registry = PluginRegistry("model", "cvn_model")

    with json_lines() as lines, pytest.raises(PluginImportError) as raised:
        registry["broken"]

    (rejected,) = lines
    require_declared(rejected)
    assert rejected["event"] == "plugin_rejected"
    assert rejected["level"] == "warning"
    assert rejected["plugin"] == "broken"
    assert (rejected["distribution"], rejected["version"]) == ("cvn-model-broken", "0.3")
    assert rejected["target"] == "cvn_model_broken.plugin"
    assert rejected["code"] == raised.value.code == "plugin_import_failed"
    assert "ZeroDivisionError" in rejected["message"]
    assert rejected["run_id"] is None
    assert registry["lightgbm"].name == "lightgbm"


def drifted():
    """The made-up data, whose test rows have another meaning: the first feature is far off."""
    found = datasets()
    X = found.test.X.copy()
    X[:, 0] = X[:, 1] = 3.0
    return replace(found, test=Split(X, found.test.y))


@pytest.mark.parametrize("model", MODELS)
def test_a_buy_rate_that_is_not_the_predicted_one_is_told_before_health(model):
    with json_lines() as lines:
        artifact = train_one(model, drifted(), HPOParams(n_threads=1))

    names = [line["event"] for line in lines]
    assert names == [*ORDER[:5], "theta_alarm", *ORDER[5:]]
    (alarm,) = (line for line in lines if line["event"] == "theta_alarm")
    require_declared(alarm)
    assert alarm["level"] == "warning"
    assert alarm["alarm"] == artifact.outcome.alarm
    assert alarm["theta"] == artifact.theta
    assert alarm["realised_buy_rate"] == artifact.metrics["test"].buy_rate
    assert alarm["predicted_buy_rate"] == artifact.decision.buy_rate


@pytest.mark.parametrize("model", MODELS)
def test_calibration_that_is_off_or_refused_is_told(model, trained):
    (off,) = (line for line in trained[model] if line["event"] == "calibration_applied")
    assert (off["status"], off["reason"], off["method"]) == ("off", None, None)
    with json_lines() as lines:
        train(model, policy=TrainingPolicy(calibration=Calibration("sigmoid")))
    (refused,) = (line for line in lines if line["event"] == "calibration_applied")
    require_declared(refused)
    assert (refused["status"], refused["reason"]) == ("refused", "too_few_rows")
    assert (refused["method"], refused["source"]) == ("sigmoid", "validation")


STORE = {"cache_hit", "cache_miss", "cache_corrupt"}
"""Of the store, whatever is trained: see test_store.py of the core."""


def test_every_declared_event_is_tested():
    others = {
        "hpo_trial_complete",
        "hpo_complete",
        "theta_alarm",
        "base_dominates",
        "artifact_saved",
        "training_failed",
    }
    assert set(EVENTS) == {*ORDER, *STORE, *others, "plugin_rejected"}
