"""From a name, as an environment variable holds it, to its trainer."""

from __future__ import annotations

from cvn_harness_core.errors import PluginNotInstalledError
from cvn_harness_core.plugins.registry import ENSEMBLE_REGISTRY, MODEL_REGISTRY
from cvn_harness_core.policy import TrainingPolicy
from cvn_harness_core.store.disk import Store
from cvn_harness_core.trainers.ensemble import AutonomousEnsembleTrainer
from cvn_harness_core.trainers.model import AutonomousModelTrainer


def trainer_for(
    name: str, store: Store | None = None, policy: TrainingPolicy | None = None
) -> AutonomousModelTrainer | AutonomousEnsembleTrainer:
    """Return the trainer of the registered model or ensemble of that name.

    A name is of one of them: where an installed model and an installed ensemble share it, neither
    can be used until one is uninstalled or blocked, as ``cvn plugins`` says.

    Raises
    ------
    PluginError
        If neither registry offers it (PluginNotInstalledError, with the lines that would install
        it), or if what offers it cannot be used; PluginConflictError if two share it.
    """
    if name in ENSEMBLE_REGISTRY and name not in MODEL_REGISTRY:
        return AutonomousEnsembleTrainer(name, store, policy=policy)
    try:
        return AutonomousModelTrainer(name, store, policy=policy)
    except PluginNotInstalledError as no_model:
        try:
            return AutonomousEnsembleTrainer(name, store, policy=policy)
        except PluginNotInstalledError as no_ensemble:
            message = f"{no_model}; {no_ensemble}"
            raise PluginNotInstalledError("plugin_not_installed", message) from no_ensemble
