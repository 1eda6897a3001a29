"""One training, of a model or an ensemble: its events, one execution of its DAG, its artifact."""

from __future__ import annotations

import time
import uuid
from dataclasses import fields, is_dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from cvn_harness_core.artifact.saving import BaseOf, decode, encode
from cvn_harness_core.artifact.snapshot import digest_of_params
from cvn_harness_core.artifact.trained import TrainedArtifact
from cvn_harness_core.contracts.features import FeatureVersion
from cvn_harness_core.contracts.plain import plain
from cvn_harness_core.contracts.theta import ThetaRule
from cvn_harness_core.errors import HarnessError
from cvn_harness_core.events.log import OBSERVERS, RunLog
from cvn_harness_core.events.schema import TrainingComplete, TrainingFailed, TrainingStarted
from cvn_harness_core.harness.driver import Trace
from cvn_harness_core.harness.guarded import guarded
from cvn_harness_core.harness.keys import fold_key
from cvn_harness_core.harness.parameters import with_dropped, with_places
from cvn_harness_core.harness.planning import Training
from cvn_harness_core.harness.rows import require_rows
from cvn_harness_core.policy import TrainingPolicy
from cvn_harness_core.store.folds import KeepFold, keep_in, keep_nothing

if TYPE_CHECKING:
    from cvn_harness_core.search.engine import Found

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


class _Unfinished(Exception):  # noqa: N818
    """There is an artifact, and it is no answer to its key: nothing is kept."""


class Ran(NamedTuple):
    """An artifact, and whether it was in the store already (None where no store was used)."""

    artifact: TrainedArtifact
    hit: bool | None


def run(training: Training, base_of: BaseOf) -> Ran:
    """Return the artifact: from the store if it is there, else trained, and kept there.

    One whose search was ended by its timeout is not kept: the same call may go on with it.
    ``base_of`` finds the bases of an ensemble that is read.
    """
    store, tags = training.request.store, training.request.all_tags
    log = RunLog(uuid.uuid4().hex, training.kind, training.spec.name, tags)
    if store is None or training.key is None:
        return Ran(_train(training, log), None)
    made: list[TrainedArtifact] = []

    def make() -> tuple[dict[str, Any], dict[str, bytes]]:
        made.append(_train(training, log))
        if not _is_whole(training, made[0]):
            raise _Unfinished
        return encode(made[0], embed=False)

    try:
        found = store.compute(training.key, make, log=log)
    except _Unfinished:
        return Ran(made[0], hit=False)
    if made:
        return Ran(made[0], hit=False)
    entry = found.entry
    artifact = decode(entry.facts, entry.files, base_of, str(entry.path))
    effective = with_places(artifact.effective_params, training.parameters)
    artifact = replace(artifact, tags=tags, effective_params=effective)
    OBSERVERS.notify("cvn_artifact_ready", artifact=artifact, hit=True)
    return Ran(artifact, hit=True)


def _train(training: Training, log: RunLog) -> TrainedArtifact:
    request, policy, spec, key = training.request, training.policy, training.spec, training.key
    datasets = request.datasets
    assert isinstance(datasets.feature_version, FeatureVersion)
    digest = datasets.digest_of(request.content)
    versions = {
        **training.versions,
        **({} if training.search is None else training.search.versions),
    }
    trace, started = Trace(), time.perf_counter()
    found: Found | None = None
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
        trace.stage = "rows"
        require_rows(training)
        if training.search is not None:
            from cvn_harness_core.search.engine import search

            trace.stage = "search"
            found = search(training, log, request.on_trial, request.stop_wanted)
            space = training.search.space
            winner = with_dropped(found.parameters, training.parameters, space)
            training = training.settled(winner)
        out = guarded(
            training.dags,
            [*_OUTPUTS, *training.diagnostics],
            {
                "datasets": datasets,
                "spec": spec,
                "adapter": training.adapter,
                "policy": policy,
                "parameters": dict(training.parameters),
                "seed": training.seed,
                "n_threads": training.n_threads,
                "run_log": log,
                "keep_fold": _keep_fold(training, log),
                "prepare": training.adapter.prepare if found is None else found.prepared,
                "watch": None,
                **training.inputs,
            },
            trace,
            {} if found is None or found.fitted is None else {"fitted": found.fitted},
        )
        if policy.on_unhealthy == "error":
            trace.stage = "training_health"
            out["training_health"].require_usable(spec.name)
        trace.stage = "artifact"
        seconds = time.perf_counter() - started
        unseen = out["out_of_fold"]
        threads_of_fit = training.n_threads
        if found is not None and found.fitted is not None:
            threads_of_fit = found.n_threads
        artifact = TrainedArtifact(
            name=spec.name,
            kind=training.kind,
            run_id=log.run_id,
            decision=out["theta_sweep"],
            metrics=out["eval_metrics"],
            params=training.fixed,
            effective_params=out["effective_params"],
            params_digest=digest_of_params(out["effective_params"]),
            learning_curve=out["learning_curve"],
            search=None if found is None else found.record,
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
            n_threads=threads_of_fit,
            content_key=None if key is None else key.digest,
            bases=tuple(training.bases),
            lineage=tuple(base.key.digest for base in training.bases.values() if base.key),
            n_unscored=0 if unseen is None else unseen.n_unscored,
            environment=versions,
            timings={"total": seconds, **trace.seconds},
            diagnostics=plain({name: out[name] for name in training.diagnostics}),
            tags=request.all_tags,
            adapter=training.adapter,
            native=out["native"],
            out_of_fold_scores=unseen,
        )
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
    log.emit(
        TrainingComplete,
        seconds=seconds,
        best_iteration=artifact.best_iteration,
        theta=artifact.theta,
        health=artifact.health.verdict,
        tradability=artifact.tradability.verdict,
        metrics={name: m.figures() for name, m in artifact.metrics.items()},
    )
    OBSERVERS.notify("cvn_artifact_ready", artifact=artifact, hit=False)
    return artifact


def _is_whole(training: Training, artifact: TrainedArtifact) -> bool:
    """Return whether all trials that were asked for are finished, those of the bases included."""
    asked = 0 if training.search is None else training.search.settings.n_trials
    done = 0 if artifact.search is None else len(artifact.search.trials)
    bases = artifact.native.bases if training.bases else ()
    return done >= asked and all(_is_whole(training.bases[base.name], base) for base in bases)


def _keep_fold(training: Training, log: RunLog) -> KeepFold:
    store, key = training.request.store, training.key
    if store is None or key is None:
        return keep_nothing
    return partial(keep_in, store, lambda number: fold_key(key, training.policy, number), log)


def _policy_facts(policy: TrainingPolicy, rule: ThetaRule) -> dict[str, Any]:
    settings = {f.name: getattr(policy, f.name) for f in fields(policy)}
    how: dict[str, Any] = plain(rule) if is_dataclass(rule) else {}
    facts: dict[str, Any] = plain({**settings, "theta": {"rule": rule.name, **how}})
    return facts
