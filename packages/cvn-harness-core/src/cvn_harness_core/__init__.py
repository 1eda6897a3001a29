"""CVN Harness core: one training path for every model, and a threshold that survives trading.

Names are imported when they are first used, so that ``import cvn_harness_core`` stays light.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from cvn_harness_core.__about__ import __version__

if TYPE_CHECKING:
    from cvn_harness_core.artifact.record import ArtifactRecord
    from cvn_harness_core.artifact.trained import TrainedArtifact
    from cvn_harness_core.config.differences import differences as config_differences
    from cvn_harness_core.config.environment import unclaimed as unclaimed_variables
    from cvn_harness_core.config.reading import read_config
    from cvn_harness_core.config.seeding import declared_config, seed_config
    from cvn_harness_core.contracts.calibration import Calibration, CalibrationReport, Calibrator
    from cvn_harness_core.contracts.config import ParamConfig
    from cvn_harness_core.contracts.curve import CurveSummary
    from cvn_harness_core.contracts.datasets import Datasets
    from cvn_harness_core.contracts.ensemble import Combiner, EnsembleSpec, MetaRows
    from cvn_harness_core.contracts.features import FeatureVersion
    from cvn_harness_core.contracts.health import HealthLimits, TrainingHealth
    from cvn_harness_core.contracts.hpo import HPOParams
    from cvn_harness_core.contracts.metrics import SplitMetrics
    from cvn_harness_core.contracts.model import (
        Envelope,
        FitRequest,
        Fitted,
        LearningCurve,
        ModelAdapter,
        ModelSpec,
        Stopping,
    )
    from cvn_harness_core.contracts.observer import ObserverLimits
    from cvn_harness_core.contracts.out_of_fold import OutOfFold
    from cvn_harness_core.contracts.params import (
        EffectiveParam,
        Overridden,
        Param,
        ParamValue,
        reserved,
    )
    from cvn_harness_core.contracts.payoff import Payoff
    from cvn_harness_core.contracts.plain import plain as plain_values
    from cvn_harness_core.contracts.probability import Probability
    from cvn_harness_core.contracts.search import SearchedDimension, SearchRecord, TrialRecord
    from cvn_harness_core.contracts.space import Choice, Range, check_dimension, space_text
    from cvn_harness_core.contracts.split import Array, Split
    from cvn_harness_core.contracts.sweep import CellFacts, SweepFacts
    from cvn_harness_core.contracts.theta import (
        ThetaChoice,
        ThetaCurve,
        ThetaDecision,
        ThetaEvidence,
        ThetaOutcome,
        ThetaRule,
    )
    from cvn_harness_core.contracts.tradability import Tradability
    from cvn_harness_core.database import patience as patient_connection
    from cvn_harness_core.errors import (
        BundleError,
        FitError,
        HarnessError,
        InputError,
        MulticlassError,
        ParameterError,
        PluginError,
        PluginNotInstalledError,
        SearchError,
        StoreError,
    )
    from cvn_harness_core.estimator.classifier import HarnessClassifier
    from cvn_harness_core.estimator.conformance import expected_failed_checks
    from cvn_harness_core.events.log import LOGGER as EVENT_LOGGER
    from cvn_harness_core.events.log import OBSERVERS
    from cvn_harness_core.events.log import configure as configure_logging
    from cvn_harness_core.events.schema import Event
    from cvn_harness_core.harness.dependencies import training_dependencies
    from cvn_harness_core.harness.drawing import dag_dot
    from cvn_harness_core.harness.parameters import Resolution, resolve_parameters
    from cvn_harness_core.harness.train_ensemble import train_ensemble
    from cvn_harness_core.harness.train_one import train_one
    from cvn_harness_core.leaks.check import LeakReport, check_leaks
    from cvn_harness_core.metrics.trading import net_returns, trading_figures
    from cvn_harness_core.plugins.discovery import discover
    from cvn_harness_core.plugins.discovery import unmatched as unmatched_names
    from cvn_harness_core.plugins.examination import examine
    from cvn_harness_core.plugins.hookspecs import hookimpl
    from cvn_harness_core.plugins.judging import CORE_RULES as CORE_THETA_RULES
    from cvn_harness_core.plugins.record import PluginRecord
    from cvn_harness_core.plugins.registry import (
        ENSEMBLE_REGISTRY,
        MODEL_REGISTRY,
        THETA_REGISTRY,
        PluginRegistry,
    )
    from cvn_harness_core.policy import POLICIES, ByMoney, EarlyStopping, TrainingPolicy
    from cvn_harness_core.resources.budget import Budget
    from cvn_harness_core.resources.cgroup import cpu_quota
    from cvn_harness_core.resources.peak import Peak, peak_memory
    from cvn_harness_core.resources.proc import total_memory
    from cvn_harness_core.resources.size import bytes_of
    from cvn_harness_core.resources.size import readable as readable_bytes
    from cvn_harness_core.resources.workers import worker_count
    from cvn_harness_core.said import said as error_text
    from cvn_harness_core.search.listing import KeptStudy, kept_studies
    from cvn_harness_core.search.reading import count_trials, optuna_study, read_search
    from cvn_harness_core.store.disk import Store
    from cvn_harness_core.store.eviction import Collected
    from cvn_harness_core.store.key import Key, key_of
    from cvn_harness_core.store.survey import StoreSurvey, survey_store
    from cvn_harness_core.theta.decision import decide as decide_theta
    from cvn_harness_core.theta.expected_value import ExpectedValue
    from cvn_harness_core.theta.f1_capped import F1Capped
    from cvn_harness_core.theta.f1_grid import F1Grid
    from cvn_harness_core.theta.fixed import Fixed
    from cvn_harness_core.theta.stability import Bootstrap
    from cvn_harness_core.trainers.choice import trainer_for
    from cvn_harness_core.trainers.ensemble import AutonomousEnsembleTrainer
    from cvn_harness_core.trainers.model import AutonomousModelTrainer
    from cvn_harness_core.trainers.outcome import TrainingOutcome

_HOME = {
    "artifact.record": ("ArtifactRecord",),
    "artifact.trained": ("TrainedArtifact",),
    "config.differences": ("config_differences",),
    "config.environment": ("unclaimed_variables",),
    "config.reading": ("read_config",),
    "config.seeding": ("declared_config", "seed_config"),
    "contracts.calibration": ("Calibration", "CalibrationReport", "Calibrator"),
    "contracts.config": ("ParamConfig",),
    "contracts.curve": ("CurveSummary",),
    "contracts.datasets": ("Datasets",),
    "contracts.ensemble": ("Combiner", "EnsembleSpec", "MetaRows"),
    "contracts.features": ("FeatureVersion",),
    "contracts.health": ("HealthLimits", "TrainingHealth"),
    "contracts.hpo": ("HPOParams",),
    "contracts.metrics": ("SplitMetrics",),
    "contracts.model": (
        "Envelope",
        "FitRequest",
        "Fitted",
        "LearningCurve",
        "ModelAdapter",
        "ModelSpec",
        "Stopping",
    ),
    "contracts.observer": ("ObserverLimits",),
    "contracts.out_of_fold": ("OutOfFold",),
    "contracts.params": ("EffectiveParam", "Overridden", "Param", "ParamValue", "reserved"),
    "contracts.payoff": ("Payoff",),
    "contracts.plain": ("plain_values",),
    "contracts.probability": ("Probability",),
    "contracts.search": ("SearchRecord", "SearchedDimension", "TrialRecord"),
    "contracts.space": ("Choice", "Range", "check_dimension", "space_text"),
    "contracts.split": ("Array", "Split"),
    "contracts.sweep": ("CellFacts", "SweepFacts"),
    "contracts.theta": (
        "ThetaChoice",
        "ThetaCurve",
        "ThetaDecision",
        "ThetaEvidence",
        "ThetaOutcome",
        "ThetaRule",
    ),
    "contracts.tradability": ("Tradability",),
    "database": ("patient_connection",),
    "errors": (
        "BundleError",
        "FitError",
        "HarnessError",
        "InputError",
        "MulticlassError",
        "ParameterError",
        "PluginError",
        "PluginNotInstalledError",
        "SearchError",
        "StoreError",
    ),
    "estimator.classifier": ("HarnessClassifier",),
    "estimator.conformance": ("expected_failed_checks",),
    "events.log": ("EVENT_LOGGER", "OBSERVERS", "configure_logging"),
    "events.schema": ("Event",),
    "harness.dependencies": ("training_dependencies",),
    "harness.drawing": ("dag_dot",),
    "harness.parameters": ("Resolution", "resolve_parameters"),
    "harness.train_ensemble": ("train_ensemble",),
    "harness.train_one": ("train_one",),
    "leaks.check": ("LeakReport", "check_leaks"),
    "metrics.trading": ("net_returns", "trading_figures"),
    "plugins.discovery": ("discover", "unmatched_names"),
    "plugins.examination": ("examine",),
    "plugins.hookspecs": ("hookimpl",),
    "plugins.judging": ("CORE_THETA_RULES",),
    "plugins.record": ("PluginRecord",),
    "plugins.registry": ("ENSEMBLE_REGISTRY", "MODEL_REGISTRY", "THETA_REGISTRY", "PluginRegistry"),
    "policy": ("POLICIES", "ByMoney", "EarlyStopping", "TrainingPolicy"),
    "resources.budget": ("Budget",),
    "resources.cgroup": ("cpu_quota",),
    "resources.peak": ("Peak", "peak_memory"),
    "resources.proc": ("total_memory",),
    "resources.size": ("bytes_of", "readable_bytes"),
    "resources.workers": ("worker_count",),
    "said": ("error_text",),
    "search.listing": ("KeptStudy", "kept_studies"),
    "search.reading": ("count_trials", "optuna_study", "read_search"),
    "store.disk": ("Store",),
    "store.eviction": ("Collected",),
    "store.key": ("Key", "key_of"),
    "store.survey": ("StoreSurvey", "survey_store"),
    "theta.decision": ("decide_theta",),
    "theta.expected_value": ("ExpectedValue",),
    "theta.f1_capped": ("F1Capped",),
    "theta.f1_grid": ("F1Grid",),
    "theta.fixed": ("Fixed",),
    "theta.stability": ("Bootstrap",),
    "trainers.choice": ("trainer_for",),
    "trainers.ensemble": ("AutonomousEnsembleTrainer",),
    "trainers.model": ("AutonomousModelTrainer",),
    "trainers.outcome": ("TrainingOutcome",),
}
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}
_OTHER_NAME = {
    "CORE_THETA_RULES": "CORE_RULES",
    "EVENT_LOGGER": "LOGGER",
    "config_differences": "differences",
    "configure_logging": "configure",
    "decide_theta": "decide",
    "error_text": "said",
    "patient_connection": "patience",
    "plain_values": "plain",
    "readable_bytes": "readable",
    "unclaimed_variables": "unclaimed",
    "unmatched_names": "unmatched",
}

__all__ = [
    "CORE_THETA_RULES",
    "ENSEMBLE_REGISTRY",
    "EVENT_LOGGER",
    "MODEL_REGISTRY",
    "OBSERVERS",
    "POLICIES",
    "THETA_REGISTRY",
    "Array",
    "ArtifactRecord",
    "AutonomousEnsembleTrainer",
    "AutonomousModelTrainer",
    "Bootstrap",
    "Budget",
    "BundleError",
    "ByMoney",
    "Calibration",
    "CalibrationReport",
    "Calibrator",
    "CellFacts",
    "Choice",
    "Collected",
    "Combiner",
    "CurveSummary",
    "Datasets",
    "EarlyStopping",
    "EffectiveParam",
    "EnsembleSpec",
    "Envelope",
    "Event",
    "ExpectedValue",
    "F1Capped",
    "F1Grid",
    "FeatureVersion",
    "FitError",
    "FitRequest",
    "Fitted",
    "Fixed",
    "HPOParams",
    "HarnessClassifier",
    "HarnessError",
    "HealthLimits",
    "InputError",
    "KeptStudy",
    "Key",
    "LeakReport",
    "LearningCurve",
    "MetaRows",
    "ModelAdapter",
    "ModelSpec",
    "MulticlassError",
    "ObserverLimits",
    "OutOfFold",
    "Overridden",
    "Param",
    "ParamConfig",
    "ParamValue",
    "ParameterError",
    "Payoff",
    "Peak",
    "PluginError",
    "PluginNotInstalledError",
    "PluginRecord",
    "PluginRegistry",
    "Probability",
    "Range",
    "Resolution",
    "SearchError",
    "SearchRecord",
    "SearchedDimension",
    "Split",
    "SplitMetrics",
    "Stopping",
    "Store",
    "StoreError",
    "StoreSurvey",
    "SweepFacts",
    "ThetaChoice",
    "ThetaCurve",
    "ThetaDecision",
    "ThetaEvidence",
    "ThetaOutcome",
    "ThetaRule",
    "Tradability",
    "TrainedArtifact",
    "TrainingHealth",
    "TrainingOutcome",
    "TrainingPolicy",
    "TrialRecord",
    "__version__",
    "bytes_of",
    "check_dimension",
    "check_leaks",
    "config_differences",
    "configure_logging",
    "count_trials",
    "cpu_quota",
    "dag_dot",
    "decide_theta",
    "declared_config",
    "discover",
    "error_text",
    "examine",
    "expected_failed_checks",
    "hookimpl",
    "kept_studies",
    "key_of",
    "net_returns",
    "optuna_study",
    "patient_connection",
    "peak_memory",
    "plain_values",
    "read_config",
    "read_search",
    "readable_bytes",
    "reserved",
    "resolve_parameters",
    "seed_config",
    "space_text",
    "survey_store",
    "total_memory",
    "trading_figures",
    "train_ensemble",
    "train_one",
    "trainer_for",
    "training_dependencies",
    "unclaimed_variables",
    "unmatched_names",
    "worker_count",
]


def __getattr__(name: str) -> object:
    if name not in _MODULE_OF:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    module = importlib.import_module(f"{__name__}.{_MODULE_OF[name]}")
    value: object = getattr(module, _OTHER_NAME.get(name, name))
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
