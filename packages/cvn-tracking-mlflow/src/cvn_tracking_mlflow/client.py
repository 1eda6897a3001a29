"""MLflow's client, opened quietly, and the few things that are asked of it."""

from __future__ import annotations

import logging
import os
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cvn_tracking_mlflow.errors import TrackingError
from cvn_tracking_mlflow.settings import EXPERIMENT
from cvn_tracking_mlflow.text import MAX_PARAM, MAX_TAG, cut, is_secret, key

PARENT = "mlflow.parentRunId"
_IMPATIENT = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
}
"""Unless they are set: a fit does not wait minutes for a server, and is told to nobody else."""

_BATCH = 100
_METRICS_BATCH = 800


@dataclass
class Notes:
    """What is to be logged of a run; metrics are (name, value, step)."""

    params: dict[str, Any] = field(default_factory=dict)
    tags: dict[str, Any] = field(default_factory=dict)
    metrics: list[tuple[str, float, int]] = field(default_factory=list)


class Client:
    """An open connection, in one experiment."""

    def __init__(self) -> None:
        self.mlflow = open_mlflow()
        self.experiment = _experiment(self.mlflow)

    def begin(self, name: str, tags: Mapping[str, Any], parent: str | None = None) -> str:
        """Return the id of a new run."""
        tags = _tags({**tags, **({PARENT: parent} if parent else {})})
        run = self.mlflow.create_run(self.experiment, run_name=name, tags=tags)
        return str(run.info.run_id)

    def again(self, run: str) -> None:
        """Have a run that ended go on."""
        self.mlflow.update_run(run, status="RUNNING")

    def log(self, run: str, notes: Notes, known: Mapping[str, str] | None = None) -> None:
        """Log all of it in batches; a parameter never changes, so ``known`` ones stay."""
        from mlflow.entities import Metric, Param, RunTag

        now = int(time.time() * 1000)
        params = [
            Param(key(name), cut(value, MAX_PARAM))
            for name, value in notes.params.items()
            if not is_secret(name) and key(name) not in (known or {})
        ]
        tags = [RunTag(name, value) for name, value in _tags(notes.tags).items()]
        metrics = [Metric(key(name), value, now, step) for name, value, step in notes.metrics]
        while params or tags or metrics:
            some = params[:_BATCH], tags[:_BATCH], metrics[:_METRICS_BATCH]
            self.mlflow.log_batch(run, params=some[0], tags=some[1], metrics=some[2])
            params, tags = params[_BATCH:], tags[_BATCH:]
            metrics = metrics[_METRICS_BATCH:]

    def files(self, run: str, folder: Path, at: str | None = None) -> None:
        """Log the files of a folder as artifacts."""
        self.mlflow.log_artifacts(run, str(folder), at)

    def end(self, run: str, status: str) -> None:
        """End a run: FINISHED, FAILED or KILLED."""
        self.mlflow.set_terminated(run, status)

    def found(self, tags: Mapping[str, str], status: str | None = None) -> list[Any]:
        """Return all runs, none of them deleted, that have these tags; the newest first."""
        terms = [f"tags.`{name}` = {_quoted(value)}" for name, value in tags.items()]
        terms += [f"attributes.status = '{status}'"] if status else []
        runs: list[Any] = []
        page = None
        while page is None or page:
            some = self.mlflow.search_runs(
                [self.experiment], " and ".join(terms), max_results=1000, page_token=page
            )
            runs += some
            page = some.token or ""
        return runs


def open_mlflow() -> Any:
    """Return an ``MlflowClient`` of the store that MLflow is configured for.

    Raises TrackingError ``tracking_failed`` if MLflow cannot be imported.
    """
    for name, value in _IMPATIENT.items():
        os.environ.setdefault(name, value)
    with _quiet():
        try:
            from mlflow.tracking import MlflowClient
        except ImportError as error:
            message = f"MLflow cannot be imported ({error}); reinstall cvn-tracking-mlflow."
            raise TrackingError("tracking_failed", message) from error
        with _hushed():
            return MlflowClient()


def active_run() -> str | None:
    """Return the run that the host names in ``MLFLOW_RUN_ID``, MLflow's own variable, if it does.

    A run that was begun by ``mlflow.start_run`` is known to the host's thread alone.
    """
    return os.environ.get("MLFLOW_RUN_ID") or None


def _experiment(mlflow: Any) -> str:
    run = active_run()
    if run is not None:
        return str(mlflow.get_run(run).info.experiment_id)
    given = os.environ.get("MLFLOW_EXPERIMENT_ID")
    if given:
        return given
    from mlflow.exceptions import MlflowException

    name = os.environ.get("MLFLOW_EXPERIMENT_NAME") or EXPERIMENT
    found = mlflow.get_experiment_by_name(name)
    if found is None:
        try:
            return str(mlflow.create_experiment(name))
        except MlflowException:
            found = mlflow.get_experiment_by_name(name)  # another process was quicker
            if found is None:
                raise
    if found.lifecycle_stage == "deleted":
        message = f"the experiment {name!r} is deleted; restore it, or set MLFLOW_EXPERIMENT_NAME."
        raise TrackingError("tracking_failed", message)
    return str(found.experiment_id)


def _quoted(value: str) -> str:
    """Return a value as a filter writes it; the grammar has no escapes, only two quotes."""
    return f'"{value}"' if "'" in value else f"'{value}'"


def _tags(tags: Mapping[str, Any]) -> dict[str, str]:
    return {
        key(name): cut(value, MAX_TAG)
        for name, value in tags.items()
        if value is not None and not is_secret(name)
    }


@contextmanager
def _quiet() -> Iterator[None]:
    """Warnings of MLflow's own imports and mappers are nothing that a user could mend."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def _hushed() -> Iterator[None]:
    """MLflow tells that it makes its tables; a fit's log is no place for it.

    Older ones configure alembic's loggers, levels included, but leave filters as they are.
    """
    logger, migrations = logging.getLogger("mlflow"), logging.getLogger("alembic.runtime.migration")
    before = logger.level
    logger.setLevel(logging.WARNING)
    migrations.addFilter(_matters)
    try:
        yield
    finally:
        logger.setLevel(before)
        migrations.removeFilter(_matters)


def _matters(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.WARNING
