"""What a results file says of an artifact, in plain JSON values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from cvn_harness_core import SearchRecord, ThetaDecision, TrainedArtifact


def artifact_facts(artifact: TrainedArtifact, *, curve: bool = False) -> dict[str, Any]:
    """Return the artifact's facts without its model and its per-stage timings.

    The theta curve, up to 512 points, is left out unless ``curve`` is True; what a signal earns at
    theta, at each cost of the curve, is in ``decision.expectancy_by_cost`` all the same.
    """
    decision = asdict(artifact.decision)
    if not curve:
        decision.pop("curve")
    by_cost = [
        {"cost": cost, "expectancy": net} for cost, net in expectancy_by_cost(artifact.decision)
    ]
    return {
        "name": artifact.name,
        "kind": artifact.kind,
        "run_id": artifact.run_id,
        "tags": artifact.tags,
        "feature_version": artifact.feature_version.name,
        "features": list(artifact.feature_version.feature_names),
        "payoff": None if artifact.payoff is None else asdict(artifact.payoff),
        "params": artifact.params,
        "diagnostics": artifact.diagnostics,
        "theta": artifact.theta,
        "decision": {
            "status": artifact.decision.status,
            **decision,
            "expectancy_by_cost": by_cost,
        },
        "outcome": asdict(artifact.outcome),
        "tradability": asdict(artifact.tradability),
        "metrics": {name: asdict(metrics) for name, metrics in artifact.metrics.items()},
        "learning_curve": asdict(artifact.learning_curve),
        "health": asdict(artifact.health),
        "probability": asdict(artifact.probability),
        "calibration": asdict(artifact.calibration),
        "out_of_fold": [asdict(fold) for fold in artifact.out_of_fold],
        "break_even": None if artifact.payoff is None else artifact.payoff.break_even,
        "effective_params": {n: asdict(p) for n, p in artifact.effective_params.items()},
        "params_digest": artifact.params_digest,
        "search": None if artifact.search is None else asdict(artifact.search),
        "bases": list(artifact.bases),
        "lineage": list(artifact.lineage),
        "content_key": artifact.content_key,
        "datasets_digest": artifact.datasets_digest,
        "policy": artifact.policy,
        "seed": artifact.seed,
        "n_threads": artifact.n_threads,
        "environment": artifact.environment,
        "seconds": artifact.timings["total"],
    }


def expectancy_by_cost(decision: ThetaDecision) -> list[tuple[float, float]]:
    """Return what a signal at theta earned on the deciding rows, net of each cost of the curve.

    Empty where there is no theta, no signal or no money.
    """
    curve = decision.curve
    if curve is None or decision.theta is None or not decision.n_signals:
        return []
    at = curve.theta.index(decision.theta)
    by_cost = zip(curve.costs, curve.expectancy, strict=True)
    return [(cost, net) for cost, points in by_cost if (net := points[at]) is not None]


def bases_of(artifact: TrainedArtifact) -> tuple[TrainedArtifact, ...]:
    """Return the bases of an ensemble, in order; none of a model."""
    return tuple(artifact.native.bases) if artifact.kind == "ensemble" else ()


def searches_of(artifact: TrainedArtifact) -> Iterator[tuple[str, SearchRecord]]:
    """Yield the searches behind an artifact, by model: its own, or its bases', however deep."""
    if artifact.search is not None:
        yield artifact.name, artifact.search
    for base in bases_of(artifact):
        yield from searches_of(base)
