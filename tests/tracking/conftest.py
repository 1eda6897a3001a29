"""A real MLflow on SQLite, an experiment for each test."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from cvn_tracking_mlflow.client import open_mlflow


class MLflow:
    """One experiment, the variables that name it, and its runs."""

    def __init__(self, database: str, name: str, artifacts: Path, patch: pytest.MonkeyPatch):
        patch.setenv("MLFLOW_TRACKING_URI", database)
        self.client = open_mlflow()
        self.experiment = self.client.create_experiment(name, artifact_location=str(artifacts))
        patch.setenv("MLFLOW_EXPERIMENT_ID", self.experiment)

    def runs(self, kind: str, parent: Any = None) -> list[Any]:
        """Return the runs of this kind (below this one), the oldest first."""
        found = self.client.search_runs([self.experiment], order_by=["attributes.start_time"])
        return [
            run
            for run in found
            if run.data.tags["cvn.type"] == kind
            and (parent is None or run.data.tags.get("mlflow.parentRunId") == parent.info.run_id)
        ]

    def files(self, run: Any) -> set[str]:
        return {file.path for file in self.client.list_artifacts(run.info.run_id)}


@pytest.fixture(scope="session")
def database(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{path}")
        open_mlflow()
    with sqlite3.connect(path) as connection:
        assert connection.execute("select count(*) from alembic_version").fetchone() == (1,)
    connection.close()
    return f"sqlite:///{path}"


@pytest.fixture
def mlflow(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MLflow:
    for name in [n for n in os.environ if n.startswith(("MLFLOW_", "CVN_"))]:
        monkeypatch.delenv(name)
    return MLflow(database, tmp_path.name, tmp_path / "artifacts", monkeypatch)
