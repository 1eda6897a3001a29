"""The canonical entry point: one model, one dataset, one artifact."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import NoReturn

from cvn_harness_core.artifact.trained import TrainedArtifact
from cvn_harness_core.contracts.datasets import Datasets
from cvn_harness_core.contracts.hpo import HPOParams
from cvn_harness_core.events.log import RunLog
from cvn_harness_core.harness.environment import environment
from cvn_harness_core.harness.keys import artifact_key, fold_key
from cvn_harness_core.harness.parameters import resolve_parameters
from cvn_harness_core.harness.threads import threads_for
from cvn_harness_core.harness.training import Ran, Training, all_tags, check_arguments, run
from cvn_harness_core.plugins.adapters import adapter_of
from cvn_harness_core.plugins.loading import call
from cvn_harness_core.plugins.registry import MODEL_REGISTRY
from cvn_harness_core.policy import TrainingPolicy
from cvn_harness_core.store.disk import Store
from cvn_harness_core.store.folds import KeepFold, keep_in, keep_nothing
from cvn_harness_core.store.key import Key


def train_one(
    model_name: str,
    datasets: Datasets,
    hpo_params: HPOParams | None = None,
    *,
    policy: TrainingPolicy | None = None,
    store: Store | None = None,
    tags: Mapping[str, str] | None = None,
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
        Fixed hyperparameters, seed and threads.
    policy
        By default ``TrainingPolicy.economic()``.
    store
        Where artifacts and forward folds are kept by what they depend on: what is there already is
        read, and not fitted again. None keeps nothing.
    tags
        Added to the tags of ``datasets``.

    Raises
    ------
    PluginError
        If the model is not installed or cannot be used.
    InputError, ParameterError
        Before any training, for an unusable input.
    SearchError
        For ``n_trials`` above 0, or any other setting of the search.
    FitError
        If the library fails; its own exception is the cause. ``training_unhealthy`` if the fit
        is unhealthy and the policy makes that an error.
    StoreError
        If the store cannot be used.
    """
    return run_model(model_name, datasets, hpo_params, policy, store, tags).artifact


def run_model(
    name: str,
    datasets: Datasets,
    hpo_params: HPOParams | None,
    policy: TrainingPolicy | None,
    store: Store | None,
    tags: Mapping[str, str] | None,
) -> Ran:
    """Do as ``train_one``, and return whether the store had the artifact, too."""
    training = plan_model(name, datasets, hpo_params, policy, store, tags)
    return run(training, store, _no_bases)


def plan_model(
    name: str,
    datasets: Datasets,
    hpo_params: HPOParams | None,
    policy: TrainingPolicy | None,
    store: Store | None,
    tags: Mapping[str, str] | None,
) -> Training:
    """Check everything and return what there is to do; fits nothing. Raises as ``train_one``."""
    policy = TrainingPolicy.economic() if policy is None else policy
    hpo_params = HPOParams() if hpo_params is None else hpo_params
    check_arguments(datasets, hpo_params, policy)
    spec, record = MODEL_REGISTRY[name], MODEL_REGISTRY.record(name)
    parameters = resolve_parameters(spec, hpo_params.params, n_features=len(datasets.feature_names))
    n_threads = threads_for(spec, hpo_params, parameters)
    adapter = adapter_of(name)
    versions = call(record, "naming its libraries", lambda: environment(record, spec.libraries))
    key = None
    if store is not None:
        key = artifact_key(
            record,
            datasets,
            parameters,
            policy,
            seed=hpo_params.seed,
            n_threads=n_threads,
            versions=versions,
        )
    return Training(
        kind="model",
        spec=spec,
        adapter=adapter,
        datasets=datasets,
        policy=policy,
        parameters=parameters,
        seed=hpo_params.seed,
        n_threads=n_threads,
        versions=versions,
        tags=all_tags(datasets, tags),
        key=key,
        dags=() if spec.dag is None else (spec.dag,),
        inputs=lambda log: {"keep_fold": _keep_fold(store, key, policy, log)},
    )


def _keep_fold(
    store: Store | None, key: Key | None, policy: TrainingPolicy, log: RunLog
) -> KeepFold:
    if store is None or key is None:
        return keep_nothing
    return partial(keep_in, store, lambda number: fold_key(key, policy, number), log)


def _no_bases(name: str, key: str) -> NoReturn:
    message = f"a model has no base {name} ({key})"
    raise AssertionError(message)
