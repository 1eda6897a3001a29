"""The contract of a model as a class of tests.

An author subclasses it in one line, in a test module of the model's own package::

    from cvn_harness_core.testing import ModelContract


    class TestMyModel(ModelContract):
        model = "my_model"

Every test trains the installed plugin through ``train_one``, the way that users do, on synthetic
data of the kit's own. A test that a model cannot be asked (early stopping of a model that does not
boost) is skipped and says so. A failure says what was expected, what was seen and how to mend it.
"""

from __future__ import annotations

import io
import json
import logging
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, get_args

import msgspec
import numpy as np
import pytest

from cvn_harness_core import (
    MODEL_REGISTRY,
    Datasets,
    EarlyStopping,
    HPOParams,
    InputError,
    ModelSpec,
    Param,
    ParameterError,
    Payoff,
    Split,
    SplitMetrics,
    ThetaDecision,
    ThetaEvidence,
    TrainedArtifact,
    TrainingPolicy,
    configure_logging,
    train_one,
)
from cvn_harness_core.artifact.record import ArtifactRecord
from cvn_harness_core.contracts.metrics import metric_names
from cvn_harness_core.contracts.model import StoppingMetric
from cvn_harness_core.contracts.split import Array
from cvn_harness_core.events.log import LOGGER
from cvn_harness_core.events.schema import EVENTS
from cvn_harness_core.harness.parameters import resolve_parameters

TO_THE_CEILING = TrainingPolicy(early_stopping=None)

_EVENTS_OF_A_TRAINING = (
    "training_started",
    "class_balance_applied",
    "learning_curve",
    "theta_picked",
    "training_health",
    "training_complete",
)

_SCORE_A_BUNDLE = """
import sys
import numpy as np
from cvn_harness_core import TrainedArtifact
bundle, rows, scores = sys.argv[1:]
np.save(scores, TrainedArtifact.load(bundle).predict_proba(np.load(rows)))
"""

_READ_A_SPECIFICATION = """
import sys
from cvn_harness_core import MODEL_REGISTRY
libraries = MODEL_REGISTRY[sys.argv[1]].libraries
print(*(name for name in libraries if name in sys.modules))
"""


def synthetic_rows(n: int, seed: int = 0) -> tuple[Array, Array]:
    """Return made-up rows: X (n, 6) float64, standard normal, and labels y (n,) int8.

    The log odds are ``x0 * x1 + sin(2 * x2) - 1``: a weak signal that no linear model finds, in
    noise, about a third of it positive. The other three features mean nothing.
    """
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 6))
    log_odds = X[:, 0] * X[:, 1] + np.sin(2 * X[:, 2]) - 1.0
    return X, (rng.random(n) < 1 / (1 + np.exp(-log_odds))).astype(np.int8)


def synthetic_datasets(
    change: Callable[[str, Array, Array], Split] | None = None, *, n: int = 600
) -> Datasets:
    """Return datasets of synthetic rows: ``n`` to train on, 400 for validation, 300 for test.

    ``change(name, X, y)`` may return another split made of the same rows.
    """
    splits = {}
    for seed, (name, size) in enumerate({"train": n, "val": 400, "test": 300}.items()):
        X, y = synthetic_rows(size, seed)
        splits[name] = Split(X, y) if change is None else change(name, X, y)
    return Datasets.from_arrays(
        **splits,
        feature_names=[f"x{i}" for i in range(splits["train"].X.shape[1])],
        feature_version="synthetic data of the conformance kit",
        payoff=Payoff(take_profit=2.0, stop_loss=1.0, cost=0.05),
        tags={"symbol": "SYNTHETIC"},
    )


@contextmanager
def recorded_events() -> Iterator[list[dict[str, Any]]]:
    """Yield a list that holds, after the block, every event of it as its line of JSON says it."""
    logger = logging.getLogger(LOGGER)
    before = logger.handlers[:], logger.level, logger.propagate
    stream, events = io.StringIO(), list[dict[str, Any]]()
    configure_logging("json", stream=stream)
    try:
        yield events
    finally:
        logger.handlers[:], logger.level, logger.propagate = before
        events.extend(json.loads(line) for line in stream.getvalue().splitlines())


def event_faults(line: Mapping[str, Any]) -> list[str]:
    """Return in what one event, as a line of JSON, departs from its declaration in the schema."""
    name = str(line.get("event"))
    if name not in EVENTS:
        return [f"{name!r} is not an event of the schema ({', '.join(EVENTS)})"]
    declared = {f.name for f in fields(EVENTS[name])}
    values = {k: v for k, v in line.items() if k in declared}
    extra = set(line) - declared - {"event", "schema", "level", "timestamp"}
    faults = [f"{name} lacks {field!r}" for field in sorted(declared - set(line))]
    faults += [f"{name} has {field!r}, which is not declared" for field in sorted(extra)]
    try:
        msgspec.convert(values, EVENTS[name], strict=True)
    except msgspec.ValidationError as error:
        faults.append(f"{name}: {error}")
    return faults


class ModelContract:
    """What every model must do. Subclass it, and name the model.

    Attributes
    ----------
    model
        The registered name: that of the entry point.
    params
        Hyperparameters fixed in every training of the kit, for a model that is slow without them.
    iterations
        The ceiling of boosting iterations, for a model that declares ``iterations_param``.
    """

    model: ClassVar[str]
    params: ClassVar[Mapping[str, Any]] = {}
    iterations: ClassVar[int] = 30

    @property
    def spec(self) -> ModelSpec:
        """The model's specification."""
        return MODEL_REGISTRY[self.model]

    def train(
        self,
        datasets: Datasets | None = None,
        policy: TrainingPolicy = TO_THE_CEILING,
        *,
        n_threads: int = 1,
        **params: Any,
    ) -> TrainedArtifact:
        """Train on synthetic data (or on ``datasets``), by default to the ceiling."""
        ceiling = self.spec.iterations_param
        chosen = {**({ceiling: self.iterations} if ceiling else {}), **self.params, **params}
        return train_one(
            self.model,
            datasets or synthetic_datasets(),
            HPOParams(chosen, seed=7, n_threads=n_threads),
            policy=policy,
        )

    # -- what it declares ------------------------------------------------------------------------

    def test_it_is_registered(self) -> None:
        """The entry point is found, may be loaded, and says which distribution it is from."""
        assert self.model in MODEL_REGISTRY, _fault(
            f"an entry point {self.model!r} in the group cvn_harness.models.v1",
            f"{', '.join(MODEL_REGISTRY) or 'no models'}",
            "declare it in pyproject.toml and install the package (pip install -e .)",
        )
        record = MODEL_REGISTRY.record(self.model)
        assert record.kind == "model" and record.status == "available", _fault(
            "a model that is available", f"{record}", record.error or "see the record"
        )
        assert record.distribution and record.version, _fault(
            "a distribution with a version", f"{record}", "give the project a name and a version"
        )

    def test_its_specification_is_consistent(self) -> None:
        """No spelling means two things, and every name that it refers to is declared."""
        spellings = [s for p in self.spec.params for s in (p.name, *p.aliases)]
        spellings += self.spec.reserved
        twice = sorted({s for s in spellings if spellings.count(s) > 1})
        assert not twice, _fault(
            "every name, alias and reserved name once",
            f"{twice} more than once",
            "let each spelling belong to one Param, or to ModelSpec.reserved",
        )
        for role in ("iterations_param", "positive_weight_param"):
            name = getattr(self.spec, role)
            assert name is None or self.spec.param(name), _fault(
                f"ModelSpec.{role} to be a declared parameter", f"{name!r}", "add it to params"
            )
        ceiling = self.spec.param(self.spec.iterations_param or "")
        assert ceiling is None or ceiling.default is not None, _fault(
            "a default for the ceiling of iterations", f"{ceiling}", "give that Param a default"
        )
        assert ceiling or not self.spec.stopping_metrics, _fault(
            "iterations_param for a model with stopping_metrics",
            "None",
            "name the parameter that is the ceiling of iterations",
        )

    def test_reading_its_specification_imports_no_library(self) -> None:
        """Listing and describing models is quick: the library is imported by the adapter."""
        if not self.spec.libraries:
            pytest.skip(f"{self.model} declares no libraries")
        imported = _python(_READ_A_SPECIFICATION, self.model).split()
        assert not imported, _fault(
            "a specification that does without its library",
            f"{', '.join(imported)} imported by reading it",
            "import the library in the adapter's module, and that module in ModelSpec.adapter",
        )

    def test_declared_values_pass_their_own_check(self) -> None:
        """Defaults, choices and closed bounds are accepted, and what lies beyond is not."""
        for param in self.spec.params:
            within, beyond = _edges(param)
            for value in within:
                try:
                    param.check(value)
                except ParameterError as error:
                    pytest.fail(_fault(f"{param.name}={value!r} to pass", f"{error}", _BOUNDS))
            for value in beyond:
                try:
                    seen = param.check(value)
                except ParameterError:
                    continue
                pytest.fail(_fault(f"{param.name}={value!r} to be refused", f"{seen!r}", _BOUNDS))

    def test_an_unknown_parameter_is_refused_with_the_nearest_name(self) -> None:
        """A slip of the finger never trains silently with the default."""
        for param in self.spec.params:
            slip = param.name + param.name[-1]
            message = self._refusal("parameter_unknown", {slip: param.default})
            assert repr(slip) in message and f"Did you mean {param.name!r}?" in message, _fault(
                f"a message that names {slip!r} and suggests {param.name!r}",
                repr(message),
                "choose names and aliases that one letter does not turn into another's",
            )

    def test_every_alias_stands_for_its_parameter(self) -> None:
        """A documented alias is accepted alone, and refused beside another spelling."""
        for param in self.spec.params:
            value = _edges(param)[0][0]
            for alias in param.aliases:
                resolved = resolve_parameters(self.spec, {alias: value})[param.name]
                assert resolved.source == "user" and resolved.value == param.check(value), _fault(
                    f"{alias}={value!r} to set {param.name}", f"{resolved}", "see Param.aliases"
                )
                message = self._refusal("parameter_duplicate", {alias: value, param.name: value})
                assert repr(alias) in message and repr(param.name) in message, _fault(
                    f"a message that names {alias!r} and {param.name!r}",
                    repr(message),
                    "let each alias belong to one Param",
                )

    def test_every_reserved_name_is_refused_with_where_to_set_it(self) -> None:
        """What the harness sets itself cannot be set behind its back."""
        for name, where in self.spec.reserved.items():
            message = self._refusal("parameter_reserved", {name: 1})
            assert repr(name) in message and where in message, _fault(
                f"a message that names {name!r} and says {where!r}",
                repr(message),
                "make ModelSpec.reserved with cvn_harness_core.contracts.params.reserved",
            )

    # -- what it returns -------------------------------------------------------------------------

    def test_probabilities_are_probabilities(self) -> None:
        """(n, 2) float64 within [0, 1], each row with sum 1, and not all alike."""
        X, _ = synthetic_rows(200, seed=3)
        scores = _artifact(type(self)).predict_proba(X)
        assert scores.shape == (200, 2) and scores.dtype == np.float64, _fault(
            "scores of shape (200, 2), float64",
            f"{scores.shape}, {scores.dtype}",
            "return (n,) or (n, 2) from ModelAdapter.predict_proba",
        )
        assert scores.min() >= 0.0 and scores.max() <= 1.0, _fault(
            "scores within [0, 1]",
            f"{scores.min()} to {scores.max()}",
            "return probabilities from ModelAdapter.predict_proba, not margins",
        )
        gap = float(np.abs(scores.sum(axis=1) - 1.0).max())
        assert gap < 1e-12, _fault("rows with sum 1", f"a gap of {gap}", "normalise the scores")
        assert np.unique(scores[:, 1]).size > 10, _fault(
            "scores that differ from row to row",
            f"{np.unique(scores[:, 1])}",
            "check that fit passes the features and that the default parameters let it learn",
        )

    def test_a_higher_score_means_a_likelier_buy(self) -> None:
        """Column 1 is the positive class, and the model finds a signal that is there."""
        metrics = _artifact(type(self)).metrics["train"]
        assert metrics.roc_auc is not None and metrics.roc_auc > 0.6, _fault(
            "a ROC AUC above 0.6 on the rows it was trained on",
            f"{metrics.roc_auc}",
            "return the probability of label 1 from ModelAdapter.predict_proba",
        )

    def test_a_row_alone_scores_as_in_a_batch(self) -> None:
        """Live scoring, one row at a time, agrees with the backtest."""
        X, _ = synthetic_rows(50, seed=4)
        artifact = _artifact(type(self))
        alone = np.concatenate([artifact.predict_proba(X[i : i + 1]) for i in range(len(X))])
        gap = float(np.abs(alone - artifact.predict_proba(X)).max())
        assert gap < 1e-12, _fault(
            "the same score for a row alone and in a batch",
            f"a difference of {gap}",
            "do nothing in predict_proba that depends on the other rows",
        )

    def test_inputs_are_left_as_they_were(self) -> None:
        """Neither training nor scoring writes into the caller's arrays."""
        given: list[Array] = []

        def remember(_: str, X: Array, y: Array) -> Split:
            weight = np.linspace(0.5, 2.0, y.size)
            given.extend((X, y, weight))
            return Split(X, y, weight=weight)

        datasets = synthetic_datasets(remember)
        copies = [array.copy() for array in given]
        self.train(datasets).predict_proba(given[0])
        changed = [i for i, (a, b) in enumerate(zip(given, copies, strict=True)) if (a != b).any()]
        assert not changed, _fault(
            "inputs that are never written to",
            f"{len(changed)} of {len(given)} arrays changed",
            "copy before changing in ModelAdapter.prepare, fit and predict_proba",
        )

    def test_it_scores_the_same_bits_in_another_process(self, tmp_path: Path) -> None:
        """A bundle holds the whole model: saved here, loaded by a fresh interpreter."""
        artifact = _artifact(type(self))
        X, _ = synthetic_rows(200, seed=5)
        X[::7, 0] = np.nan
        bundle = artifact.save(tmp_path / "bundle")
        np.save(tmp_path / "rows.npy", X)
        _python(_SCORE_A_BUNDLE, bundle, tmp_path / "rows.npy", tmp_path / "scores.npy")
        gap = float(np.abs(np.load(tmp_path / "scores.npy") - artifact.predict_proba(X)).max())
        assert gap == 0.0, _fault(
            "the same bits after saving and loading",
            f"a difference of {gap}",
            "save every number in full precision, and only the iterations that are used",
        )
        loaded = TrainedArtifact.load(bundle)
        lost = [
            f.name
            for f in fields(ArtifactRecord)
            if getattr(loaded, f.name) != getattr(artifact, f.name)
        ]
        assert not lost, _fault(
            "the same facts after saving and loading",
            f"other values of {lost}",
            "let diagnostics hold only what JSON can: str, float, int, bool, None, list, dict",
        )

    def test_every_split_has_every_figure(self) -> None:
        """``metrics`` is flat, has the same names for every model, and never NaN."""
        metrics = _artifact(type(self)).metrics
        assert list(metrics) == ["train", "val", "test"], _fault(
            "metrics of train, val and test", f"{list(metrics)}", "do not replace eval_metrics"
        )
        for split, figures in metrics.items():
            assert isinstance(figures, SplitMetrics), _fault(
                "SplitMetrics", f"{type(figures).__name__}", "do not replace eval_metrics"
            )
            assert tuple(figures.figures()) == metric_names(), _fault(
                f"{metric_names()}", f"{tuple(figures.figures())}", "do not extend SplitMetrics"
            )
            money = {"expectancy", "win_rate", "max_drawdown"} & set(figures.undefined)
            assert not money or figures.n_signals == 0, _fault(
                f"money figures on {split}, whose payoff is known",
                f"{figures.undefined}",
                "do not replace eval_metrics",
            )

    # -- what it obeys ---------------------------------------------------------------------------

    def test_the_same_seed_gives_the_same_bits(self) -> None:
        """Whatever else was trained in between: an adapter has no memory."""
        X, _ = synthetic_rows(200, seed=6)
        first = self.train().predict_proba(X)
        self.train(policy=TrainingPolicy(class_balance=3.0))
        gap = float(np.abs(self.train().predict_proba(X) - first).max())
        assert gap == 0.0, _fault(
            "the same bits from the same data, parameters, seed and threads",
            f"a difference of {gap}",
            "pass request.seed to every source of chance, and keep no state in the adapter",
        )

    def test_threads_do_not_change_bits_if_it_says_so(self) -> None:
        """``thread_invariant`` is a promise: results do not depend on the machine."""
        if not self.spec.thread_invariant:
            pytest.skip(f"{self.model} does not declare thread_invariant")
        datasets = synthetic_datasets(n=3000)
        one, two = (self.train(datasets, n_threads=n) for n in (1, 2))
        gap = float(
            np.abs(one.predict_proba(datasets.train.X) - two.predict_proba(datasets.train.X)).max()
        )
        assert gap == 0.0, _fault(
            "the same bits for one thread and two",
            f"a difference of {gap}",
            "set ModelSpec.thread_invariant=False, or pin the library's deterministic mode",
        )

    def test_it_keeps_to_one_thread_when_told_to(self) -> None:
        """Fitting and scoring with ``n_threads=1`` keep no second core busy."""
        if (os.cpu_count() or 1) == 1:
            pytest.skip("one core: a second thread would not show")
        datasets = synthetic_datasets(n=12_000)
        artifact = self.train(datasets)
        many = np.tile(datasets.train.X, (8, 1))
        for what, work, where in (
            ("fitting", lambda: self.train(datasets), "request.n_threads to prepare and fit"),
            ("scoring", lambda: artifact.predict_proba(many), "n_threads to predict_proba"),
        ):
            busy = min(_cores_kept_busy(work) for _ in range(2))
            assert busy < 1.3, _fault(
                f"{what} with n_threads=1 on one core",
                f"{busy:.2f} cores busy",
                f"pass {where}",
            )

    def test_sample_weights_reach_the_fit(self) -> None:
        """Other weights of the training rows, other scores."""

        def weigh(name: str, X: Array, y: Array) -> Split:
            weight = np.random.default_rng(8).uniform(0.1, 3.0, y.size)
            return Split(X, y, weight=weight if name == "train" else None)

        X, _ = synthetic_rows(200, seed=6)
        weighed = self.train(synthetic_datasets(weigh)).predict_proba(X)
        assert not np.array_equal(weighed, self.train().predict_proba(X)), _fault(
            "other scores from other sample weights",
            "the same bits",
            "pass train.weight to the library in ModelAdapter.prepare or fit",
        )

    def test_rows_without_weight_have_no_say(self) -> None:
        """Half of the training labels are turned over; where they weigh nothing, none is hurt."""

        def turned(*, weight_of_turned: float) -> Datasets:
            def change(name: str, X: Array, y: Array) -> Split:
                if name != "train":
                    return Split(X, y)
                wrong = np.arange(y.size) % 2 == 1
                weight = np.where(wrong, weight_of_turned, 1.0)
                return Split(X, np.where(wrong, 1 - y, y), weight=weight)

            return synthetic_datasets(change, n=1500)

        ignored, believed = (
            self.train(turned(weight_of_turned=w)).metrics["val"].roc_auc or 0.0 for w in (0.0, 1.0)
        )
        assert ignored > believed + 0.05, _fault(
            "a ROC AUC on validation that wrong labels of weight 0 do not hurt",
            f"{ignored:.3f} with their weight 0 and {believed:.3f} with weight 1",
            "pass train.weight to the library in ModelAdapter.prepare or fit",
        )

    def test_automatic_class_balance_inflates_the_scores_and_says_so(self) -> None:
        """Positives weigh negatives over positives; the artifact tells what that does."""
        datasets = synthetic_datasets()
        plain = _artifact(type(self))
        weighed = self.train(datasets, TrainingPolicy(class_balance="auto", early_stopping=None))
        weight = float((datasets.train.y == 0).sum() / (datasets.train.y == 1).sum())
        kind = weighed.probability
        assert kind.kind == "weight_inflated" and math.isclose(kind.positive_weight, weight), (
            _fault(
                f"weight_inflated({weight:.4g})", f"{kind}", "do not replace the node probability"
            )
        )
        assert plain.probability.kind == "raw", _fault(
            "raw scores without a class balance", f"{plain.probability}", "do not replace that node"
        )
        before, after = (
            float(a.predict_proba(datasets.val.X)[:, 1].mean()) for a in (plain, weighed)
        )
        assert after > before, _fault(
            "a larger mean score from heavier positives",
            f"{before:.4f} before and {after:.4f} after",
            "name the library's weight of positives in ModelSpec.positive_weight_param, or None "
            "to have sample weights multiplied, and pass those to the library",
        )

    def test_parameters_are_read_back_from_the_model(self) -> None:
        """What was asked for is what the fitted model itself says that it used."""
        policy = TrainingPolicy(class_balance=2.5, early_stopping=None)
        artifact = self.train(policy=policy)
        said = artifact.adapter.effective_params(artifact.native)
        if not said:
            pytest.skip(f"{self.model} has no effective_params; implement them to be checked")
        for name, effective in artifact.effective_params.items():
            wanted, value = effective.requested, effective.value
            if wanted is None:
                continue
            number = isinstance(wanted, int | float) and isinstance(value, int | float)
            same = math.isclose(value, wanted, rel_tol=1e-5) if number else value == wanted  # type: ignore[arg-type]
            assert same, _fault(
                f"{name}={wanted!r}, as requested",
                f"{value!r} in the fitted model",
                "pass it on in ModelAdapter.fit, under the name that the library knows",
            )
            param = self.spec.param(name)
            native = (param.native if param else None) or name
            assert native in said or name == self.spec.iterations_param, _fault(
                f"{native!r} among what the fitted model reports",
                f"{', '.join(sorted(said))}",
                "return it from ModelAdapter.effective_params, or correct Param.native",
            )

    # -- what it accepts -------------------------------------------------------------------------

    @pytest.mark.parametrize("oddity", ["missing", "missing throughout", "constant", "duplicate"])
    def test_odd_features_are_accepted(self, oddity: str) -> None:
        """Real features have gaps, and some carry nothing."""

        def change(_: str, X: Array, y: Array) -> Split:
            if oddity == "missing":
                X[np.random.default_rng(9).random(X.shape) < 0.1] = np.nan
            else:
                column = {"missing throughout": np.nan, "constant": 1.0, "duplicate": X[:, 0]}
                X[:, 5] = column[oddity]
            return Split(X, y)

        artifact = self.train(synthetic_datasets(change))
        assert artifact.metrics["train"].roc_auc is not None

    def test_single_precision_is_accepted(self) -> None:
        """X may be float32; such a model refuses float64 rather than round it unseen."""
        artifact = self.train(synthetic_datasets(lambda _, X, y: Split(X.astype(np.float32), y)))
        X, _ = synthetic_rows(50, seed=6)
        assert artifact.predict_proba(X.astype(np.float32)).shape == (50, 2)
        with pytest.raises(InputError, match="float32"):
            artifact.predict_proba(X)

    # -- when it stops ---------------------------------------------------------------------------

    @pytest.mark.parametrize("metric", get_args(StoppingMetric))
    def test_early_stopping_is_obeyed_and_recorded(self, metric: StoppingMetric) -> None:
        """On validation labels that are turned over, learning only hurts: it must stop."""
        rounds, ceiling = 5, 400
        policy = TrainingPolicy(early_stopping=EarlyStopping(rounds, metric))
        datasets = synthetic_datasets(_turn_validation_over)
        if metric not in self.spec.stopping_metrics:
            if self.spec.stopping_metrics:
                with pytest.raises(InputError, match=metric):
                    self.train(datasets, policy)
            pytest.skip(f"{self.model} does not declare {metric} among its stopping_metrics")
        curve = self.train(datasets, policy, **self._ceiling(ceiling)).learning_curve
        seen = f"{curve}"
        assert curve.best_iteration is not None and curve.n_iterations is not None, _fault(
            "best_iteration and n_iterations", seen, "return them in Fitted"
        )
        assert curve.metric in (None, self.spec.stopping_metrics[metric]), _fault(
            f"the metric {self.spec.stopping_metrics[metric]!r}", seen, "watch stopping.metric"
        )
        assert (curve.stopping_rounds, curve.ceiling) == (rounds, ceiling), _fault(
            f"rounds {rounds} and ceiling {ceiling}", seen, "correct ModelSpec.iterations_param"
        )
        assert 1 <= curve.best_iteration <= curve.n_iterations <= ceiling, _fault(
            "1 <= best_iteration <= n_iterations <= ceiling", seen, "count iterations from 1"
        )
        waited = curve.n_iterations - curve.best_iteration
        assert rounds <= waited <= rounds + 1, _fault(
            f"{rounds} iterations after the best one", seen, "stop after stopping.rounds"
        )

    def test_without_early_stopping_it_trains_to_the_ceiling(self) -> None:
        """``early_stopping=None`` keeps every iteration, even those that hurt validation."""
        self._needs_stopping()
        datasets = synthetic_datasets(_turn_validation_over)
        curve = self.train(datasets, **self._ceiling(40)).learning_curve
        seen = (curve.best_iteration, curve.n_iterations, curve.stopping_rounds)
        assert seen == (40, 40, None), _fault(
            "best_iteration 40, n_iterations 40, stopping_rounds None",
            f"{curve}",
            "where stopping.rounds is None, neither stop nor cut the model to its best iteration",
        )

    def test_the_least_improvement_is_obeyed_or_refused(self) -> None:
        """No iteration improves by ten, so the first stays the best."""
        self._needs_stopping()
        policy = TrainingPolicy(early_stopping=EarlyStopping(3, min_delta=10.0))
        if not self.spec.stopping_min_delta:
            with pytest.raises(InputError, match="min_delta"):
                self.train(policy=policy)
            return
        curve = self.train(policy=policy).learning_curve
        assert curve.best_iteration == 1, _fault(
            "best_iteration 1 with min_delta=10",
            f"{curve}",
            "pass stopping.min_delta on, or set ModelSpec.stopping_min_delta=False",
        )

    @pytest.mark.parametrize("metric", ["log_loss", "roc_auc"])
    def test_prediction_uses_the_best_iteration(self, metric: StoppingMetric) -> None:
        """The curve's value at the best iteration is that of the scores."""
        self._needs_stopping()
        if metric not in self.spec.stopping_metrics:
            pytest.skip(f"{self.model} does not declare {metric} among its stopping_metrics")
        policy = TrainingPolicy(early_stopping=EarlyStopping(5, metric))
        artifact = self.train(policy=policy, **self._ceiling(200))
        said, seen = artifact.learning_curve.val_best, artifact.metrics["val"].figures()[metric]
        if said is None:
            pytest.skip(f"{self.model} keeps no learning curve")
        assert seen is not None and math.isclose(said, seen, rel_tol=1e-4), _fault(
            f"{metric} {said} on validation, as the learning curve says",
            f"{seen}",
            "predict with the first Fitted.best_iteration iterations only",
        )

    # -- what it tells ---------------------------------------------------------------------------

    def test_events_are_those_of_the_schema(self) -> None:
        """The same events as every model, in order, each with every declared field."""
        with recorded_events() as events:
            self.train()
        faults = [fault for line in events for fault in event_faults(line)]
        assert not faults, _fault("events as declared", "; ".join(faults), _EVENTS_MEND)
        names = [line["event"] for line in events]
        shared = [name for name in names if name in _EVENTS_OF_A_TRAINING]
        assert tuple(shared) == _EVENTS_OF_A_TRAINING, _fault(
            f"{_EVENTS_OF_A_TRAINING}, in this order", f"{names}", _EVENTS_MEND
        )
        who = {(line["run_id"], line["kind"], line["model"]) for line in events}
        assert len(who) == 1 and who.pop()[1:] == ("model", self.model), _fault(
            f"one run of the model {self.model!r}", f"{who}", _EVENTS_MEND
        )

    def test_a_failing_training_says_so(self) -> None:
        """An error ends in ``training_failed``, with its stage, and reaches the caller as it is."""
        with recorded_events() as events, pytest.raises(ZeroDivisionError):
            self.train(policy=TrainingPolicy(theta=_FailingRule(), early_stopping=None))
        last = events[-1]
        assert last["event"] == "training_failed" and last["error"] == "ZeroDivisionError", _fault(
            "training_failed as the last event", f"{last}", _EVENTS_MEND
        )
        assert last["stage"] == "theta_sweep", _fault(
            "the stage theta_sweep", f"{last['stage']}", "do not replace that node"
        )
        assert not event_faults(last), _fault("the schema", f"{event_faults(last)}", _EVENTS_MEND)

    # -- how it asks -----------------------------------------------------------------------------

    def _refusal(self, code: str, params: Mapping[str, Any]) -> str:
        """Return the message with which ``train_one`` refuses ``params``; fail if it does not."""
        try:
            train_one(self.model, synthetic_datasets(), HPOParams(params))
        except ParameterError as error:
            assert error.code == code, _fault(f"the code {code}", f"{error.code}: {error}", _BOUNDS)
            return str(error)
        return pytest.fail(_fault(f"{code} for {params}", "a training", _BOUNDS))

    def _ceiling(self, iterations: int) -> dict[str, int]:
        assert self.spec.iterations_param is not None
        return {self.spec.iterations_param: iterations}

    def _needs_stopping(self) -> None:
        if not self.spec.stopping_metrics:
            pytest.skip(f"{self.model} declares no stopping_metrics: it does not boost")


_BOUNDS = "correct low, high, open_low, open_high, choices or default of that Param"
_EVENTS_MEND = "do not replace the nodes of cvn_harness_core.nodes.log_emit"


def _fault(expected: str, seen: str, mend: str) -> str:
    return f"expected {expected}; saw {seen}. To mend it: {mend}."


@cache
def _artifact(contract: type[ModelContract]) -> TrainedArtifact:
    """Return one training at the kit's defaults, shared by the tests that only look at it."""
    return contract().train()


def _turn_validation_over(name: str, X: Array, y: Array) -> Split:
    return Split(X, 1 - y if name == "val" else y)


def _edges(param: Param) -> tuple[list[Any], list[Any]]:
    """Return values that a parameter declares to be legal, and some just outside; both by type."""
    within: list[Any] = [] if param.default is None else [param.default]
    beyond: list[Any] = [object(), None]
    if param.type is bool:
        return [*within, True, False], [*beyond, "yes", 1]
    if param.type is tuple:
        return [*within, (1, 0, -1)], [*beyond, "1,0", 1]
    if param.type is str:
        return [*within, *(param.choices or ("any",))], [*beyond, 1, *("?" * bool(param.choices))]
    beyond += [float("nan"), float("inf"), "1", True]
    for bound, is_open, outside in (
        (param.low, param.open_low, -1),
        (param.high, param.open_high, 1),
    ):
        if bound is not None:
            (beyond if is_open else within).append(param.type(bound))
            beyond.append(param.type(bound + outside))
    if not within:
        low = param.low if param.low is not None else (param.high or 1) - 1
        within = [param.type(low + 1) if param.high is None else (low + param.high) / 2]
    return within, beyond


def _cores_kept_busy(work: Callable[[], object], seconds: float = 0.4) -> float:
    """Return processor time over elapsed time of doing ``work`` again and again."""
    wall, processor = time.perf_counter(), time.process_time()
    while time.perf_counter() - wall < seconds:
        work()
    return (time.process_time() - processor) / (time.perf_counter() - wall)


def _python(program: str, *arguments: object) -> str:
    """Run a program in a fresh interpreter that imports from where this one does."""
    path = os.pathsep.join(entry for entry in sys.path if entry)
    done = subprocess.run(  # noqa: S603  the kit's own program
        [sys.executable, "-c", program, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"a fresh interpreter failed:\n{done.stderr}"
    return done.stdout


@dataclass(frozen=True)
class _FailingRule:
    """A theta rule that always fails."""

    @property
    def name(self) -> str:
        return "failing"

    def decide(self, evidence: ThetaEvidence) -> ThetaDecision:
        raise ZeroDivisionError(f"{evidence.scores.size} rows")
