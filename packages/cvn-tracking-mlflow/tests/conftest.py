"""A real MLflow on SQLite, and a small model that is there without any other package."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cvn_harness_core import MODEL_REGISTRY, Event, hookimpl
from cvn_harness_core.events.log import OBSERVERS
from cvn_tracking_mlflow import plugin

SITE = Path(__file__).parent / "site"

TRAIN = """
import sys
from cvn_harness_core import train_one
from cvn_harness_core.testing.synthetic import synthetic_datasets
train_one("tracked", synthetic_datasets())
assert "cvn_tracking_mlflow.plugin" in sys.modules
print("mlflow:", "mlflow" in sys.modules)
"""


class MLflow:
    """One experiment, and what is asked of it."""

    def __init__(self, client: Any, experiment: str, artifacts: Path) -> None:
        self.client, self.experiment, self.files = client, experiment, artifacts

    def runs(self, **tags: str) -> list[Any]:
        """Return the runs with these tags (``type="trial"`` is ``cvn.type``), the oldest first."""
        found = self.client.search_runs([self.experiment], order_by=["attributes.start_time"])
        return [r for r in found if all(r.data.tags.get(f"cvn.{n}") == v for n, v in tags.items())]

    def text(self, run: Any, name: str) -> str:
        return (self.files / run.info.run_id / "artifacts" / name).read_text()

    def artifacts(self, run: Any, folder: str | None = None) -> set[str]:
        return {file.path for file in self.client.list_artifacts(run.info.run_id, folder)}


class Rejected:
    def __init__(self) -> None:
        self.messages: list[str] = []

    @hookimpl
    def cvn_event(self, event: Event) -> None:
        if event.event == "plugin_rejected":
            self.messages.append(event.as_dict()["message"])


def train_elsewhere(folder: Path, **env: str) -> tuple[str, str]:
    """Train in a fresh interpreter; return what it says of MLflow, and standard error."""
    without = {n: v for n, v in os.environ.items() if not n.startswith(("MLFLOW_", "CVN_"))}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", TRAIN],
        capture_output=True,
        text=True,
        cwd=folder,
        env={**without, "PYTHONPATH": str(SITE), **env},
        check=False,
    )
    return done.stdout.strip(), done.stderr


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mlflow")


@pytest.fixture(scope="session")
def made(home: Path) -> tuple[str, str]:
    """What the training said whose logging made the database: some fifty migrations of MLflow's."""
    return train_elsewhere(home, MLFLOW_TRACKING_URI="sqlite:///mlflow.db")


@pytest.fixture(scope="session")
def database(home: Path, made: tuple[str, str]) -> str:
    assert (home / "mlflow.db").is_file(), made
    return f"sqlite:///{home}/mlflow.db"


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The sample model, and nobody's settings."""
    for name in [n for n in os.environ if n.startswith(("MLFLOW_", "CVN_"))]:
        monkeypatch.delenv(name)
    monkeypatch.syspath_prepend(SITE)
    monkeypatch.setattr(OBSERVERS, "_reported", set())
    monkeypatch.setattr(plugin, "_silent_until", 0.0)
    MODEL_REGISTRY.refresh()
    yield
    MODEL_REGISTRY.refresh()


@pytest.fixture
def mlflow(site: None, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MLflow:
    from cvn_tracking_mlflow.client import open_mlflow

    monkeypatch.setenv("MLFLOW_TRACKING_URI", database)
    client = open_mlflow()
    location = tmp_path / "artifacts"
    experiment = client.create_experiment(tmp_path.name, artifact_location=str(location))
    monkeypatch.setenv("MLFLOW_EXPERIMENT_ID", experiment)
    return MLflow(client, experiment, location)


@pytest.fixture
def rejected() -> Iterator[list[str]]:
    """The messages of observers that failed."""
    seen = Rejected()
    with OBSERVERS.including("rejected", seen):
        yield seen.messages
