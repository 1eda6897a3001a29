"""What `cvn train` was asked to train: a model or an ensemble, by name, with its parameters."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from cvn_harness_core import (
    ENSEMBLE_REGISTRY,
    MODEL_REGISTRY,
    HPOParams,
    InputError,
    ParameterError,
    Store,
    TrainedArtifact,
    train_ensemble,
    train_one,
)
from cvn_orchestrator.cli.config import config_of, note_environment
from cvn_orchestrator.cli.search import dimensions, search_settings

Job = Callable[..., TrainedArtifact]
"""Trains on datasets; ``policy``, ``on_trial`` and ``stop_wanted`` are as of ``train_one``."""


def job_of(arguments: argparse.Namespace) -> Job:
    """Return what trains the named model or ensemble.

    Raises
    ------
    PluginError
        If neither a model nor an ensemble of that name can be used.
    InputError, ParameterError
        For parameters or bases that make no sense for it.
    """
    name, given = arguments.model, _parameters(arguments.param)
    space = dimensions(arguments.space)
    folder = arguments.store or os.environ.get("CVN_STORE")
    store = None if folder is None else Store(folder)
    if name in MODEL_REGISTRY or name not in ENSEMBLE_REGISTRY:
        MODEL_REGISTRY[name]
        if arguments.bases is not None:
            message = f"--bases is for ensembles, and {name} is a model."
            raise InputError("setting_invalid", message)
        params = _settings(arguments, name, given, space)
        note_environment({name: params})
        return partial(train_one, name, hpo_params=params, store=store)
    bases = ENSEMBLE_REGISTRY[name].bases
    if arguments.bases is not None:
        bases = tuple(part.strip() for part in arguments.bases.split(",") if part.strip())
    names = tuple(dict.fromkeys((*_all_bases(bases, above=(name,)), name)))
    by_name = _by_name(given, names, "--param")
    spaces = _by_name(space, names, "--space")
    everyone = {
        who: _settings(arguments, who, by_name.get(who, {}), spaces.get(who, {})) for who in names
    }
    note_environment({who: params for who, params in everyone.items() if _installed(who)})
    return partial(train_ensemble, name, hpo_params=everyone, bases=bases, store=store)


def _settings(
    arguments: argparse.Namespace, who: str, params: Mapping[str, Any], space: Mapping[str, Any]
) -> HPOParams:
    return HPOParams(
        params=params,
        seed=arguments.seed,
        n_threads=arguments.threads,
        config=config_of(arguments, who) if _installed(who) else None,
        timeframe=arguments.timeframe,
        **(search_settings(arguments, space) if who in MODEL_REGISTRY else {"space": space}),
    )


def _installed(name: str) -> bool:
    """Return whether there is such a plugin; of a base that is none, the ensemble tells."""
    return name in MODEL_REGISTRY or name in ENSEMBLE_REGISTRY


def _all_bases(bases: tuple[str, ...], above: tuple[str, ...]) -> Iterator[str]:
    """Give the bases and, of those that are ensembles, theirs; circles are refused elsewhere."""
    for base in bases:
        yield base
        if base in ENSEMBLE_REGISTRY and base not in MODEL_REGISTRY and base not in above:
            yield from _all_bases(ENSEMBLE_REGISTRY[base].bases, (*above, base))


def _by_name(
    given: Mapping[str, Any], known: tuple[str, ...], option: str
) -> dict[str, dict[str, Any]]:
    """Return the parameters of each base and of the ensemble, given as WHOSE.NAME."""
    found: dict[str, dict[str, Any]] = {}
    for spelt, value in given.items():
        who, dot, name = spelt.partition(".")
        if not dot or who not in known:
            message = (
                f"{option} {spelt}=... of an ensemble must say whose it is: WHOSE.NAME=VALUE, for "
                f"one of {', '.join(known)}."
            )
            raise InputError("setting_invalid", message)
        found.setdefault(who, {})[name] = value
    return found


def _parameters(texts: list[str]) -> dict[str, Any]:
    given: dict[str, Any] = {}
    for name, value in map(_parameter, texts):
        if name in given:
            message = f"--param gives {name!r} twice; give it once."
            raise ParameterError("parameter_duplicate", message)
        given[name] = value
    return given


def _parameter(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        message = f"--param {text!r} is not NAME=VALUE, for instance num_leaves=31."
        raise InputError("setting_invalid", message)
    try:
        return name, json.loads(value.lower() if value in ("True", "False") else value)
    except json.JSONDecodeError:
        return name, value
