"""What a plan compares: a model or an ensemble, its parameters, its search and its policy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from cvn_harness_core import Datasets, HPOParams, Store, TrainingPolicy

if TYPE_CHECKING:
    from cvn_harness_core import TrainingOutcome


@dataclass(frozen=True)
class Variant:
    """One way to train.

    Parameters
    ----------
    name
        The plan's name for it.
    kind, trains
        Whether it is a model or an ensemble, and its registered name.
    policy
        How it is trained and decided.
    hpo_params
        By registered name: a model's own, or those of an ensemble and of all its bases, however
        deep. Seed and threads of the plan are in each.
    bases
        An ensemble's bases, in order; empty for a model.
    """

    name: str
    kind: Literal["model", "ensemble"]
    trains: str
    policy: TrainingPolicy
    hpo_params: Mapping[str, HPOParams] = field(repr=False)
    bases: tuple[str, ...] = ()

    def train(self, datasets: Datasets, store: Store | None = None) -> TrainingOutcome:
        """Train it on a cell's data, or find it in the store; raise as the core's trainers."""
        # A second of imports, that only workers need.
        from cvn_harness_core import AutonomousEnsembleTrainer, AutonomousModelTrainer

        tags = {"variant": self.name}
        if self.kind == "model":
            model = AutonomousModelTrainer(self.trains, store, policy=self.policy)
            return model.train(datasets, self.hpo_params[self.trains], tags)
        ensemble = AutonomousEnsembleTrainer(
            self.trains, store, policy=self.policy, bases=self.bases
        )
        return ensemble.train(datasets, self.hpo_params, tags)
