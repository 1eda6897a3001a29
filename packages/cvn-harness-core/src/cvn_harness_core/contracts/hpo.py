"""Hyperparameters of one training: fixed values, and how to search for the rest."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from cvn_harness_core.contracts.checks import integer, real
from cvn_harness_core.contracts.config import ParamConfig
from cvn_harness_core.contracts.space import Dimension
from cvn_harness_core.errors import InputError

Objective = Literal["pr_auc", "log_loss", "f1_buy", "expectancy"]
Evidence = Literal["validation", "forward_folds"]
Sampler = Literal["tpe", "random"]
Pruner = Literal["extrapolation", "hyperband", "median", "none"]


@dataclass(frozen=True)
class HPOParams:
    """Fixed hyperparameters plus the search, as Optuna names its parts.

    Parameters
    ----------
    params
        Fixed values by the names of the library's own scikit-learn classifier; its documented
        aliases are accepted. Checked against the plugin's parameters before training.
    config
        Values and ranges of a file, the environment or a database; ``params`` and ``space`` have
        precedence over them.
    timeframe
        The length of a bar, as plugins name it (``1h``): which of their defaults hold.
    n_trials
        How many trials the study has in the end, those of an earlier run included; 0 for none.
    timeout_s
        Seconds after which no trial is begun and those in hand are cut, to be run again when the
        study is resumed. Which trials a search with a timeout ends with depends on the machine.
    space
        Dimensions to narrow, or to add, by parameter. What ``params`` fixes is not searched.
    objective
        ``pr_auc``, ``f1_buy`` and ``expectancy`` (net, per row, at the policy's theta; 0 for
        NO_TRADE) are maximised, ``log_loss`` is minimised.
    evaluate_on
        The validation split, which also stops the boosting, or the forward folds of
        ``policy.out_of_fold``: a fit for each fold and trial.
    sampler
        Optuna's, ``tpe`` or ``random``.
    pruner
        What ends a trial early, by the stopping metric on validation: ``extrapolation`` (it could
        not catch up), Optuna's ``hyperband`` or ``median``, or ``none``. Forward folds are not
        pruned.
    max_concurrent
        How many trials may be under way at once: each is asked for with the results of all but the
        last ``max_concurrent - 1`` before it, whatever else is known by then. So it decides which
        trials are run, and the number of workers does not. None is 1 for models that declare the
        same bits for any thread count, and 4 for the others, whose fits have one thread.
    n_workers
        Trials at the same time, up to ``max_concurrent``; None for as many as cores and memory
        allow. No effect on results.
    storage, study_name
        Where the trials are kept, so that a search can be resumed: a URL of Optuna's
        (``sqlite:///hpo.db``, ``postgresql://...``), the path of a journal file that ends in
        ``.journal`` (text or a ``Path``), or None for memory. Each base of an ensemble has a study
        of its own, ``STUDY_NAME-BASE``.
    seed
        Seeds the library and the sampler. The same seed, data, parameters and threads give the same
        trials and the same model.
    n_threads
        Threads of one fit. None takes every available core (``CVN_THREADS``, if that is fewer) for
        models that declare the same bits for any thread count, and one thread for the others, so
        that results do not depend on the machine.
    """

    params: Mapping[str, Any] = field(default_factory=dict)
    n_trials: int = 0
    timeout_s: float | None = None
    objective: Objective = "pr_auc"
    seed: int = 0
    n_threads: int | None = None
    storage: str | os.PathLike[str] | None = field(default=None, repr=False)
    study_name: str | None = None
    space: Mapping[str, Dimension] = field(default_factory=dict)
    config: ParamConfig | None = None
    timeframe: str | None = None
    evaluate_on: Evidence = "validation"
    sampler: Sampler = "tpe"
    pruner: Pruner = "extrapolation"
    max_concurrent: int | None = None
    n_workers: int | None = None

    def __post_init__(self) -> None:
        put = object.__setattr__
        self._check_types()
        put(self, "params", dict(self.params))
        put(self, "space", dict(self.space))
        if isinstance(self.storage, os.PathLike):
            put(self, "storage", os.fspath(self.storage))
        put(self, "n_trials", integer("HPOParams.n_trials", self.n_trials, low=0))
        put(self, "seed", integer("HPOParams.seed", self.seed, low=0, high=2**31 - 1))
        if self.n_threads is not None:
            put(self, "n_threads", integer("HPOParams.n_threads", self.n_threads, low=1))
        if self.timeout_s is not None:
            real("HPOParams.timeout_s", self.timeout_s, low=0, open_low=True)
        for name in ("max_concurrent", "n_workers"):
            if (value := getattr(self, name)) is not None:
                put(self, name, integer(f"HPOParams.{name}", value, low=1))
        if not self.n_trials:
            asked = [name for name, default in _SEARCH.items() if getattr(self, name) != default]
            if asked:
                message = (
                    f"HPOParams sets {', '.join(asked)} and n_trials=0, so that nothing is "
                    "searched; give n_trials, or leave them out."
                )
                raise InputError("setting_invalid", message)
        if self.study_name is not None and self.storage is None:
            message = "HPOParams.study_name names a study in a storage; give storage, too."
            raise InputError("setting_invalid", message)

    def _check_types(self) -> None:
        for name, kind in (
            ("objective", Objective),
            ("evaluate_on", Evidence),
            ("sampler", Sampler),
            ("pruner", Pruner),
        ):
            if getattr(self, name) not in get_args(kind):
                message = (
                    f"HPOParams.{name} is {getattr(self, name)!r}; it must be one of "
                    f"{', '.join(get_args(kind))}."
                )
                raise InputError("setting_invalid", message)
        for name, wanted, types in (
            ("config", "ParamConfig", (ParamConfig,)),
            ("timeframe", "str", (str,)),
            ("study_name", "str", (str,)),
            ("storage", "str or a Path", (str, os.PathLike)),
        ):
            value = getattr(self, name)
            if value is not None and not isinstance(value, types):
                message = f"HPOParams.{name} is {value!r}; it must be a {wanted}."
                raise InputError("setting_invalid", message)
        for name in ("params", "space"):
            value = getattr(self, name)
            if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
                message = (
                    f"HPOParams.{name} is {value!r}; it must be a mapping by the parameters' names."
                )
                raise InputError("setting_invalid", message)


_SEARCH = {
    "timeout_s": None,
    "storage": None,
    "study_name": None,
    "space": {},
    **{
        name: getattr(HPOParams, name)
        for name in ("objective", "evaluate_on", "sampler", "pruner", "max_concurrent", "n_workers")
    },
}
"""What only a search looks at, and what it is where nobody says otherwise."""
