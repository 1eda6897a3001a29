"""The contract of a model as a class of tests.

An author subclasses it in one line, in a test module of the model's own package::

    from cvn_harness_core.testing import ModelContract


    class TestMyModel(ModelContract):
        model = "my_model"

Every test trains the installed plugin through ``train_one``, the way that users do, on synthetic
data of the kit's own. What a model cannot be asked (early stopping, of one that does not boost) is
skipped. A failure says what was expected, what was seen, and how to mend it.
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
from pathlib import Path
from typing import Any, ClassVar, get_args

import msgspec
import numpy as np
import pytest

from cvn_harness_core import (
    MODEL_REGISTRY,
    Datasets,
    EarlyStopping,
    FitError,
    HPOParams,
    InputError,
    ModelSpec,
    Param,
    ParameterError,
    Payoff,
    Split,
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

EVENTS_OF_A_TRAINING = (
    "training_started",
    "class_balance_applied",
    "learning_curve",
    "theta_picked",
    "training_health",
    "training_complete",
)


def synthetic_rows(n: int, seed: int = 0) -> tuple[Array, Array]:
    """Return made-up rows: X (n, 6) float64, standard normal, and labels y (n,) int8.

    The log odds are ``x0 * x1 + sin(2 * x2) - 1``: a weak signal that no linear model finds, in
    noise; about a third is positive. The other three features mean nothing.
    """
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 6))
    log_odds = X[:, 0] * X[:, 1] + np.sin(2 * X[:, 2]) - 1.0
    return X, (rng.random(n) < 1 / (1 + np.exp(-log_odds))).astype(np.int8)


def synthetic_datasets(
    change: Callable[[str, Array, Array], Split] | None = None, *, n: int = 600
) -> Datasets:
    """Return datasets of synthetic rows: ``n`` to train on, 400 for validation, 300 for test.

    ``change(name, X, y)`` may make another split of a part's rows.
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
    """Yield a list that holds, after the block, every event of it, read from its line of JSON."""
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
    """Return in what one event, read from its line of JSON, departs from its declaration."""
    name = str(line.get("event"))
    if name not in EVENTS:
        return [f"{name!r} is not an event of the schema ({', '.join(EVENTS)})"]
    declared = {f.name for f in fields(EVENTS[name])}
    stamps = {"event", "schema", "level", "timestamp"}
    faults = [f"{name} lacks {field!r}" for field in sorted((declared | stamps) - set(line))]
    faults += [f"{name} has {f!r}, undeclared" for f in sorted(set(line) - declared - stamps)]
    try:
        values = {field: value for field, value in line.items() if field in declared}
        msgspec.convert(values, EVENTS[name], strict=True)
    except msgspec.ValidationError as error:
        faults.append(f"{name}: {error}")
    return faults


class ModelContract:
    """What every model must do. Subclass it and name the model.

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

    # -- what it declares ------------------------------------------------------------------------

    def test_it_is_registered(self) -> None:
        """The entry point is found, may be loaded, and says which distribution it is from."""
        require(
            self.model in MODEL_REGISTRY,
            f"an entry point {self.model!r} in the group cvn_harness.models.v1",
            ", ".join(MODEL_REGISTRY) or "no models",
            "declare it in pyproject.toml and install the package (pip install -e .)",
        )
        record = MODEL_REGISTRY.record(self.model)
        known = bool(record.distribution and record.version)
        require(
            known and (record.kind, record.status) == ("model", "available"),
            "an available model from a distribution with a version",
            record,
            record.error or "give the project in pyproject.toml a name and a version",
        )

    def test_its_specification_is_consistent(self) -> None:
        """No spelling means two things, and every parameter that it refers to is declared."""
        spec = self.spec
        spellings = [s for p in spec.params for s in (p.name, *p.aliases)] + list(spec.reserved)
        twice = sorted({s for s in spellings if spellings.count(s) > 1})
        require(
            not twice,
            "every name, alias and reserved name once",
            twice,
            "let each spelling belong to one Param, or to ModelSpec.reserved",
        )
        for role in ("iterations_param", "positive_weight_param"):
            name = getattr(spec, role)
            require(
                name is None or spec.param(name) is not None,
                f"ModelSpec.{role} to be one of params",
                name,
                "declare a Param of that name",
            )
        ceiling = spec.param(spec.iterations_param or "")
        require(
            ceiling.default is not None if ceiling else not spec.stopping_metrics,
            "a ceiling of iterations, with a default, for a model with stopping_metrics",
            ceiling,
            "name it in ModelSpec.iterations_param and give that Param a default",
        )

    def test_reading_its_specification_imports_no_library(self) -> None:
        """Listing and describing models is quick: the library is imported with the adapter."""
        if not self.spec.libraries:
            pytest.skip(f"{self.model} declares no libraries")
        imported = _python(_READ_A_SPECIFICATION, self.model).split()
        require(
            not imported,
            "a specification that does without its library",
            imported,
            "import the library in the adapter's module, and that module in ModelSpec.adapter",
        )

    def test_declared_values_pass_their_own_check(self) -> None:
        """Defaults, choices and closed bounds are accepted; what lies beyond them is not."""
        for param in self.spec.params:
            within, beyond = _edges(param)
            for value, legal in [(v, True) for v in within] + [(v, False) for v in beyond]:
                try:
                    param.check(value)
                    accepted = True
                except ParameterError:
                    accepted = False
                require(
                    accepted == legal,
                    f"{param.name}={value!r} to be {'accepted' if legal else 'refused'}",
                    param,
                    "correct low, high, open_low, open_high, choices or default",
                )

    def test_an_unknown_parameter_is_refused_with_the_nearest_name(self) -> None:
        """A slip of the finger never trains silently with the default."""
        for param in self.spec.params:
            slip = param.name + param.name[-1]
            self._refused({slip: 1}, "parameter_unknown", repr(slip), f"mean {param.name!r}?")

    def test_every_alias_stands_for_its_parameter(self) -> None:
        """A documented alias is accepted alone, and refused beside another spelling."""
        for param in self.spec.params:
            value = _edges(param)[0][0]
            for alias in param.aliases:
                resolved = resolve_parameters(self.spec, {alias: value})[param.name]
                require(
                    (resolved.source, resolved.value) == ("user", param.check(value)),
                    f"{alias}={value!r} to set {param.name}",
                    resolved,
                    "let each alias belong to one Param",
                )
                both = {alias: value, param.name: value}
                self._refused(both, "parameter_duplicate", repr(alias), repr(param.name))

    def test_every_reserved_name_is_refused_with_where_to_set_it(self) -> None:
        """What the harness sets itself cannot be set behind its back."""
        for name, where in self.spec.reserved.items():
            self._refused({name: 1}, "parameter_reserved", repr(name), where)

    # -- what it returns -------------------------------------------------------------------------

    def test_probabilities_are_probabilities(self) -> None:
        """(n, 2) float64 within [0, 1], each row with sum 1, and not all alike."""
        scores = self.artifact.predict_proba(_ROWS)
        require(
            (scores.shape, scores.dtype) == ((len(_ROWS), 2), np.dtype(np.float64)),
            f"scores of shape ({len(_ROWS)}, 2), float64",
            (scores.shape, scores.dtype),
            "return (n,) or (n, 2) from ModelAdapter.predict_proba",
        )
        far = float(np.abs(scores.sum(axis=1) - 1.0).max())
        require(
            scores.min() >= 0.0 and scores.max() <= 1.0 and far < 1e-12,
            "scores within [0, 1] whose rows have the sum 1",
            f"{scores.min()} to {scores.max()}, sums {far} from 1",
            "return probabilities from ModelAdapter.predict_proba, not margins",
        )
        distinct = np.unique(scores[:, 1])
        require(
            distinct.size > 10,
            "scores that differ from row to row",
            distinct,
            "check that fit passes the features, and that the default parameters let it learn",
        )

    def test_a_higher_score_means_a_likelier_buy(self) -> None:
        """Column 1 is the positive class, and a signal that is there is found."""
        auc = self.artifact.metrics["train"].roc_auc or 0.0
        require(
            auc > 0.6,
            "a ROC AUC above 0.6 on the rows it was trained on",
            auc,
            "return the probability of label 1 from ModelAdapter.predict_proba",
        )

    def test_a_row_alone_scores_as_in_a_batch(self) -> None:
        """Live scoring, one row at a time, agrees with the backtest."""
        alone = [self.artifact.predict_proba(_ROWS[i : i + 1]) for i in range(50)]
        gap = _gap(np.concatenate(alone), self.artifact.predict_proba(_ROWS)[:50])
        require(
            gap < 1e-12,
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
        require(
            not changed,
            "inputs that are never written to",
            f"{len(changed)} of {len(given)} arrays changed",
            "copy before changing in ModelAdapter.prepare, fit and predict_proba",
        )

    def test_it_scores_the_same_bits_in_another_process(self, tmp_path: Path) -> None:
        """A bundle holds the whole model: saved here, loaded by a fresh interpreter."""
        X = _ROWS.copy()
        X[::7, 0] = np.nan
        bundle, rows, scores = tmp_path / "bundle", tmp_path / "rows.npy", tmp_path / "scores.npy"
        self.artifact.save(bundle)
        np.save(rows, X)
        _python(_SCORE_A_BUNDLE, bundle, rows, scores)
        gap = _gap(np.load(scores), self.artifact.predict_proba(X))
        require(
            gap == 0.0,
            "the same bits after saving and loading",
            f"a difference of {gap}",
            "save every number in full precision, and only the iterations that are used",
        )
        loaded, facts = TrainedArtifact.load(bundle), [f.name for f in fields(ArtifactRecord)]
        lost = [n for n in facts if getattr(loaded, n) != getattr(self.artifact, n)]
        require(
            not lost,
            "the same facts after saving and loading",
            f"other {lost}",
            "let diagnostics hold only what JSON can: str, float, int, bool, None, list, dict",
        )

    def test_every_split_has_every_figure(self) -> None:
        """``metrics`` has the same parts and, flat, the same names for every model."""
        metrics = self.artifact.metrics
        require(
            {name: tuple(m.figures()) for name, m in metrics.items()}
            == dict.fromkeys(("train", "val", "test"), metric_names()),
            f"SplitMetrics of train, val and test: {metric_names()}",
            metrics,
            "do not replace the node eval_metrics",
        )

    # -- what it obeys ---------------------------------------------------------------------------

    def test_the_same_seed_gives_the_same_bits(self) -> None:
        """Whatever else was trained in between: an adapter has no memory."""
        first = self.train().predict_proba(_ROWS)
        self.train(policy=TrainingPolicy(class_balance=3.0))
        gap = _gap(self.train().predict_proba(_ROWS), first)
        require(
            gap == 0.0,
            "the same bits from the same data, parameters, seed and threads",
            f"a difference of {gap}",
            "pass request.seed to every source of chance, and keep no state in the adapter",
        )

    def test_threads_do_not_change_bits_if_it_says_so(self) -> None:
        """``thread_invariant`` is a promise: results do not depend on the machine."""
        if not self.spec.thread_invariant:
            pytest.skip(f"{self.model} does not declare thread_invariant")
        datasets = synthetic_datasets(n=3000)
        one, two = (self.train(datasets, n_threads=n).predict_proba(_ROWS) for n in (1, 2))
        require(
            _gap(one, two) == 0.0,
            "the same bits for one thread and two",
            f"a difference of {_gap(one, two)}",
            "set ModelSpec.thread_invariant=False, or pin the library's deterministic mode",
        )

    def test_it_keeps_to_one_thread_when_told_to(self) -> None:
        """Fitting and scoring with ``n_threads=1`` keep no second core busy."""
        if (os.cpu_count() or 1) == 1:
            pytest.skip("one core: a second thread would not show")
        datasets = synthetic_datasets(n=12_000)
        artifact, many = self.train(datasets), np.tile(datasets.train.X, (8, 1))
        for what, work, mend in (
            ("fit", lambda: self.train(datasets), "pass request.n_threads on in prepare and fit"),
            ("score", lambda: artifact.predict_proba(many), "pass n_threads on in predict_proba"),
        ):
            busy = _cores_kept_busy(work)
            require(busy < 1.3, f"to {what} on one core", f"{busy:.2f} cores busy", mend)

    def test_sample_weights_reach_the_fit(self) -> None:
        """Other weights of the training rows, other scores."""

        def weigh(name: str, X: Array, y: Array) -> Split:
            weight = np.random.default_rng(8).uniform(0.1, 3.0, y.size)
            return Split(X, y, weight=weight if name == "train" else None)

        gap = _gap(self.train(synthetic_datasets(weigh)).predict_proba(_ROWS), self._scores)
        require(gap > 0.0, "other scores from other sample weights", "the same bits", _WEIGHTS)

    def test_rows_without_weight_have_no_say(self) -> None:
        """Half of the training labels are turned over, and do no harm where they weigh nothing."""

        def auc(weight_of_wrong: float) -> float:
            def change(name: str, X: Array, y: Array) -> Split:
                if name != "train":
                    return Split(X, y)
                wrong = np.arange(y.size) % 2 == 1
                weight = np.where(wrong, weight_of_wrong, 1.0)
                return Split(X, np.where(wrong, 1 - y, y), weight=weight)

            return self.train(synthetic_datasets(change, n=1500)).metrics["val"].roc_auc or 0.0

        ignored, believed = auc(0.0), auc(1.0)
        require(
            ignored > believed + 0.05,
            "wrong labels to do no harm where they weigh nothing",
            f"ROC AUC {ignored:.3f} on validation with their weight 0, {believed:.3f} with 1",
            _WEIGHTS,
        )

    def test_automatic_class_balance_inflates_the_scores_and_says_so(self) -> None:
        """Positives weigh negatives over positives, and the artifact says what that does."""
        labels = synthetic_datasets().train.y
        balanced = self.train(policy=TrainingPolicy(class_balance="auto", early_stopping=None))
        kinds = (self.artifact.probability.kind, balanced.probability.kind)
        weight = balanced.probability.positive_weight
        require(
            kinds == ("raw", "weight_inflated")
            and math.isclose(weight, (labels == 0).sum() / (labels == 1).sum()),
            "raw scores, and weight_inflated ones by negatives over positives",
            f"{self.artifact.probability} and {balanced.probability}",
            "do not replace the nodes of class_balance",
        )
        before, after = self._scores[:, 1].mean(), balanced.predict_proba(_ROWS)[:, 1].mean()
        require(
            after > before,
            "a larger mean score from heavier positives",
            f"{before:.4f} before and {after:.4f} after",
            "name the library's weight of positives in ModelSpec.positive_weight_param, or leave "
            "that None to have the sample weights multiplied",
        )

    def test_parameters_are_read_back_from_the_model(self) -> None:
        """What was asked for is what the fitted model itself says that it used."""
        artifact = self.train(policy=TrainingPolicy(class_balance=2.5, early_stopping=None))
        said = artifact.adapter.effective_params(artifact.native)
        if not said:
            pytest.skip(f"{self.model} has no effective_params; implement them to be checked")
        for name, effective in artifact.effective_params.items():
            if effective.requested is None:
                continue
            require(
                _close(effective.value, effective.requested),
                f"{name}={effective.requested!r}, as requested",
                f"{effective.value!r} in the fitted model",
                "pass it on in ModelAdapter.fit under the name that the library knows",
            )
            param = self.spec.param(name)
            native = (param.native if param else None) or name
            require(
                native in said or name == self.spec.iterations_param,
                f"{native!r} among what the fitted model reports",
                ", ".join(sorted(said)),
                "return it from ModelAdapter.effective_params, or correct Param.native",
            )

    # -- what it accepts -------------------------------------------------------------------------

    @pytest.mark.parametrize("oddity", ["missing", "missing throughout", "constant", "duplicate"])
    def test_odd_features_are_accepted(self, oddity: str) -> None:
        """Real features have gaps, and some say nothing."""

        def change(_: str, X: Array, y: Array) -> Split:
            if oddity == "missing":
                X[np.random.default_rng(9).random(X.shape) < 0.1] = np.nan
            else:
                column = {"missing throughout": np.nan, "constant": 1.0, "duplicate": X[:, 0]}
                X[:, 5] = column[oddity]
            return Split(X, y)

        auc = self.train(synthetic_datasets(change)).metrics["train"].roc_auc or 0.0
        require(auc > 0.6, "a model that learns all the same", auc, "let NaN mean missing")

    def test_single_precision_is_accepted(self) -> None:
        """X may be float32; the model then refuses float64, rather than round it unseen."""
        artifact = self.train(synthetic_datasets(lambda _, X, y: Split(X.astype(np.float32), y)))
        seen = artifact.predict_proba(_ROWS.astype(np.float32)).dtype
        require(seen == np.float64, "float64 scores", seen, "do not replace the node scores")
        with pytest.raises(InputError, match="float32"):
            artifact.predict_proba(_ROWS)

    # -- when it stops ---------------------------------------------------------------------------

    @pytest.mark.parametrize("metric", get_args(StoppingMetric))
    def test_early_stopping_is_obeyed_and_recorded(self, metric: StoppingMetric) -> None:
        """Against validation labels that are turned over, learning only hurts: it must stop."""
        rounds, ceiling = 5, 400
        self._needs_stopping()
        policy = TrainingPolicy(early_stopping=EarlyStopping(rounds, metric))
        if metric not in self.spec.stopping_metrics:
            with pytest.raises(InputError, match=metric):
                self.train(policy=policy)
            return
        curve = self._train_against_validation(policy, ceiling).learning_curve
        best, run = curve.best_iteration or 0, curve.n_iterations or 0
        require(
            1 <= best <= run < ceiling,
            f"1 <= best_iteration <= n_iterations < {ceiling}, the ceiling",
            curve,
            "return both in Fitted, counted from 1, and obey request.stopping",
        )
        require(
            rounds <= run - best <= rounds + 1,
            f"{rounds} iterations after the best one",
            curve,
            "stop when stopping.rounds iterations have not improved on the best one",
        )
        said = (curve.stopping_rounds, curve.ceiling, curve.metric or "")
        require(
            said in {(rounds, ceiling, self.spec.stopping_metrics[metric]), (rounds, ceiling, "")},
            f"rounds {rounds}, ceiling {ceiling}, {self.spec.stopping_metrics[metric]}",
            curve,
            "watch request.stopping.metric, and correct ModelSpec.iterations_param",
        )

    def test_without_early_stopping_it_trains_to_the_ceiling(self) -> None:
        """``early_stopping=None`` keeps every iteration, even those that hurt validation."""
        self._needs_stopping()
        curve = self._train_against_validation(TO_THE_CEILING, 40).learning_curve
        require(
            (curve.best_iteration, curve.n_iterations, curve.stopping_rounds) == (40, 40, None),
            "best_iteration 40, n_iterations 40, stopping_rounds None",
            curve,
            "where stopping.rounds is None, neither stop nor cut the model to its best iteration",
        )

    def test_the_least_improvement_is_obeyed_or_refused(self) -> None:
        """No iteration improves by ten, so the first one stays the best."""
        self._needs_stopping()
        policy = TrainingPolicy(early_stopping=EarlyStopping(3, min_delta=10.0))
        if not self.spec.stopping_min_delta:
            with pytest.raises(InputError, match="min_delta"):
                self.train(policy=policy)
            return
        curve = self.train(policy=policy).learning_curve
        require(
            curve.best_iteration == 1,
            "best_iteration 1 with min_delta=10",
            curve,
            "pass stopping.min_delta on, or set ModelSpec.stopping_min_delta=False",
        )

    @pytest.mark.parametrize("metric", ["log_loss", "roc_auc"])
    def test_prediction_uses_the_best_iteration(self, metric: StoppingMetric) -> None:
        """What the learning curve says at the best iteration is true of the scores."""
        self._needs_stopping()
        if metric not in self.spec.stopping_metrics:
            pytest.skip(f"{self.model} does not stop on {metric}")
        policy = TrainingPolicy(early_stopping=EarlyStopping(5, metric))
        artifact = self.train(policy=policy, params={self._ceiling: 200})
        said, seen = artifact.learning_curve.val_best, artifact.metrics["val"].figures()[metric]
        if said is None:
            pytest.skip(f"{self.model} keeps no learning curve")
        require(
            math.isclose(said, seen or 0.0, rel_tol=1e-4),
            f"{metric} {said} on validation, as the learning curve says",
            seen,
            "predict with the first Fitted.best_iteration iterations only",
        )

    # -- what it tells ---------------------------------------------------------------------------

    def test_events_are_those_of_the_schema(self) -> None:
        """The same events as of every model, in order, each with every declared field."""
        with recorded_events() as events:
            self.train()
        faults = [fault for line in events for fault in event_faults(line)]
        require(not faults, "events as declared", faults, _NODES)
        names = tuple(e["event"] for e in events if e["event"] in EVENTS_OF_A_TRAINING)
        require(names == EVENTS_OF_A_TRAINING, EVENTS_OF_A_TRAINING, names, _NODES)
        who = {(line["kind"], line["model"]) for line in events}
        runs = {line["run_id"] for line in events}
        one_run = who == {("model", self.model)} and len(runs) == 1
        require(one_run, f"one run of the model {self.model!r}", (who, runs), _NODES)

    def test_a_failing_training_says_so(self) -> None:
        """An error is told by ``training_failed``, with its stage, and reaches the caller."""
        with recorded_events() as events, pytest.raises(FitError) as raised:
            self.train(policy=TrainingPolicy(theta=_FailingRule(), early_stopping=None))
        faults, last = event_faults(events[-1]), events[-1]
        told = (last["event"], last.get("stage"), type(raised.value.__cause__).__name__)
        expected = ("training_failed", "theta_sweep", "ZeroDivisionError")
        require(not faults and told == expected, expected, (told, faults), _NODES)

    def test_it_prints_nothing(self, capfd: pytest.CaptureFixture[str]) -> None:
        """Standard output and error belong to the application; a library may not write there."""
        self.train()
        printed = capfd.readouterr()
        require(
            not printed.out and not printed.err,
            "a training that prints nothing",
            printed,
            "switch the library's own messages off in ModelAdapter.fit and predict_proba",
        )

    # -- how the kit asks ------------------------------------------------------------------------

    @property
    def spec(self) -> ModelSpec:
        """The model's specification."""
        return MODEL_REGISTRY[self.model]

    @property
    def artifact(self) -> TrainedArtifact:
        """One training as ``train()`` does it, shared by the tests that only look at it."""
        mine = type(self)
        if mine not in _SHARED:
            _SHARED[mine] = self.train()
        return _SHARED[mine]

    def train(
        self,
        datasets: Datasets | None = None,
        policy: TrainingPolicy = TO_THE_CEILING,
        params: Mapping[str, Any] | None = None,
        *,
        n_threads: int = 1,
    ) -> TrainedArtifact:
        """Train, by default on the synthetic data, to the ceiling, on one thread."""
        ceiling = {self._ceiling: self.iterations} if self.spec.iterations_param else {}
        chosen = {**ceiling, **self.params, **(params or {})}
        hpo_params = HPOParams(chosen, seed=7, n_threads=n_threads)
        return train_one(self.model, datasets or synthetic_datasets(), hpo_params, policy=policy)

    @property
    def _scores(self) -> Array:
        return self.artifact.predict_proba(_ROWS)

    @property
    def _ceiling(self) -> str:
        return self.spec.iterations_param or ""

    def _needs_stopping(self) -> None:
        if not self.spec.stopping_metrics:
            pytest.skip(f"{self.model} declares no stopping_metrics")

    def _train_against_validation(self, policy: TrainingPolicy, ceiling: int) -> TrainedArtifact:
        datasets = synthetic_datasets(lambda name, X, y: Split(X, 1 - y if name == "val" else y))
        return self.train(datasets, policy, {self._ceiling: ceiling})

    def _refused(self, params: Mapping[str, Any], code: str, *words: str) -> None:
        """Require that ``train_one`` refuses ``params`` with ``code`` and says ``words``."""
        seen = "a training"
        try:
            train_one(self.model, synthetic_datasets(), HPOParams(params))
        except ParameterError as error:
            seen = f"{error.code}: {error}"
        require(
            seen.startswith(f"{code}: ") and all(word in seen for word in words),
            f"{dict(params)} to be refused as {code} with the words {' and '.join(words)}",
            seen,
            "make aliases and reserved names distinct, the latter by contracts.params.reserved",
        )


def require(holds: bool, expected: object, seen: object, mend: str) -> None:
    """Fail the test unless ``holds``, saying what was expected, what was seen and what to do."""
    __tracebackhide__ = True
    if not holds:
        pytest.fail(f"expected {expected}; saw {seen}. To mend it: {mend}.")


_WEIGHTS = "pass train.weight to the library in ModelAdapter.prepare or fit"
_NODES = "do not replace the shared nodes or theta_sweep and log_emit"

_ROWS = synthetic_rows(200, seed=3)[0]

_SHARED: dict[type[ModelContract], TrainedArtifact] = {}

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


def _python(program: str, *arguments: object) -> str:
    """Run a program in a fresh interpreter that imports from where this one does."""
    done = subprocess.run(  # noqa: S603  one of the kit's own programs
        [sys.executable, "-c", program, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        check=False,
    )
    require(done.returncode == 0, "a fresh interpreter to do it too", done.stderr, "see there")
    return done.stdout


def _gap(one: Array, other: Array) -> float:
    return float(np.abs(one - other).max())


def _close(value: Any, requested: Any) -> bool:
    if isinstance(value, int | float) and isinstance(requested, int | float):
        return math.isclose(value, requested, rel_tol=1e-5)
    return bool(value == requested)


def _edges(param: Param) -> tuple[list[Any], list[Any]]:
    """Return values that a parameter declares to be legal, and some beyond what it declares."""
    within: list[Any] = [] if param.default is None else [param.default]
    beyond: list[Any] = [None, object()]
    if param.type is bool:
        return [*within, True, False], [*beyond, "yes", 1]
    if param.type is tuple:
        return [*within, (1, 0, -1)], [*beyond, "1,0", 1]
    if param.type is str:
        return [*within, *(param.choices or ("any",))], [*beyond, 1, *("?" * bool(param.choices))]
    beyond += [float("nan"), float("inf"), "1", True]
    low, high = param.low, param.high
    for bound, is_open, step in ((low, param.open_low, -1), (high, param.open_high, 1)):
        if bound is not None:
            (beyond if is_open else within).append(param.type(bound))
            beyond.append(param.type(bound + step))
    if not within:
        low = (high - 2 if high is not None else 0) if low is None else low
        within = [param.type((low + (high if high is not None else low + 2)) / 2)]
    return within, beyond


def _cores_kept_busy(work: Callable[[], object]) -> float:
    """Return processor time over elapsed time of some work, at least: the least of three tries."""
    least = math.inf
    for _ in range(3):
        wall, processor = time.perf_counter(), time.process_time()
        while time.perf_counter() - wall < 0.3:
            work()
        busy = (time.process_time() - processor) / (time.perf_counter() - wall)
        least = min(least, busy)
        if least < 1.3:
            break
    return least


@dataclass(frozen=True)
class _FailingRule:
    name: str = "failing"

    def decide(self, evidence: ThetaEvidence) -> ThetaDecision:
        raise ZeroDivisionError(evidence.scores.size)
