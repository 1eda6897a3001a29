"""Hyperparameters of one training: fixed values, and how to search for the rest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

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
        object.__setattr__(self, "params", dict(self.params))
        self._require(self.n_trials >= 0, "n_trials", "zero or more")
        self._require(
            self.timeout_s is None or self.timeout_s > 0, "timeout_s", "positive, or None"
        )
        self._require(self.objective in get_args(Objective), "objective", get_args(Objective))
        self._require(0 <= self.seed < 2**31, "seed", "within [0, 2**31)")
        self._require(
            self.n_threads is None or self.n_threads >= 1, "n_threads", "at least 1, or None"
        )

    def _require(self, holds: bool, name: str, expected: object) -> None:
        if not holds:
            message = f"HPOParams.{name} is {getattr(self, name)!r}; it must be {expected}."
            raise InputError("setting_invalid", message)
