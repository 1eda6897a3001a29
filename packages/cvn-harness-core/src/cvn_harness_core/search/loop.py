"""The trials of a search: which begins when, beside which, and how they are stopped."""

from __future__ import annotations

import threading
import time
from collections import deque
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from typing import Any

from cvn_harness_core.contracts.model import Fitted
from cvn_harness_core.contracts.plain import plain
from cvn_harness_core.contracts.search import TrialRecord
from cvn_harness_core.errors import SearchError
from cvn_harness_core.events.log import RunLog
from cvn_harness_core.events.schema import HpoTrialComplete
from cvn_harness_core.harness.planning import OnTrial, StopWanted, Training
from cvn_harness_core.resources.budget import Budget
from cvn_harness_core.resources.workers import worker_count
from cvn_harness_core.search.in_place import InPlace
from cvn_harness_core.search.interrupts import held_back
from cvn_harness_core.search.study import ATTEMPTS, Asked, Study
from cvn_harness_core.search.trial import Ended, Trials


class Loop:
    """Runs trials beside one another in threads: the boosting lets go of the interpreter.

    One at a time, they run on the caller's own thread. OpenMP keeps threads for every thread that
    calls it, and once those are more than the cores it puts them to sleep between any two loops.

    A KeyboardInterrupt stops it softly: no trial is begun any more, and those that run go to their
    end, are kept and told of before it is raised. A second one cuts them, as any other error does.
    (``on_trial`` may raise it at every trial that it is told of: that is one wish, and
    ``stop_wanted``, asked before each is begun, may say it too.)
    """

    def __init__(
        self,
        training: Training,
        log: RunLog,
        study: Study,
        deadline: float | None,
        on_trial: OnTrial | None,
        stop_wanted: StopWanted | None = None,
    ) -> None:
        self._study, self._log, self._deadline, self._on_trial = study, log, deadline, on_trial
        self._stop_wanted = stop_wanted or (lambda: False)
        self._cutting, self._stopping = threading.Event(), False
        self._name = training.spec.name
        self.trials = Trials(training, log, self._ended)
        assert training.search is not None
        self._settings, self._most = training.search.settings, training.search.most_workers
        self._budget = Budget.current()
        self._best: tuple[TrialRecord, Fitted] | None = None
        self._waiting: deque[Asked] = deque()
        self._running: dict[Future[Ended], Asked] = {}
        self._beside: set[int] = set()  # the trials that did not run alone, by number

    def run(self) -> None:
        """Run trials until there are enough, or it is late."""
        if self._most > 1:
            with ThreadPoolExecutor(self._most, thread_name_prefix="cvn-trial") as pool:
                self._run_in(pool)
            return
        with held_back() as came, InPlace() as here:
            wanted = self._stop_wanted
            self._stop_wanted = lambda: came() or wanted()
            try:
                self._run_in(here)
            except Exception as error:
                if came():
                    raise KeyboardInterrupt from error
                raise
        if came():
            raise KeyboardInterrupt

    def fit_of(self, best: TrialRecord) -> Fitted | None:
        """Return the fit of the best trial; of an earlier run it is done again, and must agree."""
        if self._settings.evaluate_on == "forward_folds":
            return None
        if self._best is not None and self._best[0].number == best.number:
            return self._best[1]
        self._deadline = None
        again = self.trials.run(Asked(best.number, best.params, best.attempts), [], prune=False)
        if again.error is not None:
            raise again.error
        value = None if again.record is None else again.record.value
        if value != best.value or again.fitted is None:
            message = (
                f"trial {best.number} of {self._study.name} was worth {best.value!r} and is worth "
                f"{value!r} when it is run again; something that it depends on has changed."
            )
            raise SearchError("trial_differs", message)
        return again.fitted

    def _run_in(self, pool: Executor) -> None:
        try:
            self._go_on(pool)
        except BaseException:
            self._cut(pool)
            raise

    def _go_on(self, pool: Executor) -> None:
        try:
            while True:
                while (asked := self._next()) is not None:
                    self._submit(pool, asked)
                if not self._running:
                    if self._stop_wanted() and not self._ended() and self._study.is_open:
                        raise KeyboardInterrupt
                    return
                self._take_one()
        except KeyboardInterrupt:
            self._stopping = True
            while self._running:
                self._take_one()
            raise

    def _next(self) -> Asked | None:
        """Return what may begin now; None if others must end before, or there is nothing."""
        if self._ended() or self._stop_wanted() or len(self._running) >= self._n_workers():
            return None
        if not self._waiting and (asked := self._study.ask()) is not None:
            self._waiting.append(asked)
        if not self._waiting or not self._may_run(self._waiting[0]):
            return None
        return self._waiting.popleft()

    def _may_run(self, asked: Asked) -> bool:
        """Return whether it may: one that is to run alone takes none along, and is given none."""
        alone = asked.alone or any(one.alone for one in self._running.values())
        return not (self._running and alone)

    def _n_workers(self) -> int:
        """How many trials may run at once, by threads and by the most memory that one took.

        Until that can be told of the first, it runs alone.
        """
        if not self.trials.memory_told.done():
            return 1
        threads, growth = self.trials.n_threads, self.trials.growth_bytes
        return worker_count(self._budget, threads, growth, self._most)

    def _submit(self, pool: Executor, asked: Asked) -> None:
        self._beside.discard(asked.number)
        if self._running:
            self._beside |= {asked.number, *(one.number for one in self._running.values())}
        self._running[pool.submit(self._one, asked)] = asked

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
            with suppress(SearchError):
                self._study.cut(asked)
            raise

    def _take_one(self) -> None:
        """Wait until a trial has ended, and settle it, or until it is told what the first takes."""
        told = self.trials.memory_told
        awaited: set[Future[Any]] = {*self._running} if told.done() else {*self._running, told}
        wait(awaited, return_when=FIRST_COMPLETED)
        done = next((future for future in self._running if future.done()), None)
        if done is not None:
            record = self._settle(self._running[done], done.result())
            del self._running[done]
            if record is not None:
                self._tell_of(record)
            self.trials.prepared.check()

    def _settle(self, asked: Asked, ended: Ended) -> TrialRecord | None:
        """Keep a trial's result, or note that it has none yet.

        Memory that ran out beside others may suffice for one: such a trial is run again, alone. And
        a failure may be of a second interrupt's doing, where libraries make errors of it.
        """
        record = ended.record
        if record is not None and record.state == "failed" and self._interrupted():
            record = None
        retried = record is not None and record.code == "out_of_memory"
        if record is None or (retried and asked.number in self._beside):
            self._study.cut(asked)
            if record is not None:
                self._waiting.appendleft(asked._replace(alone=True))
            return None
        self._study.tell(record)
        if ended.fitted is not None and self._study.best().number == record.number:
            self._best = record, ended.fitted
        return record

    def _interrupted(self) -> bool:
        """Return whether an interrupt may have struck within a trial: on the caller's thread."""
        return self._most == 1 and self._stop_wanted()

    def _tell_of(self, record: TrialRecord) -> None:
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
            try:
                self._on_trial(self._name, record)
            except KeyboardInterrupt:
                if not self._stopping:
                    raise

    def _cut(self, pool: Executor) -> None:
        """End the boosting of all that run at its next iteration; keep what is done by then."""
        self._cutting.set()
        pool.shutdown(wait=True, cancel_futures=True)
        for future, asked in self._running.items():
            if not future.cancelled() and future.exception() is None:
                with suppress(SearchError):  # what ended the search is raised, not what follows
                    self._settle(asked, future.result())

    def _ended(self) -> bool:
        late = self._deadline is not None and time.perf_counter() > self._deadline
        return late or self._cutting.is_set()
