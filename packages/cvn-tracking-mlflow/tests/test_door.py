"""The plugin is found, is quiet unless MLflow is configured, and breaks no fit."""

from __future__ import annotations

import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from cvn_harness_core import discover, train_one
from cvn_harness_core.testing.synthetic import synthetic_datasets
from cvn_tracking_mlflow.__about__ import __version__
from cvn_tracking_mlflow.settings import active
from cvn_tracking_mlflow.text import cut, harmless, is_secret, key, redacted

from .conftest import train_elsewhere


def test_it_is_installed_at_its_version_and_registers_an_observer() -> None:
    assert version("cvn-tracking-mlflow") == __version__
    (record,) = (r for r in discover() if r.distribution == "cvn-tracking-mlflow")
    assert (record.name, record.kind, record.status) == ("mlflow", "observer", "available")


@pytest.mark.parametrize(
    ("uri", "switch", "expected"),
    [
        (None, None, False),
        ("", "", False),
        ("sqlite:///x.db", None, True),
        ("sqlite:///x.db", "0", False),
        ("sqlite:///x.db", "Off", False),
        (None, "1", True),
        (None, "0", False),
    ],
)
def test_it_is_active_where_mlflow_is_configured(
    uri: str | None, switch: str | None, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"MLFLOW_TRACKING_URI": uri, "CVN_MLFLOW": switch}.items():
        monkeypatch.delenv(name, raising=False)
        if value is not None:
            monkeypatch.setenv(name, value)
    assert active() is expected


def test_elsewhere_a_training_imports_no_mlflow(tmp_path: Path) -> None:
    assert train_elsewhere(tmp_path) == ("mlflow: False", "")
    assert list(tmp_path.iterdir()) == []


def test_a_fresh_mlflow_is_made_without_a_word(made: tuple[str, str]) -> None:
    said, errors = made
    assert said == "mlflow: True"
    # Two migrations of older MLflows tell it to loggers of their own files' names.
    assert [line for line in errors.splitlines() if "_py] " not in line] == []


def test_a_server_that_does_not_answer_costs_no_fit_and_is_told_once(
    site: None, rejected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://fred:s3cret@127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    first = train_one("tracked", synthetic_datasets())
    started = time.monotonic()
    assert train_one("tracked", synthetic_datasets()).theta == first.theta
    assert time.monotonic() - started < 5
    (message,) = rejected
    assert "was not logged to MLflow" in message
    assert "s3cret" not in message


def test_a_setting_that_cannot_be_is_told(
    mlflow: Any, rejected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CVN_MLFLOW_TRIALS", "many")
    train_one("tracked", synthetic_datasets())
    assert "CVN_MLFLOW_TRIALS='many'" in rejected[0]


def test_values_are_cut_and_secrets_left_out() -> None:
    assert cut("x" * 10, 10) == "x" * 10
    assert cut("x" * 11, 10) == "x" * 7 + "..."
    assert cut((1, 2.5), 10) == "1, 2.5"
    assert key("a b/c.d-e:f(g)é") == "a b/c.d-e_f_g__"
    assert redacted("see postgresql+psycopg://me:pw@h/db") == (
        "see postgresql+psycopg://[redacted]@h/db"
    )
    assert redacted("http://host/a@b") == "http://host/a@b"
    names = ("token", "aws_secret", "tokens", "max_depth", "API_KEY")
    assert [name for name in names if is_secret(name)] == ["token", "aws_secret", "API_KEY"]
    assert harmless({"a": [{"password": "x"}], "token": None}) == {
        "a": [{"password": "[redacted]"}],
        "token": None,
    }
