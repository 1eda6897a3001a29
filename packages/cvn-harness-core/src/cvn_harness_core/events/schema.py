"""The events, declared once, as types. The contract test reads these declarations.

Fields that a model may not have (no early stopping, no such figure) are present and null.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, ClassVar, Literal

from cvn_harness_core.contracts.read_only import freeze

SCHEMA_VERSION = 1


@dataclass(frozen=True, kw_only=True)
class Event:
    """What every event carries. ``run_id`` is one training; tags name symbol, fold and variant.

    ``part_of`` is the ``run_id`` of the training that this one is made for, as a base is for its
    ensemble.
    """

    event: ClassVar[str]
    level: ClassVar[str] = "info"
    run_id: str | None = None
    part_of: str | None = None
    kind: str | None = None
    model: str | None = None
    symbol: str | None = None
    fold: str | None = None
    variant: str | None = None

    def __post_init__(self) -> None:
        freeze(self)

    def as_dict(self) -> dict[str, Any]:
        """Return the event as a flat mapping, name and schema version first."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return {"event": self.event, "schema": SCHEMA_VERSION, **values}


@dataclass(frozen=True, kw_only=True)
class TrainingStarted(Event):
    """Inputs were accepted and a fit begins."""

    event: ClassVar[str] = "training_started"
    policy: str
    n_train: int
    n_val: int
    n_test: int
    n_features: int
    feature_version: str
    datasets_digest: str
    params: dict[str, Any]
    seed: int
    n_threads: int


@dataclass(frozen=True, kw_only=True)
class ClassBalanceApplied(Event):
    """How much positives weigh in this fit (1 where nothing was applied)."""

    event: ClassVar[str] = "class_balance_applied"
    positive_weight: float
    source: Literal["none", "auto", "policy", "user"]
    probability: str
    prevalence_train: float
    prevalence_val: float


@dataclass(frozen=True, kw_only=True)
class LearningCurveRecorded(Event):
    """What boosting did, iteration by iteration, in summary."""

    event: ClassVar[str] = "learning_curve"
    metric: str | None
    best_iteration: int | None
    n_iterations: int | None
    ceiling: int | None
    stopping_rounds: int | None
    train_first: float | None
    train_best: float | None
    train_last: float | None
    val_first: float | None
    val_best: float | None
    val_last: float | None


@dataclass(frozen=True, kw_only=True)
class CalibrationApplied(Event):
    """What became of the scores on their way to probabilities (status off: nothing was asked)."""

    event: ClassVar[str] = "calibration_applied"
    status: Literal["off", "applied", "refused"]
    reason: str | None
    method: str | None
    source: Literal["validation", "out_of_fold"] | None
    rows: int
    positives: int
    brier_before: float | None
    brier_after: float | None
    ece_before: float | None
    ece_after: float | None
    probability: str


@dataclass(frozen=True, kw_only=True)
class ThetaPicked(Event):
    """The decision threshold, or NO_TRADE and why; figures of the rows that it was picked on."""

    event: ClassVar[str] = "theta_picked"
    rule: str
    status: Literal["TRADE", "NO_TRADE"]
    theta: float | None
    reason: str | None
    source: Literal["validation", "out_of_fold"]
    n: int
    n_signals: int
    buy_rate: float
    min_buy_rate: float
    max_buy_rate: float
    f1_buy: float
    precision_buy: float | None
    expectancy: float | None
    predicted_expectancy: float | None
    theta_low: float | None
    theta_high: float | None


@dataclass(frozen=True, kw_only=True)
class ThetaAlarm(Event):
    """The buy rate on test is not the one that theta was picked for."""

    event: ClassVar[str] = "theta_alarm"
    level: ClassVar[str] = "warning"
    rule: str
    theta: float | None
    alarm: Literal["above_band", "below_band", "above_predicted", "below_predicted"]
    predicted_buy_rate: float
    realised_buy_rate: float
    min_buy_rate: float
    max_buy_rate: float
    predicted_expectancy: float | None
    realised_expectancy: float | None


@dataclass(frozen=True, kw_only=True)
class TrainingHealthJudged(Event):
    """Whether the fit deserves trust."""

    event: ClassVar[str] = "training_health"
    verdict: Literal["healthy", "suspect", "unhealthy"]
    reasons: list[str]
    best_iteration_share: float | None
    score_std_val: float | None
    distinct_scores_val: float | None
    roc_auc_gap: float | None
    psi_max: float
    prevalence_ratio: float
    positive_weight: float
    worst_psi: dict[str, float]


@dataclass(frozen=True, kw_only=True)
class BaseDominates(Event):
    """One base of an ensemble has so much of the weight that the others hardly matter."""

    event: ClassVar[str] = "base_dominates"
    level: ClassVar[str] = "warning"
    base: str
    share: float
    limit: float


@dataclass(frozen=True, kw_only=True)
class TrainingComplete(Event):
    """The artifact exists; its leading figures."""

    event: ClassVar[str] = "training_complete"
    seconds: float
    best_iteration: int | None
    theta: float | None
    health: Literal["healthy", "suspect", "unhealthy"]
    tradability: Literal["tradable", "unproven", "not_tradable", "unknown"]
    metrics: dict[str, dict[str, float | None]]


@dataclass(frozen=True, kw_only=True)
class TrainingFailed(Event):
    """The training ended with an error, in the named stage (a node of the DAG)."""

    event: ClassVar[str] = "training_failed"
    level: ClassVar[str] = "error"
    stage: str
    error: str
    code: str | None
    message: str
    seconds: float


@dataclass(frozen=True, kw_only=True)
class ArtifactSaved(Event):
    """A bundle is on disk."""

    event: ClassVar[str] = "artifact_saved"
    path: str
    size_bytes: int
    manifest_sha256: str


@dataclass(frozen=True, kw_only=True)
class CacheHit(Event):
    """The store had what was asked for; nothing was trained. ``seconds`` includes any waiting."""

    event: ClassVar[str] = "cache_hit"
    key: str
    path: str
    size_bytes: int
    seconds: float


@dataclass(frozen=True, kw_only=True)
class CacheMiss(Event):
    """The store did not have it, and what differs from the nearest that it has."""

    event: ClassVar[str] = "cache_miss"
    key: str
    reason: str
    nearest: str | None
    differs: list[str]


@dataclass(frozen=True, kw_only=True)
class CacheCorrupt(Event):
    """An entry of the store is damaged: moved to quarantine (or left, if nothing can be moved)."""

    event: ClassVar[str] = "cache_corrupt"
    level: ClassVar[str] = "warning"
    key: str
    path: str
    quarantine: str | None
    fault: str


@dataclass(frozen=True, kw_only=True)
class PluginRejected(Event):
    """A plugin could not be used, and why."""

    event: ClassVar[str] = "plugin_rejected"
    level: ClassVar[str] = "warning"
    plugin: str
    distribution: str
    version: str
    target: str
    code: str
    message: str


@dataclass(frozen=True, kw_only=True)
class HpoTrialComplete(Event):
    """A trial of a search ended, and was kept."""

    event: ClassVar[str] = "hpo_trial_complete"
    study: str
    trial: int
    state: Literal["complete", "pruned", "failed"]
    value: float | None
    params: dict[str, Any]
    best_iteration: int | None
    ceiling: int | None
    theta: float | None
    buy_rate: float | None
    seconds: float
    peak_bytes: int | None
    code: str | None


@dataclass(frozen=True, kw_only=True)
class HpoComplete(Event):
    """A search ended; the training goes on with its best trial."""

    event: ClassVar[str] = "hpo_complete"
    study: str
    objective: str
    value: float
    best_trial: int
    n_trials: int
    n_complete: int
    n_pruned: int
    n_failed: int
    params: dict[str, Any]
    seconds: float


EVENTS: dict[str, type[Event]] = {
    cls.event: cls
    for cls in (
        TrainingStarted,
        HpoTrialComplete,
        HpoComplete,
        ClassBalanceApplied,
        LearningCurveRecorded,
        CalibrationApplied,
        ThetaPicked,
        ThetaAlarm,
        TrainingHealthJudged,
        BaseDominates,
        TrainingComplete,
        TrainingFailed,
        ArtifactSaved,
        CacheHit,
        CacheMiss,
        CacheCorrupt,
        PluginRejected,
    )
}
"""Every event of schema version 1, by name."""
