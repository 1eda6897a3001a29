"""One study: its identity, its trials in a storage, and which are asked for next."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import numpy as np

from cvn_harness_core.contracts.params import ParamValue, ResolvedParam
from cvn_harness_core.contracts.search import TrialRecord
from cvn_harness_core.contracts.space import Dimension
from cvn_harness_core.errors import SearchError
from cvn_harness_core.harness.parameters import Spec
from cvn_harness_core.search.objective import Direction
from cvn_harness_core.search.space import suggest
from cvn_harness_core.search.storage import close_storage, open_storage, storage_errors

if TYPE_CHECKING:
    from optuna import Study as OptunaStudy
    from optuna.samplers import BaseSampler
    from optuna.trial import FrozenTrial

_IDENTITY, _RECORD, _ATTEMPTS = "cvn_identity", "cvn_trial", "cvn_attempts"
OPTUNA_STATES = {"complete": "COMPLETE", "pruned": "PRUNED", "failed": "FAIL"}
ATTEMPTS = 2
"""A trial whose process died is begun once more."""


class Asked(NamedTuple):
    """A trial to run, and which attempt it is."""

    number: int
    params: dict[str, ParamValue]
    attempt: int


class Study:
    """Trials in order, those of earlier runs included.

    Parameters
    ----------
    name, url
        In the storage. A study of that name is gone on with.
    identity
        What its trials depend on; another one's study is refused.
    direction, watched
        Which way the objective is better, and the metric that the pruner watches.
    n_batch
        The size of a batch.

    Raises
    ------
    SearchError
        ``study_differs``, with what differs; ``storage_unavailable``.
    """

    def __init__(
        self,
        name: str,
        url: str | None,
        *,
        identity: Mapping[str, str],
        spec: Spec,
        space: Mapping[str, Dimension],
        fixed: Mapping[str, ResolvedParam],
        direction: Direction,
        watched: Direction,
        sampler: str,
        seed: int,
        n_batch: int,
    ) -> None:
        import optuna

        self.name, self._url = name, url
        self._spec, self._space, self._fixed = spec, space, fixed
        self._direction, self._sampler, self._seed = direction, sampler, seed
        self._sign = 1.0 if watched == direction else -1.0
        self._n_batch = n_batch
        self._storage = open_storage(url)
        with storage_errors(url):
            self._study = optuna.create_study(
                study_name=name, storage=self._storage, direction=direction, load_if_exists=True
            )
            self._same(identity)
        self.records: dict[int, TrialRecord] = {}
        self._read()

    def batch(self, n_trials: int) -> list[Asked]:
        """Return the trials of the first batch that is not finished, in order; none at the end."""
        first = self.n_before // self._n_batch * self._n_batch
        numbers = range(first, min(first + self._n_batch, n_trials))
        mirror = self._mirror(first)
        asked = []
        for number in numbers:
            found = self._ask(mirror, number)
            if number not in self.records:
                asked.append(found)
        return asked

    @property
    def n_before(self) -> int:
        """How many trials are finished without a gap."""
        n = 0
        while n in self.records:
            n += 1
        return n

    def earlier(self, number: int) -> list[TrialRecord]:
        """Return the trials of the batches before this trial's."""
        return [self.records[n] for n in range(number // self._n_batch * self._n_batch)]

    def begin(self, asked: Asked) -> None:
        """Note that a trial is begun."""
        with storage_errors(self._url):
            self._attr(asked.number, _ATTEMPTS, asked.attempt)

    def cut(self, asked: Asked) -> None:
        """Note that a trial was ended from outside: it will be run again, and does not count."""
        with storage_errors(self._url):
            self._attr(asked.number, _ATTEMPTS, asked.attempt - 1)

    def tell(self, record: TrialRecord) -> None:
        """Keep the result of a trial."""
        import optuna

        with storage_errors(self._url):
            self._attr(record.number, _RECORD, json.dumps(msgspec.to_builtins(record)))
            self._study.tell(
                record.number,
                record.value if record.state == "complete" else None,
                state=optuna.trial.TrialState[OPTUNA_STATES[record.state]],
            )
        self.records[record.number] = record

    def close(self) -> None:
        """Close the connections of a database."""
        close_storage(self._storage)

    def best(self) -> TrialRecord:
        """Return the best complete trial, the first of equal ones.

        Raises SearchError ``no_trial_finished``.
        """
        complete = [r for _, r in sorted(self.records.items()) if r.state == "complete"]
        if not complete:
            failed = [r for r in self.records.values() if r.state == "failed"]
            first = f" The first failure: {failed[0].message}" if failed else ""
            message = (
                f"no trial of {self.name} is complete: {len(self.records)} ended, {len(failed)} of "
                f"them failed. Give more time, or more trials.{first}"
            )
            raise SearchError("no_trial_finished", message)
        sign = 1 if self._direction == "minimize" else -1
        return min(complete, key=lambda r: (sign * float(r.value or 0.0), r.number))

    def _read(self) -> None:
        with storage_errors(self._url):
            found = self._study.get_trials(deepcopy=False)
        for trial in found:
            text = trial.user_attrs.get(_RECORD)
            if trial.state.is_finished() and text is not None:
                self.records[trial.number] = msgspec.convert(json.loads(text), TrialRecord)

    def _same(self, identity: Mapping[str, str]) -> None:
        kept = self._study.user_attrs.get(_IDENTITY)
        if kept is None:
            self._study.set_user_attr(_IDENTITY, dict(identity))
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

    def _mirror(self, first: int) -> OptunaStudy:
        """Return a study in memory with the finished trials of the batches before."""
        import optuna

        mirror = optuna.create_study(direction=self._direction)
        if first:
            kept = self._study.get_trials(deepcopy=False)[:first]
            mirror.add_trials([_as_sampled(trial, self._sign) for trial in kept])
        return mirror

    def _ask(self, mirror: OptunaStudy, number: int) -> Asked:
        """Return a trial that is there, or is asked for now; the mirror has it as running."""
        with storage_errors(self._url):
            kept = self._study.get_trials(deepcopy=False)
            if number < len(kept):
                trial = kept[number]
                mirror.add_trial(_as_running(trial))
                return Asked(
                    number,
                    self._in_order(trial.params),
                    int(trial.user_attrs.get(_ATTEMPTS, 0)) + 1,
                )
            mirror.sampler = _sampler(self._sampler, self._seed, number)
            sampled = mirror.ask()
            suggest(sampled, self._spec, self._space, self._fixed)
            frozen = mirror.get_trials(deepcopy=False)[number]
            self._study.add_trial(_as_running(frozen))
        return Asked(number, self._in_order(frozen.params), 1)

    def _in_order(self, params: Mapping[str, ParamValue]) -> dict[str, ParamValue]:
        """Return the parameters in the order of the space: a storage may mix them up."""
        return {name: params[name] for name in self._space if name in params}

    def _attr(self, number: int, name: str, value: Any) -> None:
        study_id = self._storage.get_study_id_from_name(self.name)
        trial_id = self._storage.get_trial_id_from_study_id_trial_number(study_id, number)
        self._storage.set_trial_user_attr(trial_id, name, value)


def _as_running(trial: FrozenTrial) -> FrozenTrial:
    import optuna

    return optuna.trial.create_trial(
        state=optuna.trial.TrialState.RUNNING,
        params=trial.params,
        distributions=trial.distributions,
    )


def _as_sampled(trial: FrozenTrial, sign: float) -> FrozenTrial:
    """Return what a sampler learns from: parameters, state, value and what the pruner saw.

    ``sign`` turns the stopping metric so that better is in the direction of the objective.
    """
    import optuna

    return optuna.trial.create_trial(
        state=trial.state,
        value=trial.value,
        params=trial.params,
        distributions=trial.distributions,
        intermediate_values={
            step: sign * value for step, value in json.loads(trial.user_attrs[_RECORD])["reports"]
        },
    )


def _sampler(kind: str, seed: int, number: int) -> BaseSampler:
    """Return a sampler that is seeded by the trial, so that it need not be kept."""
    from optuna import samplers

    own = int(np.random.SeedSequence([seed, number]).generate_state(1)[0])
    if kind == "random":
        return samplers.RandomSampler(seed=own)
    return samplers.TPESampler(seed=own)


def _short(text: str | None) -> str:
    if text is None:
        return "absent"
    return text if len(text) <= 60 else f"{text[:57]}..."
