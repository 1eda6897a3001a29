"""The training policy: the decisions that hold for every model alike."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

from cvn_harness_core.contracts.checks import integer, real
from cvn_harness_core.contracts.health import HealthLimits
from cvn_harness_core.contracts.model import StoppingMetric
from cvn_harness_core.contracts.theta import ThetaRule
from cvn_harness_core.errors import InputError
from cvn_harness_core.theta.f1_capped import F1Capped
from cvn_harness_core.theta.f1_grid import F1Grid


@dataclass(frozen=True)
class EarlyStopping:
    """Stop when ``metric`` on validation has not improved by ``min_delta`` for ``rounds``.

    ``metric`` goes by its scikit-learn-like name; the plugin translates it.
    """

    rounds: int = 50
    metric: StoppingMetric = "log_loss"
    min_delta: float = 0.0

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "rounds", integer("EarlyStopping.rounds", self.rounds, low=1))
        put(self, "min_delta", real("EarlyStopping.min_delta", self.min_delta, low=0))
        if self.metric not in get_args(StoppingMetric):
            message = (
                f"EarlyStopping.metric is {self.metric!r}; it must be one of "
                f"{', '.join(get_args(StoppingMetric))}."
            )
            raise InputError("setting_invalid", message)


@dataclass(frozen=True)
class Declared:
    """The rule that a model's own specification declares, else ``otherwise``."""

    otherwise: ThetaRule = field(default_factory=F1Grid)


@dataclass(frozen=True)
class TrainingPolicy:
    """How to train and how to decide, the same for every model.

    Parameters
    ----------
    name
        What events and artifacts call it.
    theta
        The rule that picks the threshold.
    class_balance
        ``"none"``; ``"auto"``, which weighs positives by negatives over positives of the training
        labels; or that weight. Any weight but 1 inflates probabilities, and the artifact says so.
    early_stopping
        None trains to the ceiling.
    health
        The limits of ``training_health``.
    on_unhealthy
        ``"report"`` returns an unhealthy fit with its verdict; ``"error"`` raises FitError
        ``training_unhealthy``.
    """

    name: str = "economic"
    theta: ThetaRule | Declared = field(default_factory=F1Capped)
    class_balance: Literal["none", "auto"] | float = "none"
    early_stopping: EarlyStopping | None = field(default_factory=EarlyStopping)
    health: HealthLimits = field(default_factory=HealthLimits)
    on_unhealthy: Literal["report", "error"] = "report"

    def __post_init__(self) -> None:
        rule = self.theta
        if isinstance(rule, type) or not isinstance(rule, ThetaRule | Declared):
            message = (
                f"TrainingPolicy.theta is {self.theta!r}; give a rule: Fixed(0.5), F1Capped() or "
                "any object with a name and decide(evidence)."
            )
            raise InputError("setting_invalid", message)
        balance = self.class_balance
        if isinstance(balance, str) and balance not in ("none", "auto"):
            message = (
                f"TrainingPolicy.class_balance is {balance!r}; it must be 'none', 'auto' or a "
                "positive weight."
            )
            raise InputError("setting_invalid", message)
        if not isinstance(balance, str):
            weight = real("TrainingPolicy.class_balance", balance, low=0, open_low=True)
            object.__setattr__(self, "class_balance", weight)
        if not isinstance(self.early_stopping, EarlyStopping | None):
            message = (
                f"TrainingPolicy.early_stopping is {self.early_stopping!r}; it must be "
                "EarlyStopping(rounds=...), or None."
            )
            raise InputError("setting_invalid", message)
        if not isinstance(self.health, HealthLimits):
            message = f"TrainingPolicy.health is {self.health!r}; it must be HealthLimits(...)."
            raise InputError("setting_invalid", message)
        if self.on_unhealthy not in ("report", "error"):
            message = (
                f"TrainingPolicy.on_unhealthy is {self.on_unhealthy!r}; it must be 'report' or "
                "'error'."
            )
            raise InputError("setting_invalid", message)

    @classmethod
    def economic(cls) -> TrainingPolicy:
        """Return the default policy: no class weight, a capped buy rate, one rule for all."""
        return cls()

    @classmethod
    def adr0089(cls) -> TrainingPolicy:
        """Return the original design, for parity and comparison.

        Automatic class weight; the rule that each model declares (XGBoost: 0.5), else the
        19-point F1 grid on validation. It over-trades; see ``F1Grid``.
        """
        return cls(name="adr0089", theta=Declared(F1Grid()), class_balance="auto")

    def rule_for(self, declared: ThetaRule | None) -> ThetaRule:
        """Return the rule to use for a model whose specification declares ``declared``."""
        if isinstance(self.theta, Declared):
            return declared or self.theta.otherwise
        return self.theta


POLICIES = {"economic": TrainingPolicy.economic, "adr0089": TrainingPolicy.adr0089}
"""The presets by name, for command lines and plans."""
