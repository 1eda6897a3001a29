"""``HarnessClassifier``: fit, predict and clone as scikit-learn has it, trained by the harness."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from cvn_harness_core.contracts.datasets import Datasets
from cvn_harness_core.contracts.hpo import HPOParams
from cvn_harness_core.contracts.payoff import Payoff
from cvn_harness_core.contracts.split import Array
from cvn_harness_core.errors import InputError, MulticlassError
from cvn_harness_core.estimator.rows import train_and_validation
from cvn_harness_core.estimator.settings import (
    bases_of,
    params_of_ensemble,
    params_of_model,
    policy_of,
    store_of,
    threads_of,
)
from cvn_harness_core.plugins.registry import ENSEMBLE_REGISTRY
from cvn_harness_core.policy import TrainingPolicy
from cvn_harness_core.trainers.choice import trainer_for
from cvn_harness_core.trainers.ensemble import AutonomousEnsembleTrainer
from cvn_harness_core.trainers.model import AutonomousModelTrainer

_SEEDS = 2**31 - 1


class HarnessClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Any registered model or ensemble as a binary classifier of scikit-learn.

    ``fit`` trains on the earlier rows; the latest ones stop the boosting and decide theta. There is
    no test split: whoever cross-validates judges.

    Parameters
    ----------
    model
        A name in ``MODEL_REGISTRY`` or ``ENSEMBLE_REGISTRY``.
    policy
        A ``TrainingPolicy``, or the name of a preset in ``POLICIES``; None for ``"economic"``.
    params
        Fixed hyperparameters of a model, by name; of an ensemble a mapping of these for each base
        (and for the ensemble itself), by name.
    n_trials
        Of the search for the parameters that are not fixed; 0 for none.
    payoff
        What a signal earns and loses; with it, or with ``returns``, theta is decided by money.
    bases
        Of an ensemble; None for those that it declares.
    validation_fraction
        The share of the stamps that is validation, the latest ones: within (0, 0.5]. Without
        ``time`` rows are taken to stand in its order. Validation begins earlier where both classes
        would not occur in it, at most in the middle.
    store
        The folder of a ``Store``: fits are then read if they are there. None keeps nothing.
    random_state
        The seed; None for 0, so that the same data give the same model. A ``RandomState`` draws
        one.
    n_jobs
        Threads of one fit; None for the harness's own rule (``HPOParams.n_threads``), -1 for every
        thread of the budget, -2 for one less.

    Attributes
    ----------
    classes_
        The two labels, sorted; the second one is the BUY.
    artifact_
        The ``TrainedArtifact``: theta's decision, figures of train and validation, health.
    theta_
        The threshold of ``predict``; None for NO_TRADE.
    n_features_in_, feature_names_in_
        As scikit-learn has them; names only if all columns have one that is text.
    """

    # Whoever routes metadata need not ask for what can only be meant for this estimator.
    __metadata_request__fit: ClassVar[dict[str, bool]] = {
        "time": True,
        "label_end": True,
        "returns": True,
        "symbol": True,
    }

    def __init__(
        self,
        model: str,
        *,
        policy: TrainingPolicy | str | None = None,
        params: Mapping[str, Any] | None = None,
        n_trials: int = 0,
        payoff: Payoff | None = None,
        bases: Sequence[str] | None = None,
        validation_fraction: float = 0.2,
        store: str | Path | None = None,
        random_state: int | np.random.RandomState | None = None,
        n_jobs: int | None = None,
    ) -> None:
        self.model = model
        self.policy = policy
        self.params = params
        self.n_trials = n_trials
        self.payoff = payoff
        self.bases = bases
        self.validation_fraction = validation_fraction
        self.store = store
        self.random_state = random_state
        self.n_jobs = n_jobs

    def fit(
        self,
        X: Any,
        y: Any,
        *,
        sample_weight: Any = None,
        time: Any = None,
        label_end: Any = None,
        returns: Any = None,
        symbol: Any = None,
    ) -> Self:
        """Train, pick theta and return the estimator.

        Parameters
        ----------
        X
            (n, f) numbers, as an array or a dataframe; NaN means missing. float32 stays float32.
        y
            (n,) labels of two classes.
        sample_weight
            (n,) weights; rows of weight 0 are left out.
        time, label_end
            (n,) datetime64: when each row was known, and when its label was decided. Rows may stand
            in any order; those whose label reaches into validation are left out, as are those
            within the policy's embargo of it.
        returns
            (n,) realised net return of each row if it were traded.
        symbol
            (n,) what was traded, where several instruments are stacked.

        Raises
        ------
        MulticlassError
            For three or more classes.
        HarnessError
            InputError ``setting_invalid`` for parameters that cannot be; whatever ``train_one`` and
            ``train_ensemble`` raise. The estimator is then not fitted, whatever it was before.
        """
        for fitted in ("classes_", "artifact_", "theta_"):
            self.__dict__.pop(fitted, None)
        policy = policy_of(self.policy)
        trainer = self._trainer(policy)
        X, y = validate_data(
            self, X, y, dtype=[np.float64, np.float32], ensure_all_finite="allow-nan"
        )
        classes, labels = _two_classes(y)
        known = {"time": time, "label_end": label_end, "returns": returns, "symbol": symbol}
        train, val = train_and_validation(
            X,
            labels.astype(np.int8),
            {**known, "weight": sample_weight},
            fraction=self.validation_fraction,
            embargo=policy.embargo,
        )
        names = getattr(self, "feature_names_in_", [f"x{i}" for i in range(X.shape[1])])
        datasets = Datasets.from_arrays(
            train, val, None, feature_names=list(names), payoff=self.payoff
        )
        if isinstance(trainer, AutonomousEnsembleTrainer):
            artifact = trainer.train(datasets, self._hpo_of_ensemble(trainer)).artifact
        else:
            artifact = trainer.train(datasets, self._hpo(params_of_model(self.params))).artifact
        self.classes_, self.artifact_, self.theta_ = classes, artifact, artifact.theta
        return self

    def predict_proba(self, X: Any) -> Array:
        """Return the probability of each class, (n, 2) float64, in the order of ``classes_``."""
        matrix = self._matrix(X)
        probabilities: Array = self.artifact_.predict_proba(matrix)
        return probabilities

    def predict(self, X: Any) -> Array:
        """Return the label of each row, (n,): the second class where its p >= ``theta_``.

        NO_TRADE never signals: every row is of the first class.
        """
        matrix = self._matrix(X)
        labels: Array = self.classes_[self.artifact_.predict(matrix)]
        return labels

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "artifact_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        tags.input_tags.allow_nan = True
        return tags

    def _matrix(self, X: Any) -> Array:
        check_is_fitted(self)
        matrix: Array = validate_data(
            self,
            X,
            reset=False,
            dtype=self.artifact_.feature_version.dtype,
            ensure_all_finite="allow-nan",
        )
        return matrix

    def _trainer(
        self, policy: TrainingPolicy
    ) -> AutonomousModelTrainer | AutonomousEnsembleTrainer:
        store, bases = store_of(self.store), bases_of(self.bases)
        trainer = trainer_for(self.model, store, policy)
        if bases is None:
            return trainer
        if not isinstance(trainer, AutonomousEnsembleTrainer):
            message = f"{self.model} is a model and has no bases; leave bases out."
            raise InputError("setting_invalid", message)
        return AutonomousEnsembleTrainer(self.model, store, policy=policy, bases=bases)

    def _hpo(self, params: Mapping[str, Any], n_trials: int | None = None) -> HPOParams:
        return HPOParams(
            params,
            n_trials=self.n_trials if n_trials is None else n_trials,
            seed=self._seed(),
            n_threads=threads_of(self.n_jobs),
        )

    def _hpo_of_ensemble(self, trainer: AutonomousEnsembleTrainer) -> dict[str, HPOParams]:
        bases = ENSEMBLE_REGISTRY[self.model].bases if trainer.bases is None else trainer.bases
        given = params_of_ensemble(self.params, (*bases, self.model))
        own = {
            name: self._hpo(params, 0 if name == self.model else None)
            for name, params in given.items()
        }
        return {"": self._hpo({}), **own}

    def _seed(self) -> int:
        if self.random_state is None:
            return 0
        if isinstance(self.random_state, np.random.RandomState):
            return int(self.random_state.randint(_SEEDS))
        return self.random_state


def _two_classes(y: Array) -> tuple[Array, Array]:
    """Return the two labels, sorted, and which of them each row has, (n,)."""
    if y.dtype == object and (kinds := {type(label) for label in y}) - {str}:
        _check_kinds(kinds)
    check_classification_targets(y)
    classes, labels = np.unique(y, return_inverse=True)
    if classes.size > 2:
        message = (
            f"Only binary classification is supported. The type of the target is multiclass: y "
            f"has {classes.size} classes ({classes[:5].tolist()}). Train one model per class "
            "against the rest."
        )
        raise MulticlassError("multiclass_not_implemented", message)
    if classes.size < 2:
        message = f"y has one class only ({classes.tolist()}); both classes must occur."
        raise InputError("labels_one_class", message)
    return classes, labels


def _check_kinds(kinds: set[type]) -> None:
    """Raise InputError for labels that cannot be sorted: None, or text among numbers."""
    if type(None) in kinds:
        message = "y has labels that are None; fill or drop these rows."
        raise InputError("labels_not_finite", message)
    if str in kinds:
        names = ", ".join(sorted(kind.__name__ for kind in kinds))
        message = f"y has labels of different types ({names}); give all of them as one."
        raise InputError("labels_not_binary", message)
