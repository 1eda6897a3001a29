"""What of an artifact becomes parameters, tags and metrics."""

from __future__ import annotations

from collections.abc import Iterator

from cvn_harness_core import EffectiveParam, TrainedArtifact, TrialRecord
from cvn_tracking_mlflow.client import Notes
from cvn_tracking_mlflow.text import is_secret

DESCRIPTION = "mlflow.note.content"


def notes_of(artifact: TrainedArtifact) -> Notes:
    """Return all that was chosen, and all figures.

    What the library reports of itself, often more than a hundred values, is in ``artifact.json``. A
    figure that is undefined is a tag with its reason, and no metric.
    """
    notes = Notes(params=_settings(artifact), tags=_tags(artifact))
    for name, param in chosen(artifact).items():
        value = param.requested if param.value is None else param.value
        if value is not None:
            notes.params[name] = value
        notes.tags[f"{name}.source"] = param.source
        if param.overridden:
            notes.tags[f"{name}.overridden"] = _overridden(param)
    for split, figures in artifact.metrics.items():
        for name, figure in figures.figures().items():
            if figure is not None:
                notes.metrics.append((f"{split}/{name}", float(figure), 0))
        for name, reason in figures.undefined.items():
            notes.tags[f"undefined.{split}/{name}"] = reason
    notes.metrics += [
        (name, float(value), 0) for name, value in _figures(artifact) if value is not None
    ]
    return notes


def chosen(artifact: TrainedArtifact) -> dict[str, EffectiveParam]:
    """Return the parameters that someone chose, the plugin, a policy or a user, or replaced."""
    params = artifact.effective_params.items()
    return {name: p for name, p in params if p.source != "library" or p.overridden}


def notes_of_trial(trial: TrialRecord, *, best: bool) -> Notes:
    """Return what is logged of one trial of a search."""
    notes = Notes(
        params=dict(trial.params),
        tags={
            "cvn.trial_state": trial.state,
            "cvn.best": True if best else None,
            "cvn.error.code": trial.code,
            "cvn.error.message": trial.message,
        },
        metrics=[("seconds", trial.seconds, 0)],
    )
    figures = {
        "value": trial.value,
        "theta": trial.theta,
        "buy_rate": trial.buy_rate,
        "best_iteration": None if trial.curve is None else trial.curve.best_iteration,
    }
    notes.metrics += [(name, float(v), 0) for name, v in figures.items() if v is not None]
    return notes


def _settings(artifact: TrainedArtifact) -> dict[str, object]:
    return {
        "cvn.policy": artifact.policy.get("name"),
        "cvn.theta_rule": artifact.decision.rule,
        "cvn.seed": artifact.seed,
        "cvn.n_threads": artifact.n_threads,
        "cvn.n_features": len(artifact.feature_version.feature_names),
        "cvn.feature_version": artifact.feature_version.name,
        **({"cvn.bases": artifact.bases} if artifact.bases else {}),
    }


def _tags(artifact: TrainedArtifact) -> dict[str, object]:
    own = {f"cvn.{name}": v for name, v in artifact.tags.items() if not is_secret(name)}
    versions = {f"cvn.version.{name}": v for name, v in artifact.environment.items()}
    search = artifact.search
    return {
        **own,
        **versions,
        DESCRIPTION: artifact.tradability.sentence,
        "cvn.run_id": artifact.run_id,
        "cvn.decision": artifact.decision.status,
        "cvn.no_trade_reason": artifact.decision.reason,
        "cvn.tradability": artifact.tradability.verdict,
        "cvn.health": artifact.health.verdict,
        "cvn.health_reasons": artifact.health.reasons or None,
        "cvn.theta_alarm": artifact.outcome.alarm,
        "cvn.probability": artifact.probability,
        "cvn.calibration": artifact.calibration.status,
        "cvn.datasets_digest": artifact.datasets_digest,
        "cvn.params_digest": artifact.params_digest,
        "cvn.content_key": artifact.content_key,
        "cvn.study": None if search is None else search.study,
        "cvn.objective": None if search is None else search.objective,
    }


def _figures(artifact: TrainedArtifact) -> Iterator[tuple[str, float | None]]:
    decision, outcome, curve = artifact.decision, artifact.outcome, artifact.learning_curve
    yield "theta", decision.theta
    yield "best_iteration", curve.best_iteration
    yield "train_seconds", artifact.timings.get("total")
    yield "predicted/buy_rate", outcome.predicted_buy_rate
    yield "predicted/expectancy", outcome.predicted_expectancy
    yield "learning_curve/train_best", curve.train_best
    yield "learning_curve/val_best", curve.val_best
    if artifact.search is not None:
        yield "search/value", artifact.search.value
        yield "search/n_trials", len(artifact.search.trials)
        yield "search/n_trials_on_data", artifact.search.n_trials_on_data


def _overridden(param: EffectiveParam) -> str:
    return ", ".join(f"{old.value} ({old.source})" for old in param.overridden)
