"""Everything that is known of a trained model except the model itself: pure, JSON-like data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from cvn_harness_core.contracts.calibration import CalibrationReport, ScoreMap
from cvn_harness_core.contracts.curve import CurveSummary
from cvn_harness_core.contracts.features import FeatureVersion
from cvn_harness_core.contracts.health import TrainingHealth
from cvn_harness_core.contracts.metrics import SplitMetrics
from cvn_harness_core.contracts.out_of_fold import FoldProof
from cvn_harness_core.contracts.params import EffectiveParam, ParamValue
from cvn_harness_core.contracts.payoff import Payoff
from cvn_harness_core.contracts.probability import Probability
from cvn_harness_core.contracts.read_only import freeze
from cvn_harness_core.contracts.search import SearchRecord
from cvn_harness_core.contracts.theta import ThetaDecision, ThetaOutcome
from cvn_harness_core.contracts.tradability import Tradability


@dataclass(frozen=True, kw_only=True)
class ArtifactRecord:
    """The facts of one training. Its dicts and lists are read-only; ``copy.deepcopy`` gives others.

    Parameters
    ----------
    name, kind
        The registered name, and whether it is a model or an ensemble.
    run_id
        The run's id in its events.
    decision
        How theta was picked, with its curve.
    metrics
        ``SplitMetrics`` for ``train``, ``val`` and, where it has rows, ``test``.
    params
        What the user fixed, by canonical names.
    effective_params
        What the fitted model says it used, who chose each value, and what that replaced.
    params_digest
        BLAKE3 of everything that was asked for (``digest_of_params``); empty in a bundle of an
        earlier release.
    learning_curve
        Stopping metric, best iteration, ceiling, and the curve in summary.
    health
        The verdict on the fit.
    search
        The search that chose parameters, with every trial; None without one.
    probability
        What the scores are: raw, inflated by a class weight, corrected for it, or calibrated.
    score_map
        How they come from the library's: the weight to undo, and the calibrator.
    calibration
        What became of the calibration that the policy asked for.
    out_of_fold
        What each forward fold was fitted on and what it scored; empty without out-of-fold scores.
    outcome
        Predicted and realised buy rate and expectancy.
    tradability
        Whether the signals would have paid on test.
    feature_version, datasets_digest
        What it was trained on.
    payoff
        What its money figures assume, if anything.
    policy
        The policy's settings.
    seed, n_threads
        As used: of the model that a search found, the threads of its trial.
    content_key
        What the training depends on, in one digest: the same key, the same artifact. None where no
        store was used.
    bases, lineage
        Names of the bases and, where a store was used, their content keys; empty for a model.
    n_unscored
        Training rows without an out-of-fold score.
    environment
        Versions of Python, the harness, the plugin and its libraries.
    timings
        Seconds by stage.
    diagnostics
        What the plugin's own nodes add, for instance feature importances.
    tags
        Labels of the run: symbol, fold, variant.
    """

    name: str
    kind: Literal["model", "ensemble"]
    run_id: str
    decision: ThetaDecision
    metrics: dict[str, SplitMetrics]
    params: dict[str, ParamValue]
    effective_params: dict[str, EffectiveParam]
    learning_curve: CurveSummary
    health: TrainingHealth
    probability: Probability
    score_map: ScoreMap
    calibration: CalibrationReport
    out_of_fold: tuple[FoldProof, ...]
    outcome: ThetaOutcome
    tradability: Tradability
    feature_version: FeatureVersion
    datasets_digest: str
    payoff: Payoff | None
    policy: dict[str, Any]
    seed: int
    n_threads: int
    content_key: str | None
    bases: tuple[str, ...]
    lineage: tuple[str, ...]
    n_unscored: int
    environment: dict[str, str]
    timings: dict[str, float]
    search: SearchRecord | None = None
    params_digest: str = ""
    diagnostics: dict[str, Any] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        freeze(self)

    @property
    def theta(self) -> float | None:
        """The decision threshold; None means NO_TRADE."""
        return self.decision.theta

    @property
    def best_iteration(self) -> int | None:
        """How many boosting iterations prediction uses, counted from 1."""
        return self.learning_curve.best_iteration
