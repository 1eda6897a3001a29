"""The training policy: the decisions that hold for every model alike."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal, get_args

from cvn_harness_core.contracts.calibration import Calibration
from cvn_harness_core.contracts.checks import integer, real
from cvn_harness_core.contracts.health import HealthLimits
from cvn_harness_core.contracts.model import StoppingMetric
from cvn_harness_core.contracts.out_of_fold import OutOfFold
from cvn_harness_core.contracts.theta import ThetaRule
from cvn_harness_core.errors import InputError
from cvn_harness_core.theta.expected_value import ExpectedValue
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
class ByMoney:
    """One rule where returns or a payoff are known, another where neither is."""

    known: ThetaRule = field(default_factory=ExpectedValue)
    unknown: ThetaRule = field(default_factory=F1Capped)


@dataclass(frozen=True)
class TrainingPolicy:
    """How to train and how to decide, the same for every model.

    Parameters
    ----------
    name
        What events and artifacts call it.
    theta
        The rule that picks the threshold; by default the economic one where money is known, else
        the capped F1.
    class_balance
        ``"none"``; ``"auto"``, which weighs positives by negatives over positives of the training
        labels; or that weight.
    prior_correction
        Whether what a class weight does to the scores is undone, exactly, before anything is
        decided by them; validation is then weighed like training, so that early stopping watches
        what is fitted. Without it the artifact's scores are ``weight_inflated``.
    calibration
        None leaves the scores as they are.
    out_of_fold
        Forward folds over the training rows, on whose scores theta is then picked (and the
        calibrator fitted). None uses validation, and costs no fits.
    early_stopping
        None trains to the ceiling.
    health
        The limits of ``training_health``.
    on_unhealthy
        ``"report"`` returns an unhealthy fit with its verdict; ``"error"`` raises FitError
        ``training_unhealthy``.
    costs
        The round-trip costs at which the theta curve shows expectancy; None takes none, one, two
        and three times the payoff's.
    """

    name: str = "economic"
    theta: ThetaRule | Declared | ByMoney = field(default_factory=ByMoney)
    class_balance: Literal["none", "auto"] | float = "none"
    prior_correction: bool = True
    calibration: Calibration | None = None
    out_of_fold: OutOfFold | None = None
    early_stopping: EarlyStopping | None = field(default_factory=EarlyStopping)
    health: HealthLimits = field(default_factory=HealthLimits)
    on_unhealthy: Literal["report", "error"] = "report"
    costs: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        rule = self.theta
        if isinstance(rule, type) or not isinstance(rule, ThetaRule | Declared | ByMoney):
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
        for name, kind, example in (
            ("prior_correction", bool, "True or False"),
            ("early_stopping", EarlyStopping | None, "EarlyStopping(rounds=...), or None"),
            ("calibration", Calibration | None, "Calibration('sigmoid'), or None"),
            ("out_of_fold", OutOfFold | None, "OutOfFold(n_folds=4), or None"),
            ("health", HealthLimits, "HealthLimits(...)"),
        ):
            if not isinstance(getattr(self, name), kind):
                message = f"TrainingPolicy.{name} is {getattr(self, name)!r}; it must be {example}."
                raise InputError("setting_invalid", message)
        if self.costs is not None:
            if isinstance(self.costs, str) or not isinstance(self.costs, Iterable):
                message = f"TrainingPolicy.costs is {self.costs!r}; give several, as (0.0, 0.05)."
                raise InputError("setting_invalid", message)
            costs = tuple(real("TrainingPolicy.costs", cost, low=0) for cost in self.costs)
            object.__setattr__(self, "costs", costs)
        inflates = balance not in {"none", 1.0} and not self.prior_correction
        if inflates and isinstance(rule, ByMoney | ExpectedValue):
            message = (
                "TrainingPolicy: a cut by money needs probabilities, and class_balance without "
                "prior_correction inflates them; leave prior_correction on, or choose a rule."
            )
            raise InputError("setting_invalid", message)
        if self.on_unhealthy not in ("report", "error"):
            message = (
                f"TrainingPolicy.on_unhealthy is {self.on_unhealthy!r}; it must be 'report' or "
                "'error'."
            )
            raise InputError("setting_invalid", message)

    @classmethod
    def economic(cls) -> TrainingPolicy:
        """Return the default policy: no class weight, the cut that earns most, one rule for all."""
        return cls()

    @classmethod
    def adr0089(cls) -> TrainingPolicy:
        """Return the original design, for parity and comparison.

        Automatic class weight; the rule that each model declares (XGBoost: 0.5), else the
        19-point F1 grid on validation. It over-trades; see ``F1Grid``.
        """
        return cls(
            name="adr0089",
            theta=Declared(F1Grid()),
            class_balance="auto",
            prior_correction=False,
        )

    @property
    def embargo(self) -> timedelta:
        """The embargo of the forward folds, and of what their scores are divided into."""
        return timedelta(0) if self.out_of_fold is None else self.out_of_fold.embargo

    def rule_for(self, declared: ThetaRule | None, *, money_known: bool) -> ThetaRule:
        """Return the rule for a model that declares ``declared``, on data with money or without."""
        if isinstance(self.theta, Declared):
            return declared or self.theta.otherwise
        if isinstance(self.theta, ByMoney):
            return self.theta.known if money_known else self.theta.unknown
        return self.theta


POLICIES = {"economic": TrainingPolicy.economic, "adr0089": TrainingPolicy.adr0089}
"""The presets by name, for command lines and plans."""
