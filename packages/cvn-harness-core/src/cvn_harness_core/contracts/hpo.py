"""Hyperparameters of one training: fixed values, and how to search for the rest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from cvn_harness_core.contracts.checks import integer, real
from cvn_harness_core.errors import InputError

Objective = Literal["pr_auc", "log_loss", "f1_buy", "expectancy"]


@dataclass(frozen=True)
class HPOParams:
    """Fixed hyperparameters plus the search, as Optuna names its parts.

    Parameters
    ----------
    params
        Fixed values by the names of the library's own scikit-learn classifier; its documented
        aliases are accepted. Checked against the plugin's parameters before training.
    n_trials, timeout_s, objective, storage, study_name, pruner
        The search. Until the search lands, ``n_trials`` above 0 is refused by ``train_one``.
    seed
        Seeds the library. The same seed, data, parameters and threads give the same model.
    n_threads
        Threads of one fit. None takes every available core for models that declare the same bits
        for any thread count, and one thread for the others, so that results do not depend on the
        machine.
    """

    params: Mapping[str, Any] = field(default_factory=dict)
    n_trials: int = 0
    timeout_s: float | None = None
    objective: Objective = "pr_auc"
    seed: int = 0
    n_threads: int | None = None
    storage: str | None = None
    study_name: str | None = None
    pruner: str | None = None

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "params", dict(self.params))
        put(self, "n_trials", integer("HPOParams.n_trials", self.n_trials, low=0))
        put(self, "seed", integer("HPOParams.seed", self.seed, low=0, high=2**31 - 1))
        if self.n_threads is not None:
            put(self, "n_threads", integer("HPOParams.n_threads", self.n_threads, low=1))
        if self.timeout_s is not None:
            real("HPOParams.timeout_s", self.timeout_s, low=0, open_low=True)
        if self.objective not in get_args(Objective):
            message = (
                f"HPOParams.objective is {self.objective!r}; it must be one of "
                f"{', '.join(get_args(Objective))}."
            )
            raise InputError("setting_invalid", message)
