"""The search: trials until there are enough, and the best one's model."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from queue import SimpleQueue
from typing import Any, NamedTuple

from cvn_harness_core.contracts.hpo import HPOParams
from cvn_harness_core.contracts.model import Fitted
from cvn_harness_core.contracts.params import ResolvedParam
from cvn_harness_core.contracts.plain import plain
from cvn_harness_core.contracts.search import SearchedDimension, SearchRecord, TrialRecord
from cvn_harness_core.errors import InputError, SearchError
from cvn_harness_core.events.log import RunLog
from cvn_harness_core.events.schema import HpoComplete, HpoTrialComplete
from cvn_harness_core.harness.planning import STUDY_SETTINGS, OnTrial, Training
from cvn_harness_core.resources.budget import Budget
from cvn_harness_core.resources.workers import worker_count
from cvn_harness_core.search.objective import direction_of
from cvn_harness_core.search.prepared import PreparedData
from cvn_harness_core.search.space import with_trial
from cvn_harness_core.search.storage import quiet_optuna, require_optuna, shown
from cvn_harness_core.search.study import ATTEMPTS, Asked, Study
from cvn_harness_core.search.trial import Ended, Trials, trial_threads_are_free, watched_direction
from cvn_harness_core.store.key import Key, key_of


class Found(NamedTuple):
    """The best trial's parameters, its own fit where that is the artifact's, and the record."""

    parameters: Mapping[str, ResolvedParam]
    fitted: Fitted | None
    prepared: PreparedData
    record: SearchRecord


def search(training: Training, log: RunLog, on_trial: OnTrial | None = None) -> Found:
    """Run the trials that are not finished yet, and return the best.

    Raises
    ------
    SearchError
        ``study_differs``, ``storage_unavailable``, ``no_trial_finished``, ``prepared_changed``,
        ``trial_differs``.
    InputError
        ``money_unknown`` where the objective is ``expectancy`` and no money is known.
    """
    assert training.search is not None
    settings, started = training.search.settings, time.perf_counter()
    _check_money(training, settings)
    require_optuna()
    with quiet_optuna():
        study = _open(training, settings)
        deadline = None if settings.timeout_s is None else started + settings.timeout_s
        with closing(study):
            loop = _Loop(training, log, study, deadline, on_trial)
            try:
                loop.run(settings.n_trials)
            finally:
                n_on_data = _count(training, study)
            best = study.best()
            fitted = loop.fit_of(best)
    record = study.record(n_on_data, time.perf_counter() - started)
    log.emit(
        HpoComplete,
        study=record.study,
        objective=record.objective,
        value=record.value,
        best_trial=record.best,
        n_trials=len(record.trials),
        n_complete=record.count("complete"),
        n_pruned=record.count("pruned"),
        n_failed=record.count("failed"),
        params=plain(best.params),
        seconds=record.seconds,
    )
    parameters = with_trial(training.parameters, training.search.space, best.params)
    return Found(parameters, fitted, loop.trials.prepared, record)


class _Loop:
    """Runs trials in threads: the boosting lets go of the interpreter."""

    def __init__(
        self,
        training: Training,
        log: RunLog,
        study: Study,
        deadline: float | None,
        on_trial: OnTrial | None,
    ) -> None:
        self._study, self._log, self._deadline, self._on_trial = study, log, deadline, on_trial
        self._stop, self._name = threading.Event(), training.spec.name
        self._came: SimpleQueue[Future[Ended] | None] = SimpleQueue()
        self.trials = Trials(training, log, self._ended, told_memory=lambda: self._came.put(None))
        assert training.search is not None
        self._settings = training.search.settings
        self._budget = Budget.current()
        self._best: tuple[TrialRecord, Fitted] | None = None

    def run(self, n_trials: int) -> None:
        running: dict[Future[Ended], Asked] = {}
        waiting: Asked | None = None
        with ThreadPoolExecutor(self._most, thread_name_prefix="cvn-trial") as pool:
            try:
                while True:
                    while waiting or (not self._ended() and len(running) < self._n_workers()):
                        waiting = waiting or self._study.ask(n_trials)
                        if waiting is None or not self._may_run(waiting, running):
                            break
                        future = pool.submit(self._one, waiting)
                        running[future], waiting = waiting, None
                        future.add_done_callback(self._came.put)
                    if not running:
                        return
                    done = self._came.get()
                    if done is not None:
                        self._take(running.pop(done), done.result())
                        self.trials.prepared.check()
            except BaseException:
                self._stop.set()  # the boosting of the others ends at its next iteration
                pool.shutdown(wait=True, cancel_futures=True)
                for future, asked in running.items():
                    if not future.cancelled() and future.exception() is None:
                        self._settle(asked, future.result())
                raise

    def _may_run(self, asked: Asked, running: Mapping[Future[Ended], Asked]) -> bool:
        """Return whether it may: one whose process died before runs alone, and takes none along."""
        again = any(one.attempt > 1 for one in running.values())
        return not running or (asked.attempt == 1 and not again)

    @property
    def _most(self) -> int:
        settings = self._settings
        return min(settings.max_concurrent, settings.n_workers or settings.max_concurrent)

    def _n_workers(self) -> int:
        """How many trials may run at once, by threads and by the most memory that one took.

        Until that can be told of the first, it runs alone.
        """
        if self.trials.growth_bytes is None and not self.trials.memory_told:
            return 1
        threads, growth = self.trials.n_threads, self.trials.growth_bytes
        return worker_count(self._budget, threads, growth, self._most)

    def fit_of(self, best: TrialRecord) -> Fitted | None:
        """Return the fit of the best trial; of an earlier run it is done again, and must agree."""
        if self._settings.evaluate_on == "forward_folds":
            return None
        if self._best is not None and self._best[0].number == best.number:
            return self._best[1]
        self._deadline = None
        again = self.trials.run(Asked(best.number, best.params, best.attempts), [], prune=False)
        value = None if again.record is None else again.record.value
        if value != best.value or again.fitted is None:
            message = (
                f"trial {best.number} of {self._study.name} was worth {best.value!r} and is worth "
                f"{value!r} when it is run again; something that it depends on has changed."
            )
            raise SearchError("trial_differs", message)
        return again.fitted

    def _one(self, asked: Asked) -> Ended:
        if asked.attempt > ATTEMPTS:
            message = f"its process died in each of {ATTEMPTS} attempts"
            return Ended(
                TrialRecord(
                    number=asked.number,
                    state="failed",
                    params=asked.params,
                    attempts=asked.attempt - 1,
                    code="process_died",
                    message=message,
                )
            )
        if self._ended():
            return Ended(None)
        self._study.begin(asked)
        try:
            return self.trials.run(asked, self._study.earlier(asked.number))
        except BaseException:  # interrupted, and not dead: the attempt does not count
            self._study.cut(asked)
            raise

    def _settle(self, asked: Asked, ended: Ended) -> TrialRecord | None:
        """Keep a trial's result, or note that it has none yet."""
        record = ended.record
        if record is None:
            self._study.cut(asked)
        else:
            self._study.tell(record)
            self._keep_best(record, ended.fitted)
        return record

    def _take(self, asked: Asked, ended: Ended) -> None:
        """Settle a trial, and tell of it."""
        record = self._settle(asked, ended)
        if record is None:
            return
        self._log.emit(
            HpoTrialComplete,
            study=self._study.name,
            trial=record.number,
            state=record.state,
            value=record.value,
            params=plain(record.params),
            best_iteration=None if record.curve is None else record.curve.best_iteration,
            ceiling=None if record.curve is None else record.curve.ceiling,
            theta=record.theta,
            buy_rate=record.buy_rate,
            seconds=record.seconds,
            peak_bytes=record.peak_bytes,
            code=record.code,
        )
        if self._on_trial is not None:
            self._on_trial(self._name, record)

    def _keep_best(self, record: TrialRecord, fitted: Fitted | None) -> None:
        if fitted is None or self._study.best().number != record.number:
            return
        self._best = record, fitted

    def _ended(self) -> bool:
        late = self._deadline is not None and time.perf_counter() > self._deadline
        return late or self._stop.is_set()


def _open(training: Training, settings: HPOParams) -> Study:
    assert training.search is not None
    request, key = training.request, _identity(training)
    name = settings.study_name or f"{training.spec.name}-{key.digest[:12]}"
    return Study(
        settings.storage,
        header=_header(training, name),
        identity=key,
        datasets=request.datasets.digest_of(request.content),
        spec=training.spec,
        space=training.search.space,
        fixed=training.parameters,
        watched=watched_direction(training.spec, training.policy),
        seed=training.seed,
    )


def _identity(training: Training) -> Key:
    """Return what the trials depend on."""
    assert training.search is not None
    request, settings = training.request, training.search.settings
    parts = {
        "model": training.spec.name,
        "data": _nested(request.content),
        "payoff": request.datasets.payoff,
        "space": dict(training.search.space),
        "fixed": {
            n: p.value for n, p in training.parameters.items() if n not in training.search.space
        },
        "policy": training.policy,
        "seed": training.seed,
        "n_threads": None if trial_threads_are_free(training) else training.n_threads,
        "libraries": dict(training.versions),
        "code": dict(training.code),
        **{name: getattr(settings, name) for name in STUDY_SETTINGS},
    }
    return key_of("study", parts)


def _nested(content: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Return texts by split and array, so that a difference is named ``data.train.X``."""
    found: dict[str, dict[str, str]] = {}
    for name, text in content.items():
        split, _, array = name.partition(".")
        found.setdefault(split, {})[array] = text
    return found


def _count(training: Training, study: Study) -> int:
    """Note the study's trials in the store; return those of all studies that are known of."""
    request, known = training.request, study.trials_on_data()
    if request.store is not None:
        digest = request.datasets.digest_of(request.content)
        request.store.note_trials(digest, study.digest, known[study.digest])
        for other, n_trials in request.store.trials_on(digest).items():
            known[other] = max(n_trials, known.get(other, 0))
    return sum(known.values())


def _header(training: Training, name: str) -> dict[str, Any]:
    """Return what is known of a search before its trials: the first fields of its record."""
    assert training.search is not None
    settings = training.search.settings
    return {
        "study": name,
        "storage": shown(settings.storage),
        "objective": settings.objective,
        "direction": direction_of(settings.objective),
        "evaluate_on": settings.evaluate_on,
        "sampler": settings.sampler,
        "pruner": settings.pruner,
        "max_concurrent": settings.max_concurrent,
        "space": {n: SearchedDimension.of(d) for n, d in training.search.space.items()},
    }


def _check_money(training: Training, settings: HPOParams) -> None:
    data = training.request.datasets
    if settings.objective == "expectancy" and data.payoff is None and data.val.returns is None:
        message = (
            "HPOParams.objective is 'expectancy', and the data have neither a payoff nor returns."
        )
        raise InputError("money_unknown", message)
