"""One study: its identity, its trials in a storage, and which are asked for next."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any, NamedTuple

import msgspec

from cvn_harness_core.contracts.params import ParamValue, ResolvedParam
from cvn_harness_core.contracts.search import SearchRecord, TrialRecord
from cvn_harness_core.contracts.space import Dimension
from cvn_harness_core.errors import SearchError
from cvn_harness_core.harness.parameters import Spec
from cvn_harness_core.search.lease import lease
from cvn_harness_core.search.mirror import OPTUNA_STATES, Mirror, as_running
from cvn_harness_core.search.objective import Direction
from cvn_harness_core.search.reading import (
    ATTEMPTS_BY,
    BEGUN_BY,
    DATASETS,
    HEADER,
    IDENTITY,
    RECORD,
    best_of,
    records_of,
    search_record,
    trials_on_data,
)
from cvn_harness_core.search.space import suggest
from cvn_harness_core.search.storage import close_storage, open_storage, storage_errors
from cvn_harness_core.store.key import Key

ATTEMPTS = 2
"""A trial whose process died is begun once more, alone: it takes no other along."""

SUPERVISOR = "CVN_SUPERVISOR"
"""The environment variable by which a process that begins this one again, when it dies, names
itself. Attempts count by that name: one that its supervisor did not survive says nothing of the
trial. Where nobody watches, all attempts have no name, and count.
"""


_RUNNING = uuid.uuid4().hex
"""Tells this process from an earlier one with its number."""


class Asked(NamedTuple):
    """A trial to run, which attempt it is, and whether no other may run beside it."""

    number: int
    params: dict[str, ParamValue]
    attempt: int
    alone: bool = False


class Study:
    """Trials in order, those of earlier runs included.

    Parameters
    ----------
    url
        Of the storage; None for memory.
    header
        The first fields of the search's record. A study of the name in it is gone on with. A trial
        is asked for when all but the last ``max_concurrent - 1`` before it are finished, and with
        what is known then, whatever else has ended by that time.
    identity
        What its trials depend on; another one's study is refused.
    datasets
        The digest of the data.
    watched
        Which way the metric is better that the pruner watches.
    seed
        The search's.
    n_trials
        How many there are in the end. Of a study that has more, these are the first.

    Raises
    ------
    SearchError
        ``study_differs``, with what differs; ``study_busy`` if another process drives it;
        ``storage_unavailable``.
    """

    def __init__(
        self,
        url: str | None,
        *,
        header: Mapping[str, Any],
        identity: Key,
        datasets: str,
        spec: Spec,
        space: Mapping[str, Dimension],
        fixed: Mapping[str, ResolvedParam],
        watched: Direction,
        seed: int,
        n_trials: int,
    ) -> None:
        import optuna

        name, direction = header["study"], header["direction"]
        self.name, self.digest, self._url, self._datasets = name, identity.digest, url, datasets
        self._spec, self._space, self._fixed = spec, space, fixed
        self._n_trials = n_trials
        self._header, self._lag = header, header["max_concurrent"] - 1
        sign = 1.0 if watched == direction else -1.0
        self._mirror = Mirror(direction, sign=sign, sampler=header["sampler"], seed=seed)
        self.records: dict[int, TrialRecord] = {}
        self._n_asked = self._n_before = 0
        self._supervisor = os.environ.get(SUPERVISOR, "")
        self._storage = open_storage(url)
        with ExitStack() as stack:
            stack.callback(close_storage, self._storage)
            self._check_held = stack.enter_context(lease(url, name))
            with storage_errors(url):
                self._study = optuna.create_study(
                    study_name=name, storage=self._storage, direction=direction, load_if_exists=True
                )
                self._same(identity.parts)
                self._study.set_user_attr(DATASETS, datasets)
                self._study.set_user_attr(HEADER, json.dumps(msgspec.to_builtins(dict(header))))
            self._read()
            self._until_closed = stack.pop_all()

    def ask(self) -> Asked | None:
        """Return the next trial to run; None if others must end before, or there are enough."""
        while self._n_asked < min(self._n_trials, self.n_before + self._lag + 1):
            found = self._next(self._n_asked)
            self._n_asked += 1
            if found.number not in self.records:
                return found
        return None

    @property
    def is_open(self) -> bool:
        """Whether there are trials to run."""
        return self.n_before < self._n_trials

    @property
    def n_before(self) -> int:
        """How many trials are finished without a gap."""
        while self._n_before in self.records:
            self._n_before += 1
        return self._n_before

    def earlier(self, number: int) -> list[TrialRecord]:
        """Return the trials whose results a trial is asked for with."""
        return [self.records[n] for n in range(number - self._lag)]

    def begin(self, asked: Asked) -> None:
        """Note that a trial is begun, and by which process."""
        self._check_held()
        with storage_errors(self._url):
            self._attr(asked.number, BEGUN_BY, _process())
            self._attr(asked.number, ATTEMPTS_BY, {self._supervisor: asked.attempt})

    def cut(self, asked: Asked) -> None:
        """Note that a trial was ended from outside: it will be run again, and does not count."""
        self._check_held()
        with storage_errors(self._url):
            self._attr(asked.number, ATTEMPTS_BY, {self._supervisor: asked.attempt - 1})

    def tell(self, record: TrialRecord) -> None:
        """Keep the result of a trial; of one that was told already, nothing changes.

        Raises SearchError ``study_busy``, also for a trial that somebody else has ended, or
        ``storage_unavailable`` if it is not held any more.
        """
        self._check_held()
        text = json.dumps(msgspec.to_builtins(record))
        with storage_errors(self._url):
            kept = self._study.get_trials(deepcopy=False)[record.number]
            if not kept.state.is_finished():
                self._finish(record, text)
            elif kept.user_attrs.get(RECORD) != text:  # an interrupt may strike in between
                message = (
                    f"trial {record.number} of the study {self.name} was ended by somebody else "
                    f"({kept.state.name.lower()}). Give another study_name."
                )
                raise SearchError("study_busy", message)
        self.records[record.number] = record

    def _finish(self, record: TrialRecord, text: str) -> None:
        import optuna

        self._attr(record.number, RECORD, text)
        self._study.tell(
            record.number,
            record.value if record.state == "complete" else None,
            state=optuna.trial.TrialState[OPTUNA_STATES[record.state]],
        )

    def trials_on_data(self) -> dict[str, int]:
        """Return how many trials are finished in each study of these data in the storage.

        By the digest of what the study's trials depend on.
        """
        with storage_errors(self._url):
            return trials_on_data(self._storage, self._datasets)

    def close(self) -> None:
        """Let others drive the study, and close the connections of a database."""
        self._until_closed.close()

    def best(self) -> TrialRecord:
        """Return the best complete trial; raise SearchError ``no_trial_finished``."""
        best = best_of(self._header["direction"], self.records)
        if best is None:
            failed = [r for r in self.records.values() if r.state == "failed"]
            first = f" The first failure: {failed[0].message}" if failed else ""
            message = (
                f"no trial of {self.name} is complete: {len(self.records)} ended, {len(failed)} of "
                f"them failed. Give more time, or more trials.{first}"
            )
            raise SearchError("no_trial_finished", message)
        return best

    def record(self, n_trials_on_data: int, seconds: float | None) -> SearchRecord:
        """Return what the search did."""
        return search_record(self._header, self.records, n_trials_on_data, seconds)

    def _read(self) -> None:
        with storage_errors(self._url):
            found = self._study.get_trials(deepcopy=False)
        self.records |= records_of(found[: self._n_trials])

    def _same(self, identity: Mapping[str, str]) -> None:
        kept = self._study.user_attrs.get(IDENTITY)
        if kept is None:
            direction = self._study.direction.name.lower()
            if direction != self._header["direction"] or self._study.get_trials(deepcopy=False):
                message = (
                    f"the study {self.name} is no search of this harness ({direction}, "
                    f"{len(self._study.trials)} trials). Give another study_name."
                )
                raise SearchError("study_differs", message)
            self._study.set_user_attr(IDENTITY, dict(identity))
            return
        names = sorted(set(kept) | set(identity))
        differ = [name for name in names if kept.get(name) != identity.get(name)]
        if differ:
            shown = "; ".join(
                f"{name} was {_short(kept.get(name))} and is {_short(identity.get(name))}"
                for name in differ[:5]
            )
            message = (
                f"the study {self.name} is of another search: {shown}"
                f"{'; ...' if len(differ) > 5 else ''}. Give another study_name."
            )
            raise SearchError("study_differs", message)

    def _next(self, number: int) -> Asked:
        """Return a trial, sampled; one that is there already must come out the same."""
        self._mirror.advance(self.records, number - self._lag)
        suggest(self._mirror.ask(), self._spec, self._space, self._fixed)
        trial = self._mirror.frozen(number)
        params = self._in_order(trial.params)
        with storage_errors(self._url):
            kept = self._study.get_trials(deepcopy=False)
            if number >= len(kept):
                self._study.add_trial(as_running(trial))
                return Asked(number, params, 1)
        known = self._in_order(kept[number].params)
        if known != params:
            message = (
                f"trial {number} of the study {self.name} was {known} and would be {params} now: "
                "another release of Optuna or NumPy samples otherwise. Give another study_name."
            )
            raise SearchError("study_differs", message)
        attrs = kept[number].user_attrs
        begun = attrs.get(ATTEMPTS_BY, {}).get(self._supervisor, 0)
        if attrs.get(BEGUN_BY) == _process():  # and it lives: the storage failed, not the trial
            begun -= 1
        return Asked(number, params, begun + 1, alone=begun > 0)

    def _in_order(self, params: Mapping[str, ParamValue]) -> dict[str, ParamValue]:
        """Return the parameters in the order of the space: a storage may mix them up."""
        return {name: params[name] for name in self._space if name in params}

    def _attr(self, number: int, name: str, value: Any) -> None:
        study_id = self._storage.get_study_id_from_name(self.name)
        trial_id = self._storage.get_trial_id_from_study_id_trial_number(study_id, number)
        self._storage.set_trial_user_attr(trial_id, name, value)


def _process() -> str:
    return f"{os.getpid()}-{_RUNNING}"


def _short(text: str | None) -> str:
    if text is None:
        return "absent"
    return text if len(text) <= 60 else f"{text[:57]}..."
