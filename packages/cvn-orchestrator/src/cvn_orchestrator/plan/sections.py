"""The tables of a plan, as types: every key, what it may be, and what it is by default."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

Name = Annotated[str, Meta(min_length=1)]
Count = Annotated[int, Meta(ge=1)]
Amount = Annotated[float, Meta(ge=0, le=1e12)]
Seed = Annotated[int, Meta(ge=0, le=2**31 - 1)]
Days = Annotated[float, Meta(ge=0, le=36_500)]


class PlanSection(Struct, frozen=True):
    """The whole file."""

    data: dict[str, Any]
    splits: dict[str, Any]
    sweep: dict[str, Any]
    variants: dict[str, Any]
    policy: dict[str, Any] = {}


class DataSection(Struct, frozen=True):
    """``[data]``: a table and its columns; see ``Schema``. ``path`` is relative to the plan."""

    path: Name
    time: Name
    label: Name
    symbol: Name | None = None
    symbol_from_file: bool = False
    label_end: Name | None = None
    returns: Name | None = None
    weight: Name | None = None
    features: list[Name] | None = None
    exclude: list[Name] = []
    feature_version: Name = "unversioned"
    payoff: Annotated[str, Meta(pattern=r"^[^/]+/[^/]+(/[^/]+)?$")] | None = None


class AnySplitsSection(Struct, frozen=True):
    """What splits of every kind have; see ``SplitSettings``."""

    kind: Literal["walk_forward", "combinatorial"]
    embargo_days: Days = 0.0
    purge: bool = True
    incomplete: Literal["fail", "skip", "refuse"] = "fail"


class WalkForwardSection(AnySplitsSection, frozen=True, kw_only=True):
    """``[splits]`` of kind ``walk_forward``; ``train_days`` belongs to the rolling window."""

    n_folds: Count
    val_days: Count
    test_days: Count
    window: Literal["expanding", "rolling"] = "expanding"
    train_days: Count | None = None


class CombinatorialSection(AnySplitsSection, frozen=True, kw_only=True):
    """``[splits]`` of kind ``combinatorial``."""

    n_groups: Count
    n_test_groups: Count


class SweepSection(Struct, frozen=True):
    """``[sweep]``: what is compared with what, and what all cells have in common."""

    name: Name
    baseline: Name
    symbols: list[Name] | Literal["all"] = "all"
    seed: Seed = 0
    threads: Count = 1
    timeframe: Name | None = None
    costs: list[Amount] = []
    retries: Annotated[int, Meta(ge=0)] = 0


class PolicySection(Struct, frozen=True):
    """``[policy]`` and ``variants.NAME.policy``: a preset, and what is changed in it."""

    preset: Literal["economic", "adr0089"] = "economic"
    theta: Name | Annotated[float, Meta(ge=0, le=1)] | None = None
    min_signals: Count | None = None
    max_buy_rate: Annotated[float, Meta(gt=0, le=1)] | None = None
    class_balance: Literal["none", "auto"] | Annotated[float, Meta(gt=0)] | None = None
    prior_correction: bool | None = None
    calibrate: Literal["none", "sigmoid", "isotonic", "venn_abers"] | None = None
    out_of_fold: Annotated[int, Meta(ge=0)] | None = None
    early_stopping: dict[str, Any] | bool | None = None
    health: dict[str, Any] | None = None
    on_unhealthy: Literal["report", "error"] | None = None


class EarlyStoppingSection(Struct, frozen=True):
    """``policy.early_stopping``; see ``EarlyStopping``."""

    rounds: Count = 50
    metric: Literal["log_loss", "roc_auc", "pr_auc"] = "log_loss"
    min_delta: Amount = 0.0


class HealthSection(Struct, frozen=True):
    """``policy.health``; see ``HealthLimits``."""

    min_best_iteration: Amount = 3
    min_score_std: Amount = 1e-3
    min_distinct_scores: Amount = 0.01
    max_auc_gap: Amount = 0.35
    max_auc: Amount = 0.98
    max_psi: Amount = 0.25
    max_prevalence_shift: Annotated[float, Meta(ge=1)] = 1.5


class VariantSection(Struct, frozen=True):
    """``[variants.NAME]``: a model, or an ensemble with its bases, and how it is trained."""

    model: Name | None = None
    ensemble: Name | None = None
    bases: list[Name] | None = None
    policy: str | dict[str, Any] = {}
    params: dict[str, Any] = {}
    search: dict[str, Any] = {}


class SearchSection(Struct, frozen=True):
    """``variants.NAME.search``; see ``HPOParams``.

    Cells run beside one another, and so the trials of one do not, unless they are told to.
    """

    n_trials: Count
    timeout_s: Annotated[float, Meta(gt=0)] | None = None
    objective: Literal["pr_auc", "log_loss", "f1_buy", "expectancy"] = "pr_auc"
    evaluate_on: Literal["validation", "forward_folds"] = "validation"
    sampler: Literal["tpe", "random"] = "tpe"
    pruner: Literal["extrapolation", "hyperband", "median", "none"] = "extrapolation"
    max_concurrent: Count = 1
    n_workers: Count | None = None
    storage: Name | None = None
    space: dict[str, Any] = {}


class RangeSection(Struct, frozen=True):
    """A dimension of a search: an interval; see ``Range``."""

    low: float
    high: float
    log: bool = False
    step: float | None = None


class ChoiceSection(Struct, frozen=True):
    """A dimension of a search: some values; ``unset`` adds the library's own default."""

    choices: list[Any]
    unset: bool = False
