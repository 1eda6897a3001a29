"""One training, of a model or an ensemble: its events, one execution of its DAG, its artifact."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from types import ModuleType
from typing import Any, Literal, NamedTuple

from cvn_harness_core.artifact.saving import BaseOf, decode, encode
from cvn_harness_core.artifact.trained import TrainedArtifact
from cvn_harness_core.calibration.fit import require
from cvn_harness_core.contracts.datasets import Datasets
from cvn_harness_core.contracts.features import FeatureVersion
from cvn_harness_core.contracts.hpo import HPOParams
from cvn_harness_core.contracts.model import ModelAdapter
from cvn_harness_core.contracts.params import ResolvedParam
from cvn_harness_core.contracts.plain import plain
from cvn_harness_core.contracts.theta import ThetaRule
from cvn_harness_core.errors import FitError, HarnessError, InputError, SearchError
from cvn_harness_core.events.log import RunLog
from cvn_harness_core.events.schema import TrainingComplete, TrainingFailed, TrainingStarted
from cvn_harness_core.harness.driver import Trace, execute
from cvn_harness_core.harness.parameters import Spec
from cvn_harness_core.policy import TrainingPolicy
from cvn_harness_core.store.disk import Store
from cvn_harness_core.store.key import Key

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


@dataclass(frozen=True, kw_only=True, eq=False)
class Training:
    """Everything that is settled before the first fit.

    ``dags`` are the modules of nodes laid over the shared ones, ``inputs`` what they need besides
    what every training has, and ``bases`` the trainings of an ensemble's bases, by name.
    """

    kind: Literal["model", "ensemble"]
    spec: Spec
    adapter: ModelAdapter
    datasets: Datasets
    policy: TrainingPolicy
    parameters: Mapping[str, ResolvedParam]
    seed: int
    n_threads: int
    versions: Mapping[str, str]
    tags: Mapping[str, str]
    key: Key | None
    dags: tuple[ModuleType, ...] = ()
    inputs: Callable[[RunLog], Mapping[str, Any]] = field(default=lambda _: {})
    bases: Mapping[str, Training] = field(default_factory=dict)

    @property
    def fixed(self) -> dict[str, Any]:
        """What the user fixed, by canonical names."""
        return {name: p.value for name, p in self.parameters.items() if p.source == "user"}


class Ran(NamedTuple):
    """An artifact, and whether it was in the store already (None where no store was used)."""

    artifact: TrainedArtifact
    hit: bool | None


def run(training: Training, store: Store | None, base_of: BaseOf) -> Ran:
    """Return the artifact: from the store if it is there, else trained, and kept there.

    ``base_of`` finds the bases of an ensemble that is read.
    """
    log = RunLog(uuid.uuid4().hex, training.kind, training.spec.name, dict(training.tags))
    if store is None or training.key is None:
        return Ran(_train(training, log), None)
    made: list[TrainedArtifact] = []

    def make() -> tuple[dict[str, Any], dict[str, bytes]]:
        made.append(_train(training, log))
        return encode(made[0], embed=False)

    found = store.compute(training.key, make, log=log)
    if made:
        return Ran(made[0], hit=False)
    entry = found.entry
    artifact = decode(entry.facts, entry.files, base_of, str(entry.path))
    return Ran(replace(artifact, tags=dict(training.tags)), hit=True)


def check_arguments(datasets: Datasets, hpo_params: Any, policy: TrainingPolicy) -> None:
    """Raise InputError for arguments of another type, SearchError for a search."""
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


def all_tags(datasets: Datasets, tags: Mapping[str, str] | None) -> dict[str, str]:
    """Return the tags of the data and of the call together."""
    return {**datasets.tags, **{str(k): str(v) for k, v in (tags or {}).items()}}


def _train(training: Training, log: RunLog) -> TrainedArtifact:
    datasets, policy, spec = training.datasets, training.policy, training.spec
    assert isinstance(datasets.feature_version, FeatureVersion)
    digest = datasets.digest
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
            datasets_digest=digest,
            params=training.fixed,
            seed=training.seed,
            n_threads=training.n_threads,
        )
        out = _execute(
            training.dags,
            [*_OUTPUTS, *spec.diagnostics],
            {
                "datasets": datasets,
                "spec": spec,
                "adapter": training.adapter,
                "policy": policy,
                "parameters": dict(training.parameters),
                "seed": training.seed,
                "n_threads": training.n_threads,
                "run_log": log,
                **training.inputs(log),
            },
            trace,
        )
        if policy.on_unhealthy == "error":
            trace.stage = "training_health"
            out["training_health"].require_usable(spec.name)
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
    unseen = out["out_of_fold"]
    artifact = TrainedArtifact(
        name=spec.name,
        kind=training.kind,
        run_id=log.run_id,
        decision=out["theta_sweep"],
        metrics=out["eval_metrics"],
        params=training.fixed,
        effective_params=out["effective_params"],
        learning_curve=out["learning_curve"],
        health=out["training_health"],
        probability=out["probability"],
        score_map=out["score_map"],
        calibration=out["calibration_report"],
        out_of_fold=() if unseen is None else unseen.folds,
        outcome=out["theta_outcome"],
        tradability=out["tradability"],
        feature_version=datasets.feature_version,
        datasets_digest=digest,
        payoff=datasets.payoff,
        policy=_policy_facts(policy, out["theta_rule"]),
        seed=training.seed,
        n_threads=training.n_threads,
        content_key=None if training.key is None else training.key.digest,
        bases=tuple(training.bases),
        lineage=tuple(base.key.digest for base in training.bases.values() if base.key),
        n_unscored=0 if unseen is None else unseen.n_unscored,
        environment=dict(training.versions),
        timings={"total": seconds, **trace.seconds},
        diagnostics=plain({name: out[name] for name in spec.diagnostics}),
        tags=dict(training.tags),
        adapter=training.adapter,
        native=out["native"],
        out_of_fold_scores=unseen,
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


def _execute(
    dags: tuple[ModuleType, ...], outputs: list[str], inputs: dict[str, Any], trace: Trace
) -> dict[str, Any]:
    try:
        return execute(dags, outputs, inputs, trace)
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
