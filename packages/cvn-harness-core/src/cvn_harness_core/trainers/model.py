"""A trainer of one registered model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass

from cvn_harness_core.contracts.datasets import Datasets
from cvn_harness_core.contracts.hpo import HPOParams
from cvn_harness_core.harness.planning import Request
from cvn_harness_core.harness.train_one import run_model
from cvn_harness_core.plugins.registry import MODEL_REGISTRY
from cvn_harness_core.policy import TrainingPolicy
from cvn_harness_core.store.disk import Store
from cvn_harness_core.trainers.outcome import TrainingOutcome, timed


@dataclass(frozen=True)
class AutonomousModelTrainer:
    """Trains one model on whatever data it is given, and nothing twice.

    Parameters
    ----------
    model_type
        A name in ``MODEL_REGISTRY``; checked here, before there are data.
    store
        Where artifacts are looked for and kept; None trains each time.
    policy
        By default ``TrainingPolicy.economic()``.

    Raises
    ------
    PluginError
        If the model is not installed (PluginNotInstalledError, with the line that installs it) or
        cannot be used.
    """

    model_type: str
    store: Store | None = None
    _: KW_ONLY
    policy: TrainingPolicy | None = None

    def __post_init__(self) -> None:
        MODEL_REGISTRY[self.model_type]

    def train(
        self,
        datasets: Datasets,
        hpo_params: HPOParams | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> TrainingOutcome:
        """Return the artifact of this model, from the store or trained; raise as ``train_one``."""
        return timed(
            lambda: run_model(
                self.model_type, hpo_params, self.policy, Request(datasets, self.store, tags)
            )
        )
