"""One trial: the training path up to theta, on validation or on forward folds."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from cvn_harness_core.contracts.hpo import HPOParams
from cvn_harness_core.contracts.model import Fitted, ModelSpec
from cvn_harness_core.contracts.out_of_fold import OutOfFold
from cvn_harness_core.contracts.params import ResolvedParam
from cvn_harness_core.contracts.search import TrialRecord
from cvn_harness_core.errors import HarnessError, SearchError
from cvn_harness_core.events.log import RunLog
from cvn_harness_core.harness.driver import Trace
from cvn_harness_core.harness.guarded import guarded
from cvn_harness_core.harness.parameters import Spec
from cvn_harness_core.harness.planning import Training
from cvn_harness_core.harness.threads import threads_are_free
from cvn_harness_core.nodes import hpo_optuna
from cvn_harness_core.nodes.fit import Scores
from cvn_harness_core.policy import TrainingPolicy
from cvn_harness_core.resources.budget import Budget
from cvn_harness_core.resources.peak import Peak, growth_so_far, peak_memory
from cvn_harness_core.search.extrapolation import Extrapolation
from cvn_harness_core.search.objective import Direction
from cvn_harness_core.search.prepared import PreparedData
from cvn_harness_core.search.pruning import Pruning, watcher
from cvn_harness_core.search.space import with_trial
from cvn_harness_core.search.study import Asked
from cvn_harness_core.store.folds import keep_nothing

_JUDGED = ["trial_value", "theta_sweep", "trial_scores"]
_SETTLED = 5
"""After so many iterations a fit has allocated most of what it will."""

_MINIMISED = frozenset({"log_loss"})


class Ended(NamedTuple):
    """What became of a trial; None if it was cut from outside.

    ``fitted`` only if it is complete, ``error`` if a fit failed.
    """

    record: TrialRecord | None
    fitted: Fitted | None = None
    error: HarnessError | None = None


class Trials:
    """Runs the trials of one search, also in several threads at once.

    ``memory_told`` is done when it is known what the first trial takes: after its first few
    iterations, or at its end. Until then ``run`` is for one thread.
    """

    def __init__(self, training: Training, log: RunLog, ended: Callable[[], bool]) -> None:
        assert training.search is not None
        assert isinstance(training.spec, ModelSpec)
        self._training, self._log, self.ended = training, log, ended
        self._spec: ModelSpec = training.spec
        self._search, self._settings = training.search, training.search.settings
        self._policy = trial_policy(training.policy, self._settings)
        self.n_threads = trial_threads(training)
        self.growth_bytes: int | None = None
        self.memory_told: Future[None] = Future()
        folds = self._policy.out_of_fold
        self.prepared = PreparedData(
            self._spec, training.adapter, keep=2 if folds is None else folds.n_folds + 1
        )

    def run(self, asked: Asked, earlier: list[TrialRecord], *, prune: bool = True) -> Ended:
        """Run one trial, compared with the earlier ones that it may know of."""
        started = time.perf_counter()
        pruning = self._pruning(asked, earlier) if prune else None
        parameters = with_trial(self._training.parameters, self._search.space, asked.params)
        error = None
        with peak_memory() as peak:
            watch = _Watch(self, pruning, peak)
            try:
                out = self._execute(parameters, pruning, watch)
            except SearchError:
                raise
            except HarnessError as caught:
                error = caught
            self.note(growth_so_far(peak), whole=error is None)
        pruned = pruning is not None and pruning.pruned
        if watch.cut and not pruned:
            return Ended(None)
        record = partial(self._record, asked, started, pruning, peak_bytes=peak.peak_bytes)
        if error is not None:
            return Ended(record(code=error.code, message=str(error)), error=error)
        if pruned:
            return Ended(record(state="pruned", curve=out["learning_curve"]))
        value = out["trial_value"]
        if not np.isfinite(value):
            message = f"{self._settings.objective} is {value}"
            return Ended(record(code="value_not_finite", message=message))
        decision = out["theta_sweep"]
        complete = record(
            state="complete",
            value=value,
            curve=out.get("learning_curve"),
            theta=decision.theta,
            buy_rate=decision.buy_rate,
            scores=tuple(out["trial_scores"].tolist()),
        )
        return Ended(complete, out.get("fitted"))

    def note(self, growth_bytes: int | None, *, whole: bool) -> None:
        """Note what a trial has taken so far; the first time, others may be begun beside it.

        Not if it was no ``whole`` trial, or what is as good as one: a fit that failed may have
        taken next to nothing.
        """
        if growth_bytes is not None:
            self.growth_bytes = max(self.growth_bytes or 0, growth_bytes)
        if whole and not self.memory_told.done():
            self.memory_told.set_result(None)

    def _execute(
        self,
        parameters: Mapping[str, ResolvedParam],
        pruning: Extrapolation | Pruning | None,
        watch: _Watch,
    ) -> dict[str, Any]:
        training, trace = self._training, Trace()
        inputs = {
            "datasets": training.request.datasets,
            "spec": self._spec,
            "adapter": training.adapter,
            "policy": self._policy,
            "parameters": dict(parameters),
            "seed": training.seed,
            "n_threads": self.n_threads,
            "run_log": self._log,
            "keep_fold": keep_nothing,
            "prepare": self.prepared,
            "watch": watch,
            "objective": self._settings.objective,
        }
        dags = (hpo_optuna, *training.dags)  # a plugin's own nodes are over those of a trial
        if self._policy.out_of_fold is not None:
            nothing = np.empty(0)  # nothing is fitted on the whole
            known = {"native_scores": Scores(nothing, nothing, nothing)}
            return guarded(dags, _JUDGED, inputs, trace, known)
        out = guarded(dags, ["fitted", "learning_curve"], inputs, trace, {})
        if watch.cut or (pruning is not None and pruning.pruned):
            return out
        return out | guarded(dags, _JUDGED, inputs, trace, {"fitted": out["fitted"]})

    def _pruning(self, asked: Asked, earlier: list[TrialRecord]) -> Extrapolation | Pruning | None:
        spec, policy = self._spec, self._policy
        if policy.out_of_fold is not None or not spec.stopping_metrics:
            return None
        parameters = with_trial(self._training.parameters, self._search.space, asked.params)
        ceiling = parameters.get(spec.iterations_param or "")
        if ceiling is None:
            return None
        assert isinstance(ceiling.value, int)
        return watcher(
            self._settings.pruner,
            earlier,
            asked.number,
            ceiling=ceiling.value,
            direction=watched_direction(spec, policy),
        )

    def _record(
        self, asked: Asked, started: float, pruning: Extrapolation | Pruning | None, **facts: Any
    ) -> TrialRecord:
        return TrialRecord(
            number=asked.number,
            params=asked.params,
            attempts=asked.attempt,
            seconds=time.perf_counter() - started,
            reports=() if pruning is None else pruning.reports,
            rungs={} if pruning is None else pruning.rungs,
            **{"state": "failed", **facts},
        )


class _Watch:
    """What a fit calls after each iteration, and what says whether it is to end there.

    ``cut`` is whether it was ended from outside, and not by the pruner.
    """

    def __init__(self, trials: Trials, pruning: Extrapolation | Pruning | None, peak: Peak) -> None:
        self._trials, self._pruning, self._peak = trials, pruning, peak
        self.cut = False

    def __call__(self, iteration: int, value: float) -> bool:
        """Return whether the boosting is to end after this iteration."""
        if iteration == _SETTLED and not self._trials.memory_told.done():
            self._trials.note(growth_so_far(self._peak), whole=True)
        if self._trials.ended():
            self.cut = True
            return True
        return self._pruning is not None and self._pruning.watch(iteration, value)


def trial_policy(policy: TrainingPolicy, settings: HPOParams) -> TrainingPolicy:
    """Return the policy of trials, under which validation stops the same fit as in the training.

    Forward folds cost a fit each: they are left out unless trials are measured on them.
    """
    if settings.evaluate_on == "forward_folds":
        return replace(policy, out_of_fold=policy.out_of_fold or OutOfFold(), calibration=None)
    if policy.out_of_fold is not None:
        return replace(policy, out_of_fold=None, calibration=None)
    return policy


def trial_threads(training: Training) -> int:
    """Return the threads of one trial's fit.

    Where they are free, the budget's are divided among the trials that may run at once.
    """
    assert training.search is not None
    if not trial_threads_are_free(training):
        return training.n_threads
    return max(1, Budget.current().threads // training.search.most_workers)


def trial_threads_are_free(training: Training) -> bool:
    """Return whether threads change no bits and the user names no number of them."""
    assert training.search is not None
    assert isinstance(training.spec, ModelSpec)
    search = training.search
    return threads_are_free(training.spec, search.settings, training.parameters, search.space)


def watched_direction(spec: Spec, policy: TrainingPolicy) -> Direction:
    """Return which way the stopping metric is better, which the pruner watches."""
    if not isinstance(spec, ModelSpec) or not spec.stopping_metrics:
        return "minimize"
    stopping = policy.early_stopping
    metric = next(iter(spec.stopping_metrics)) if stopping is None else stopping.metric
    return "minimize" if metric in _MINIMISED else "maximize"
