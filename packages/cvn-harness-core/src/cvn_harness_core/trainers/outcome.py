"""What a trainer returns: the artifact, where it came from, and the flat mapping of older hosts."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cvn_harness_core.artifact.trained import TrainedArtifact
from cvn_harness_core.contracts.plain import plain
from cvn_harness_core.harness.training import Ran


@dataclass(frozen=True, eq=False)
class TrainingOutcome:
    """One call of a trainer.

    Parameters
    ----------
    artifact
        What was trained, or read.
    cache_hit
        Whether the store had it, so that nothing was fitted; None without a store. Of an ensemble,
        whether it had the ensemble's own artifact: its bases may be hits after a miss, and after a
        hit one that was evicted is fitted again.
    seconds
        How long the call took, reading included. ``artifact.timings`` are those of the training
        that made the artifact, whenever that was.
    """

    artifact: TrainedArtifact
    cache_hit: bool | None
    seconds: float

    def to_legacy_dict(self) -> dict[str, Any]:
        """Return a flat, JSON-like mapping, for hosts that expect the result of a trainer function.

        ``_via_harness``
            True: what tells this mapping from the result of any other trainer.
        ``model``, ``kind``
            The registered name, and ``model`` or ``ensemble``.
        ``theta``, ``decision``
            The threshold (None: never signal), and ``TRADE`` or ``NO_TRADE``.
        ``best_iteration``
            Boosting iterations that prediction uses, from 1; None for a model that has none.
        ``health``
            ``healthy``, ``suspect`` or ``unhealthy``.
        ``content_key``
            What the artifact is kept under; None without a store.
        ``cache_hit``, ``seconds``
            As above.
        ``{train,val,test}_{figure}``
            Every figure of ``SplitMetrics``: ``train_f1_buy``, ``val_roc_auc``,
            ``test_expectancy``; None where it is undefined, never NaN.
        """
        artifact = self.artifact
        facts: dict[str, Any] = plain(
            {
                "_via_harness": True,
                "model": artifact.name,
                "kind": artifact.kind,
                "theta": artifact.theta,
                "decision": artifact.decision.status,
                "best_iteration": artifact.best_iteration,
                "health": artifact.health.verdict,
                "content_key": artifact.content_key,
                "cache_hit": self.cache_hit,
                "seconds": self.seconds,
                **{
                    f"{split}_{name}": figure
                    for split, metrics in artifact.metrics.items()
                    for name, figure in metrics.figures().items()
                },
            }
        )
        return facts


def timed(train: Callable[[], Ran]) -> TrainingOutcome:
    """Return what ``train`` returns, with how long it took."""
    started = time.perf_counter()
    artifact, hit = train()
    return TrainingOutcome(artifact, hit, time.perf_counter() - started)
