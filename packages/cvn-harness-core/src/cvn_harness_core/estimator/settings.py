"""From the parameters of ``HarnessClassifier`` to the harness's own; what cannot be is refused.

Each function raises InputError ``setting_invalid``, and names the parameter.
"""

from __future__ import annotations

import operator
import os
from collections.abc import Mapping, Sequence
from typing import Any

from cvn_harness_core.errors import InputError
from cvn_harness_core.policy import POLICIES, TrainingPolicy
from cvn_harness_core.resources.budget import Budget
from cvn_harness_core.store.disk import Store


def policy_of(policy: Any) -> TrainingPolicy:
    """Return the policy itself, or that of a preset's name; None is ``"economic"``."""
    if isinstance(policy, TrainingPolicy):
        return policy
    name = "economic" if policy is None else policy
    if not isinstance(name, str) or name not in POLICIES:
        message = f"policy is {policy!r}; give a TrainingPolicy or one of {', '.join(POLICIES)}."
        raise InputError("setting_invalid", message)
    return POLICIES[name]()


def store_of(folder: Any) -> Store | None:
    """Return the store of a folder; None is none."""
    if folder is None:
        return None
    if not isinstance(folder, str | os.PathLike):
        message = f"store is {folder!r}; give the path of a store's folder, or None for no store."
        raise InputError("setting_invalid", message)
    return Store(os.fspath(folder))


def bases_of(bases: Any) -> tuple[str, ...] | None:
    """Return the names of an ensemble's bases; None are those that it declares."""
    if bases is None:
        return None
    if isinstance(bases, str) or not isinstance(bases, Sequence):
        message = f"bases is {bases!r}; give a list of names, for instance ['lightgbm']."
        raise InputError("setting_invalid", message)
    for base in bases:
        if not isinstance(base, str):
            message = f"bases has {base!r}; it must be a list of names, as ['lightgbm']."
            raise InputError("setting_invalid", message)
    return tuple(bases)


def params_of_model(params: Any) -> Mapping[str, Any]:
    """Return a model's fixed hyperparameters by name."""
    if params is None:
        return {}
    if not isinstance(params, Mapping):
        message = f"params is {params!r}; give a mapping, as {{'num_leaves': 15}}."
        raise InputError("setting_invalid", message)
    return params


def params_of_ensemble(params: Any, names: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
    """Return fixed hyperparameters by whose they are; ``names`` are the bases and the ensemble."""
    given = params_of_model(params)
    for name, value in given.items():
        if not isinstance(value, Mapping):
            message = (
                f"params has {name!r}: {value!r}; an ensemble's say whose they are: give "
                f"{{{names[0]!r}: {{...}}, ...}}, by the names {', '.join(names)}."
            )
            raise InputError("setting_invalid", message)
    return given


def threads_of(n_jobs: Any) -> int | None:
    """Return the threads of one fit: -1 are all of the budget, -2 one less."""
    if n_jobs is None:
        return None
    try:
        threads = operator.index(n_jobs)
    except TypeError:
        message = f"n_jobs is {n_jobs!r}; it must be an integer, -1 for all threads, or None."
        raise InputError("setting_invalid", message) from None
    return threads if threads >= 0 else max(1, Budget.current().threads + 1 + threads)
