"""What a results file says of an artifact, in plain JSON values."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from cvn_harness_core import TrainedArtifact


def artifact_facts(artifact: TrainedArtifact) -> dict[str, Any]:
    """Return the artifact's facts without its model, its curve and its per-stage timings."""
    decision = asdict(artifact.decision)
    decision.pop("curve")
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
        "decision": {"status": artifact.decision.status, **decision},
        "metrics": {name: asdict(metrics) for name, metrics in artifact.metrics.items()},
        "learning_curve": asdict(artifact.learning_curve),
        "health": asdict(artifact.health),
        "probability": asdict(artifact.probability),
        "break_even": None if artifact.payoff is None else artifact.payoff.break_even,
        "effective_params": {n: asdict(p) for n, p in artifact.effective_params.items()},
        "datasets_digest": artifact.datasets_digest,
        "policy": artifact.policy,
        "seed": artifact.seed,
        "n_threads": artifact.n_threads,
        "environment": artifact.environment,
        "seconds": artifact.timings["total"],
    }
