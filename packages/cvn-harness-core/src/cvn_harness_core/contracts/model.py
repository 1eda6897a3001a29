"""What a plugin provides: a specification as data, and an adapter around one library."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, Literal, TypeAlias

from cvn_harness_core.contracts.datasets import Datasets
from cvn_harness_core.contracts.params import Param, ParamValue
from cvn_harness_core.contracts.split import Array
from cvn_harness_core.contracts.theta import ThetaRule

StoppingMetric: TypeAlias = Literal["log_loss", "roc_auc", "pr_auc"]


@dataclass(frozen=True)
class Stopping:
    """Early stopping in the library's own terms.

    ``metric`` is the library's name; training ends when it has not improved on the validation
    split by more than ``min_delta`` for ``rounds`` iterations. ``rounds`` None records the metric
    and never stops.
    """

    metric: str
    rounds: int | None
    min_delta: float = 0.0


@dataclass(frozen=True)
class FitRequest:
    """Everything an adapter needs for one fit besides the data.

    ``params`` holds canonical names and checked values; a parameter that nobody set is absent. An
    adapter that boosts calls ``watch``, where it is given, after each iteration, with its number
    from 1 and the stopping metric on validation, and ends the boosting where it returns True.
    """

    params: Mapping[str, ParamValue]
    seed: int
    n_threads: int
    stopping: Stopping | None = None
    watch: Callable[[int, float], bool] | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class LearningCurve:
    """The stopping metric by iteration, (iterations,), on validation and, where kept, on train."""

    metric: str
    val: Array
    train: Array | None = None


@dataclass(frozen=True)
class Fitted:
    """What an adapter's fit returns.

    Parameters
    ----------
    native
        The library's model, cut to the iterations that prediction uses.
    best_iteration
        How many boosting iterations prediction uses, counted from 1; None if there are none.
    n_iterations
        How many were run, early-stopping patience included.
    curve
        The learning curve, where the library keeps one.
    """

    native: Any
    best_iteration: int | None = None
    n_iterations: int | None = None
    curve: LearningCurve | None = None


class ModelAdapter(ABC):
    """The part of a model that differs from library to library. Stateless.

    An adapter gets validated data (train and validation; no rows of test) and checked parameters,
    obeys ``request.seed`` and ``request.n_threads``, never changes its inputs, and lets the
    library's exceptions pass: the harness wraps them.
    """

    def prepare(self, datasets: Datasets, request: FitRequest) -> Any:  # noqa: ARG002
        """Return the library's own form of the data; by default the datasets themselves.

        ``datasets.test`` has no rows (``NoRows``): no fit sees what it is judged on.
        Trials of a search share it, if the parameters declared ``dataset_level`` are the same.
        """
        return datasets

    def fingerprint(self, prepared: Any) -> Any:  # noqa: ARG002
        """Return what can be told of prepared data, to see that no fit changes what trials share.

        None by default. Anything that compares equal as long as nothing was changed.
        """
        return None

    @abstractmethod
    def fit(self, prepared: Any, request: FitRequest) -> Fitted:
        """Train on what ``prepare`` returned."""

    @abstractmethod
    def predict_proba(self, native: Any, X: Array, *, n_threads: int) -> Array:
        """Return the probability of the positive class, (n,), or of both classes, (n, 2)."""

    @abstractmethod
    def save(self, native: Any) -> bytes:
        """Return the model in the library's own format, without pickle."""

    @abstractmethod
    def load(self, payload: bytes) -> Any:
        """Return the model that ``save`` wrote. The payload has been verified by its SHA-256."""

    def effective_params(self, native: Any) -> Mapping[str, ParamValue]:  # noqa: ARG002
        """Return what the fitted model says of itself, by the library's names."""
        return {}


@dataclass(frozen=True, kw_only=True)
class Envelope:
    """What a fit takes at most, in ratios that hold on any machine.

    Parameters
    ----------
    memory
        Resident memory that preparing and fitting add at their peak, over the bytes of X (of train
        and validation, which are there already).
    time
        Processor time of preparing and fitting, over that of scikit-learn's
        ``HistGradientBoostingClassifier`` on the same rows, for as many iterations (100 for a model
        without any), both on one thread.
    """

    memory: float
    time: float


@dataclass(frozen=True, kw_only=True)
class ModelSpec:
    """A model as a plugin declares it. What differs between models is said here, as data.

    Parameters
    ----------
    name
        The entry point's name.
    adapter
        Called without arguments when the model is first used; import the library there.
    params
        Every hyperparameter that is accepted.
    reserved
        Names that the library has and the harness sets itself, with where to set them instead.
    libraries
        Import names whose versions go into the artifact.
    file_name
        Of the native model in a bundle.
    iterations_param
        Which parameter is the ceiling of boosting iterations.
    positive_weight_param
        Which parameter multiplies the weight of positives; None lets the harness multiply the
        sample weights instead.
    weighs_validation
        Whether that parameter weighs positives in the validation metric too.
    stopping_metrics
        The library's name for each metric that early stopping can watch; empty if it has none.
    stopping_min_delta
        Whether early stopping knows a least improvement.
    thread_invariant
        Whether the same bits come out for any number of threads.
    thread_variant
        Values of parameters, by name, with which that does not hold.
    theta
        The rule that the model was first published with; only policies that ask for it use it
        (``Declared``).
    dag
        A module of Hamilton nodes, added to the shared ones or replacing them by name.
    diagnostics
        Nodes whose values (JSON-like) are kept in ``artifact.diagnostics``.
    envelope
        What a fit with default parameters takes at most; None promises nothing.
    """

    name: str
    adapter: Callable[[], ModelAdapter]
    params: tuple[Param, ...]
    reserved: Mapping[str, str] = field(default_factory=dict)
    libraries: tuple[str, ...] = ()
    file_name: str = "model.bin"
    iterations_param: str | None = None
    positive_weight_param: str | None = None
    weighs_validation: bool = False
    stopping_metrics: Mapping[StoppingMetric, str] = field(default_factory=dict)
    stopping_min_delta: bool = True
    thread_invariant: bool = False
    thread_variant: Mapping[str, tuple[ParamValue, ...]] = field(default_factory=dict)
    theta: ThetaRule | None = None
    dag: ModuleType | None = None
    diagnostics: tuple[str, ...] = ()
    envelope: Envelope | None = None

    def param(self, name: str) -> Param | None:
        """Return the parameter of that canonical name, or None."""
        return next((p for p in self.params if p.name == name), None)
