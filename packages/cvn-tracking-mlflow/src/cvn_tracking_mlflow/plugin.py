"""The door: the hooks, each a glance at the environment where nothing is to be tracked.

MLflow is imported at the first thing to log, never before. What goes wrong is raised to the
harness, which reports an observer once and goes on. A failure then buys silence of ten times what
it took, so that an MLflow that does not answer costs at most about a tenth of the time.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cvn_harness_core import ObserverLimits, hookimpl
from cvn_tracking_mlflow.settings import SWITCHES, active

if TYPE_CHECKING:
    from cvn_harness_core import CellFacts, Event, SweepFacts, TrainedArtifact

_EVENTS = {
    "training_started": "training_started",
    "hpo_trial_complete": "trial_complete",
    "training_complete": "training_complete",
    "training_failed": "training_failed",
}
"""The events that are logged as they come, and by what; the artifact says everything else."""

_SILENCE = 10.0
_silent_until = 0.0


@hookimpl
def cvn_observer_limits() -> ObserverLimits:
    """Be waited for: a cell's runs are told apart by what the worker trains while they are logged.

    A server that answers takes a fraction of a second; where one does not, the silence bounds it.
    """
    return ObserverLimits(
        per_fit=30.0, behind=300.0, at_exit=60.0, events=tuple(_EVENTS), variables=SWITCHES
    )


@hookimpl
def cvn_event(event: Event) -> None:
    """Begin a run, add a trial, or end a run that failed."""
    _tell(_EVENTS[event.event], event)


@hookimpl
def cvn_artifact_ready(artifact: TrainedArtifact, hit: bool) -> None:
    """Log what was trained or, of a sweep's cell, found in the store."""
    _tell("artifact_ready", artifact, hit)


@hookimpl
def cvn_artifact_saved(artifact: TrainedArtifact, path: Path) -> None:
    """Log the bundle, and register it as a model version."""
    _tell("artifact_saved", artifact, path)


@hookimpl
def cvn_sweep_started(sweep: SweepFacts) -> None:
    """Begin the sweep's run, or go on with it."""
    _tell("sweep_started", sweep)


@hookimpl
def cvn_cell_started(cell: CellFacts) -> None:
    """Begin the cell's run below the sweep's."""
    _tell("cell_started", cell)


@hookimpl
def cvn_cell_done(cell: CellFacts) -> None:
    """End the cell's run."""
    _tell("cell_ended", cell)


@hookimpl
def cvn_cell_failed(cell: CellFacts) -> None:
    """End the cell's run as failed."""
    _tell("cell_ended", cell)


@hookimpl
def cvn_sweep_done(sweep: SweepFacts) -> None:
    """End the sweep's run."""
    _tell("sweep_done", sweep)


def _tell(method: str, *arguments: Any) -> None:
    global _silent_until
    if not active() or time.monotonic() < _silent_until:
        return
    started = time.monotonic()
    try:
        from cvn_tracking_mlflow.tracker import tracker

        getattr(tracker(), method)(*arguments)
    except Exception as error:
        from cvn_tracking_mlflow.errors import TrackingError
        from cvn_tracking_mlflow.text import redacted

        now = time.monotonic()
        _silent_until = now + _SILENCE * (now - started)
        message = (
            f"{method} was not logged to MLflow ({type(error).__name__}: {redacted(str(error))}); "
            f"nothing is for {_silent_until - now:.0f} s; CVN_MLFLOW=0 switches this off."
        )
        raise TrackingError("tracking_failed", message) from error
