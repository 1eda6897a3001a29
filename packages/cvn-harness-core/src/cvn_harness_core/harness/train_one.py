"""The canonical entry point: one model, one dataset, one artifact."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from cvn_harness_core.artifact.trained import TrainedArtifact
from cvn_harness_core.calibration.fit import require
from cvn_harness_core.contracts.datasets import Datasets
from cvn_harness_core.contracts.features import FeatureVersion
from cvn_harness_core.contracts.hpo import HPOParams
from cvn_harness_core.contracts.plain import plain
from cvn_harness_core.contracts.theta import ThetaRule
from cvn_harness_core.errors import FitError, HarnessError, InputError, SearchError
from cvn_harness_core.events.log import RunLog
from cvn_harness_core.events.schema import TrainingComplete, TrainingFailed, TrainingStarted
from cvn_harness_core.harness.driver import Trace, execute
from cvn_harness_core.harness.environment import environment
from cvn_harness_core.harness.parameters import resolve_parameters
from cvn_harness_core.harness.threads import threads_for
from cvn_harness_core.plugins.adapters import adapter_of
from cvn_harness_core.plugins.loading import call
from cvn_harness_core.plugins.registry import MODEL_REGISTRY
from cvn_harness_core.policy import TrainingPolicy

_OUTPUTS = (
    "log_emit",
    "native",
    "theta_rule",
    "theta_sweep",
    "eval_metrics",
    "effective_params",
    "learning_curve",
    "training_health",
    "probability",
    "score_map",
    "calibration_report",
    "out_of_fold",
    "theta_outcome",
    "tradability",
)


def train_one(
    model_name: str,
    datasets: Datasets,
    hpo_params: HPOParams | None = None,
    *,
    policy: TrainingPolicy | None = None,
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
    """
    policy = TrainingPolicy.economic() if policy is None else policy
    hpo_params = HPOParams() if hpo_params is None else hpo_params
    _check_arguments(datasets, hpo_params, policy)
    spec, record = MODEL_REGISTRY[model_name], MODEL_REGISTRY.record(model_name)
    parameters = resolve_parameters(spec, hpo_params.params, n_features=len(datasets.feature_names))
    n_threads = threads_for(spec, hpo_params, parameters)
    adapter = adapter_of(model_name)
    versions = call(record, "naming its libraries", lambda: environment(record, spec.libraries))
    run_tags = {**datasets.tags, **{str(k): str(v) for k, v in (tags or {}).items()}}
    assert isinstance(datasets.feature_version, FeatureVersion)
    fixed = {name: p.value for name, p in parameters.items() if p.source == "user"}
    log = RunLog(uuid.uuid4().hex, "model", model_name, run_tags)
    trace, started = Trace(), time.perf_counter()
    try:
        log.emit(
            TrainingStarted,
            policy=policy.name,
            n_train=len(datasets.train),
            n_val=len(datasets.val),
            n_test=len(datasets.test),
            n_features=len(datasets.feature_names),
            feature_version=datasets.feature_version.name,
            datasets_digest=datasets.digest,
            params=fixed,
            seed=hpo_params.seed,
            n_threads=n_threads,
        )
        out = _execute(
            spec.dag,
            [*_OUTPUTS, *spec.diagnostics],
            {
                "datasets": datasets,
                "spec": spec,
                "adapter": adapter,
                "policy": policy,
                "parameters": parameters,
                "seed": hpo_params.seed,
                "n_threads": n_threads,
                "run_log": log,
            },
            trace,
        )
        if policy.on_unhealthy == "error":
            trace.stage = "training_health"
            out["training_health"].require_usable(model_name)
    except BaseException as error:
        log.emit(
            TrainingFailed,
            stage=trace.stage,
            error=type(error).__name__,
            code=error.code if isinstance(error, HarnessError) else None,
            message=str(error),
            seconds=time.perf_counter() - started,
        )
        raise
    seconds = time.perf_counter() - started
    artifact = TrainedArtifact(
        name=model_name,
        kind="model",
        run_id=log.run_id,
        decision=out["theta_sweep"],
        metrics=out["eval_metrics"],
        params=fixed,
        effective_params=out["effective_params"],
        learning_curve=out["learning_curve"],
        health=out["training_health"],
        probability=out["probability"],
        score_map=out["score_map"],
        calibration=out["calibration_report"],
        out_of_fold=() if out["out_of_fold"] is None else out["out_of_fold"].folds,
        outcome=out["theta_outcome"],
        tradability=out["tradability"],
        feature_version=datasets.feature_version,
        datasets_digest=datasets.digest,
        payoff=datasets.payoff,
        policy=_policy_facts(policy, out["theta_rule"]),
        seed=hpo_params.seed,
        n_threads=n_threads,
        lineage=(),
        environment=versions,
        timings={"total": seconds, **trace.seconds},
        diagnostics=plain({name: out[name] for name in spec.diagnostics}),
        tags=run_tags,
        adapter=adapter,
        native=out["native"],
    )
    log.emit(
        TrainingComplete,
        seconds=seconds,
        best_iteration=artifact.best_iteration,
        theta=artifact.theta,
        health=artifact.health.verdict,
        tradability=artifact.tradability.verdict,
        metrics={name: m.figures() for name, m in artifact.metrics.items()},
    )
    return artifact


def _check_arguments(datasets: Datasets, hpo_params: HPOParams, policy: TrainingPolicy) -> None:
    for name, value, kind in (
        ("datasets", datasets, Datasets),
        ("hpo_params", hpo_params, HPOParams),
        ("policy", policy, TrainingPolicy),
    ):
        if not isinstance(value, kind):
            message = f"{name} is a {type(value).__name__}; it must be of type {kind.__name__}."
            raise InputError("setting_invalid", message)
    if policy.calibration is not None:
        require(policy.calibration.method)
    # Names only: a storage may hold a password.
    settings = ("timeout_s", "storage", "study_name", "pruner")
    asked = [name for name in settings if getattr(hpo_params, name) is not None]
    if hpo_params.n_trials or asked:
        message = (
            f"HPOParams({', '.join([f'n_trials={hpo_params.n_trials}', *asked])}): this release "
            "has no hyperparameter search; fix the parameters and leave these out."
        )
        raise SearchError("search_not_implemented", message)


def _execute(dag: Any, outputs: list[str], inputs: dict[str, Any], trace: Trace) -> dict[str, Any]:
    try:
        return execute(dag, outputs, inputs, trace)
    except HarnessError:
        raise
    except Exception as error:
        message = (
            f"{inputs['spec'].name} failed in the stage {trace.stage!r}: "
            f"{type(error).__name__}: {error}"
        )
        raise FitError("fit_failed", message) from error


def _policy_facts(policy: TrainingPolicy, rule: ThetaRule) -> dict[str, Any]:
    settings = {f.name: getattr(policy, f.name) for f in fields(policy)}
    how: dict[str, Any] = plain(rule) if is_dataclass(rule) else {}
    facts: dict[str, Any] = plain({**settings, "theta": {"rule": rule.name, **how}})
    return facts
