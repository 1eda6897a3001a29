"""The canonical entry point: one model, one dataset, one artifact."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NoReturn

from cvn_harness_core.artifact.trained import TrainedArtifact
from cvn_harness_core.contracts.datasets import Datasets
from cvn_harness_core.contracts.hpo import HPOParams
from cvn_harness_core.harness.parameters import resolve_parameters
from cvn_harness_core.harness.planning import (
    OnTrial,
    Request,
    StopWanted,
    Training,
    check_arguments,
    search_of,
    settle,
)
from cvn_harness_core.harness.threads import threads_for, trials_at_once
from cvn_harness_core.harness.training import Ran, run
from cvn_harness_core.nodes.fit import stopping
from cvn_harness_core.plugins.adapters import adapter_of
from cvn_harness_core.plugins.registry import MODEL_REGISTRY
from cvn_harness_core.policy import TrainingPolicy
from cvn_harness_core.store.disk import Store


def train_one(
    model_name: str,
    datasets: Datasets,
    hpo_params: HPOParams | None = None,
    *,
    policy: TrainingPolicy | None = None,
    store: Store | None = None,
    tags: Mapping[str, str] | None = None,
    on_trial: OnTrial | None = None,
    stop_wanted: StopWanted | None = None,
) -> TrainedArtifact:
    """Train one registered model, pick its theta, and return the artifact.

    Parameters
    ----------
    model_name
        A name in ``MODEL_REGISTRY``.
    datasets
        Train, validation and test. Validation stops the boosting and decides theta; test is only
        scored.
    hpo_params
        Fixed hyperparameters, seed and threads, and the search for the rest: with ``n_trials`` the
        artifact is the best trial's own model.
    policy
        By default ``TrainingPolicy.economic()``.
    store
        Where artifacts and forward folds are kept by what they depend on: what is there already is
        read, and not fitted again. None keeps nothing.
    tags
        Added to the tags of ``datasets``.
    on_trial
        Told of every trial of a search, with the model's name and a ``TrialRecord``. What it
        raises ends the search; with ``HPOParams(storage=...)`` the same call goes on with it.
    stop_wanted
        Asked before each trial of a search is begun. Once it says yes none is, those in hand are
        finished and kept, and KeyboardInterrupt is raised unless there are enough.

    Raises
    ------
    PluginError
        If the model is not installed or cannot be used.
    InputError, ParameterError
        Before any training, for an unusable input.
    SearchError
        If there is nothing to search, the storage cannot be used, its study is of another search,
        or no trial is complete.
    FitError
        If the library fails; its own exception is the cause. ``training_unhealthy`` if the fit
        is unhealthy and the policy makes that an error.
    StoreError
        If the store cannot be used.
    """
    return run_model(
        model_name, hpo_params, policy, Request(datasets, store, tags, on_trial, stop_wanted)
    ).artifact


def run_model(
    name: str, hpo_params: HPOParams | None, policy: TrainingPolicy | None, request: Request
) -> Ran:
    """Do as ``train_one``, and return whether the store had the artifact, too."""
    policy = TrainingPolicy.economic() if policy is None else policy
    hpo_params = HPOParams() if hpo_params is None else hpo_params
    return run(plan_model(name, request, hpo_params, policy), _no_bases)


def plan_model(
    name: str, request: Request, hpo_params: HPOParams, policy: TrainingPolicy
) -> Training:
    """Check everything and return what there is to do; fits nothing. Raises as ``train_one``."""
    check_arguments(request.datasets, hpo_params, policy)
    spec, record = MODEL_REGISTRY[name], MODEL_REGISTRY.record(name)
    if not hasattr(spec.dag, "stopping"):  # a plugin's own node may know better
        stopping(spec, policy)
    width = len(request.datasets.feature_names)
    parameters, space = resolve_parameters(spec, hpo_params, n_features=width)
    n_at_once = trials_at_once(spec, hpo_params, parameters, space)
    return settle(
        "model",
        spec,
        record,
        request,
        policy,
        adapter=adapter_of(name),
        parameters=parameters,
        seed=hpo_params.seed,
        n_threads=threads_for(spec, hpo_params, parameters, space),
        dags=(),
        search=search_of(name, hpo_params, space, n_at_once),
    )


def _no_bases(name: str, key: str) -> NoReturn:
    message = f"a model has no base {name} ({key})"
    raise AssertionError(message)
