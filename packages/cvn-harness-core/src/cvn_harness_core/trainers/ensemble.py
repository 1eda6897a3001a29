"""A trainer of one registered ensemble."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass

from cvn_harness_core.contracts.datasets import Datasets
from cvn_harness_core.harness.planning import Request
from cvn_harness_core.harness.train_ensemble import Params, run_ensemble
from cvn_harness_core.plugins.registry import ENSEMBLE_REGISTRY
from cvn_harness_core.policy import TrainingPolicy
from cvn_harness_core.store.disk import Store
from cvn_harness_core.trainers.outcome import TrainingOutcome, timed


@dataclass(frozen=True)
class AutonomousEnsembleTrainer:
    """Trains one ensemble, its bases included, on whatever data it is given, and nothing twice.

    Parameters
    ----------
    ensemble_name
        A name in ``ENSEMBLE_REGISTRY``; checked here, before there are data. Its bases are checked
        by ``train``, before the first fit.
    store
        Where artifacts, those of bases too, are looked for and kept; None trains each time.
    policy
        By default ``TrainingPolicy.economic()``.
    bases
        By default those that the ensemble declares.

    Raises
    ------
    PluginError
        If the ensemble is not installed (PluginNotInstalledError, with the line that installs it)
        or cannot be used.
    """

    ensemble_name: str
    store: Store | None = None
    _: KW_ONLY
    policy: TrainingPolicy | None = None
    bases: Sequence[str] | None = None

    def __post_init__(self) -> None:
        ENSEMBLE_REGISTRY[self.ensemble_name]

    def train(
        self,
        datasets: Datasets,
        hpo_params: Params | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> TrainingOutcome:
        """Return the artifact, from the store or trained; raise as ``train_ensemble``."""
        return timed(
            lambda: run_ensemble(
                self.ensemble_name,
                hpo_params,
                self.bases,
                self.policy,
                Request(datasets, self.store, tags),
            )
        )
