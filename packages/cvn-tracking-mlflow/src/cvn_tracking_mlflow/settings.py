"""What the environment says: whether to track, and how. Imports nothing heavy."""

from __future__ import annotations

import os

from cvn_tracking_mlflow.errors import TrackingError

OFF = frozenset({"0", "false", "no", "off"})
SWITCHES = ("CVN_MLFLOW", "MLFLOW_TRACKING_URI")
"""Without either of them there is nothing to track."""
EXPERIMENT = "cvn-harness"
"""The experiment where MLflow's own variables name none."""

NESTED_TRIALS = 100
"""Up to so many trials of a search become runs of their own; of a sweep's cell, none."""


def active() -> bool:
    """Return whether to track: where MLflow is configured, or ``CVN_MLFLOW`` says so."""
    switch = _value("CVN_MLFLOW").lower()
    return switch not in OFF and bool(switch or _value("MLFLOW_TRACKING_URI"))


def registers() -> bool:
    """Return whether a saved bundle becomes a model version (``CVN_MLFLOW_REGISTER``)."""
    return _value("CVN_MLFLOW_REGISTER").lower() not in OFF


def nested_trials(*, in_sweep: bool) -> int:
    """Return how many trials may become runs (``CVN_MLFLOW_TRIALS``).

    Raises TrackingError ``tracking_setting`` for what is no number.
    """
    given = _value("CVN_MLFLOW_TRIALS")
    if not given:
        return 0 if in_sweep else NESTED_TRIALS
    if not given.isdecimal():
        message = f"CVN_MLFLOW_TRIALS={given!r} must be a number of trials, for instance 20 or 0."
        raise TrackingError("tracking_setting", message)
    return int(given)


def _value(name: str) -> str:
    return os.environ.get(name, "").strip()
