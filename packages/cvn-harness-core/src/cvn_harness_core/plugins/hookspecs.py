"""The hooks that a plugin may implement."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from cvn_harness_core.artifact.trained import TrainedArtifact
    from cvn_harness_core.contracts.ensemble import EnsembleSpec
    from cvn_harness_core.contracts.model import ModelSpec
    from cvn_harness_core.contracts.observer import ObserverLimits
    from cvn_harness_core.contracts.sweep import CellFacts, SweepFacts
    from cvn_harness_core.contracts.theta import ThetaRule
    from cvn_harness_core.events.schema import Event

PROJECT = "cvn_harness"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def cvn_model() -> ModelSpec:
    """Return the model that this plugin offers (group ``cvn_harness.models.v1``)."""
    raise NotImplementedError


@hookspec
def cvn_ensemble() -> EnsembleSpec:
    """Return the ensemble that this plugin offers (group ``cvn_harness.ensembles.v1``)."""
    raise NotImplementedError


@hookspec(firstresult=True)
def cvn_observer_limits() -> ObserverLimits:
    """Return how slow this observer may be (group ``cvn_harness.plugins.v1``)."""
    raise NotImplementedError


@hookspec
def cvn_theta_rule() -> ThetaRule:
    """Return the theta rule that this plugin offers (group ``cvn_harness.theta.v1``)."""
    raise NotImplementedError


@hookspec
def cvn_event(event: Event) -> None:
    """See every event as it happens (group ``cvn_harness.plugins.v1``)."""


@hookspec
def cvn_artifact_ready(artifact: TrainedArtifact, hit: bool) -> None:
    """See every artifact, bases too, once trained or (``hit``) found in the store.

    Of group ``cvn_harness.plugins.v1``. A trained one comes after its ``training_complete``; one
    that was found has the ``run_id`` of the training that made it.
    """


@hookspec
def cvn_artifact_saved(artifact: TrainedArtifact, path: Path) -> None:
    """See every bundle after it was written (group ``cvn_harness.plugins.v1``)."""


@hookspec
def cvn_sweep_started(sweep: SweepFacts) -> None:
    """See a sweep begin, or go on (group ``cvn_harness.plugins.v1``)."""


@hookspec
def cvn_cell_started(cell: CellFacts) -> None:
    """See a cell handed to a worker (group ``cvn_harness.plugins.v1``)."""


@hookspec
def cvn_cell_done(cell: CellFacts) -> None:
    """See a cell whose row was kept (group ``cvn_harness.plugins.v1``)."""


@hookspec
def cvn_cell_failed(cell: CellFacts) -> None:
    """See a cell that failed, after its row was kept (group ``cvn_harness.plugins.v1``)."""


@hookspec
def cvn_sweep_done(sweep: SweepFacts) -> None:
    """See a sweep end, finished or interrupted (group ``cvn_harness.plugins.v1``)."""
