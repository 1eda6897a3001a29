"""From a name, as an environment variable holds it, to its trainer."""

from __future__ import annotations

from cvn_harness_core.errors import PluginNotInstalledError
from cvn_harness_core.policy import TrainingPolicy
from cvn_harness_core.store.disk import Store
from cvn_harness_core.trainers.ensemble import AutonomousEnsembleTrainer
from cvn_harness_core.trainers.model import AutonomousModelTrainer


def trainer_for(
    name: str, store: Store | None = None, policy: TrainingPolicy | None = None
) -> AutonomousModelTrainer | AutonomousEnsembleTrainer:
    """Return the trainer of the registered model of that name, else of the ensemble.

    A name that both registries offer is the model's, as it is among an ensemble's bases.

    Raises
    ------
    PluginError
        If neither registry offers it (PluginNotInstalledError, with the lines that would install
        it), or if what offers it cannot be used.
    """
    try:
        return AutonomousModelTrainer(name, store, policy=policy)
    except PluginNotInstalledError as no_model:
        try:
            return AutonomousEnsembleTrainer(name, store, policy=policy)
        except PluginNotInstalledError as no_ensemble:
            message = f"{no_model}; {no_ensemble}"
            raise PluginNotInstalledError("plugin_not_installed", message) from no_ensemble
