"""What a storage says of searches, and a search as a study of Optuna's."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from cvn_harness_core.contracts.search import SearchedDimension, SearchRecord, TrialRecord
from cvn_harness_core.errors import SearchError
from cvn_harness_core.search.mirror import OPTUNA_STATES
from cvn_harness_core.search.objective import Direction
from cvn_harness_core.search.storage import (
    close_storage,
    open_storage,
    quiet_optuna,
    require_optuna,
    shown,
    storage_errors,
)
from cvn_harness_core.store.key import Key

if TYPE_CHECKING:
    from optuna import Study
    from optuna.distributions import BaseDistribution
    from optuna.storages import BaseStorage
    from optuna.trial import FrozenTrial, TrialState

IDENTITY, DATASETS, HEADER = "cvn_identity", "cvn_datasets", "cvn_search"
"""Attributes of a study: what its trials depend on, the data's digest, its record's beginning."""

RECORD, ATTEMPTS_BY, BEGUN_BY = "cvn_trial", "cvn_attempts", "cvn_begun_by"
"""Attributes of a trial: its record, how often it was begun, by the supervisor's name, and by which
process the last time.
"""


def read_search(storage: str, study_name: str | None = None) -> SearchRecord:
    """Return what a study in a storage did so far, finished or not; nothing is changed.

    Parameters
    ----------
    storage
        As in ``HPOParams``.
    study_name
        May be left out where the storage has one study of a search.

    Raises
    ------
    SearchError
        ``study_unknown``, with the names that there are; ``storage_unavailable``, also if it is
        not there.
    """
    kept = open_storage(storage, must_exist=True)
    try:
        with storage_errors(storage):
            named = {s.study_name: s for s in kept.get_all_studies() if HEADER in s.user_attrs}
            wanted = next(iter(named)) if study_name is None and len(named) == 1 else study_name
            if wanted not in named:
                asked = "no study is named" if study_name is None else f"no search {study_name!r}"
                message = f"{shown(storage)}: {asked}; it has {', '.join(sorted(named)) or 'none'}."
                raise SearchError("study_unknown", message)
            attrs = named[wanted].user_attrs
            trials = kept.get_all_trials(named[wanted]._study_id, deepcopy=False)  # noqa: SLF001
            on_data = trials_on_data(kept, attrs[DATASETS])
        header = json.loads(attrs[HEADER])
        header["space"] = msgspec.convert(header["space"], dict[str, SearchedDimension])
        return search_record(header, records_of(trials), sum(on_data.values()), None)
    finally:
        close_storage(kept)


def count_trials(
    storage: str, study_name: str | None = None, *, supervisor: str | None = None
) -> int:
    """Return how many trials of searches are finished in a storage.

    Parameters
    ----------
    storage
        As in ``HPOParams``.
    study_name
        Only of the study of this name, and of those that are named after it, as an ensemble's bases
        are: ``STUDY_NAME-BASE``. None counts all studies together.

    supervisor
        Only of those that processes of this supervisor began.

    Raises
    ------
    SearchError
        ``storage_unavailable``, also if it is not there.
    """
    kept = open_storage(storage, must_exist=True)
    try:
        with storage_errors(storage):
            finished = [
                trial
                for study in kept.get_all_studies()
                if HEADER in study.user_attrs and _is_named(study.study_name, study_name)
                for trial in kept.get_all_trials(
                    study._study_id,  # noqa: SLF001
                    deepcopy=False,
                    states=_finished(),
                )
            ]
    finally:
        close_storage(kept)
    if supervisor is None:
        return len(finished)
    return sum(supervisor in trial.user_attrs.get(ATTEMPTS_BY, {}) for trial in finished)


def optuna_study(record: SearchRecord) -> Study:
    """Return a search as a study in memory, for Optuna's plots and importances.

    A pruned trial has no value there: what it was pruned by is not the objective.

    Raises PluginDependencyError ``plugin_dependency_missing`` without Optuna.
    """
    require_optuna()
    import optuna

    with quiet_optuna():
        study = optuna.create_study(study_name=record.study, direction=record.direction)
    distributions = {name: _distribution(tried) for name, tried in record.space.items()}
    study.add_trials(
        [
            optuna.trial.create_trial(
                state=optuna.trial.TrialState[OPTUNA_STATES[trial.state]],
                value=trial.value,
                params=trial.params,
                distributions={name: distributions[name] for name in trial.params},
                intermediate_values=dict(trial.reports),
            )
            for trial in record.trials
        ]
    )
    return study


def records_of(trials: Iterable[FrozenTrial]) -> dict[int, TrialRecord]:
    """Return the records of the finished trials, by number."""
    return {
        trial.number: msgspec.convert(json.loads(trial.user_attrs[RECORD]), TrialRecord)
        for trial in trials
        if trial.state.is_finished() and RECORD in trial.user_attrs
    }


def search_record(
    header: Mapping[str, Any],
    records: Mapping[int, TrialRecord],
    n_trials_on_data: int,
    seconds: float | None,
) -> SearchRecord:
    """Return the record of a search."""
    best = best_of(header["direction"], records)
    return SearchRecord(
        **header,
        best=None if best is None else best.number,
        value=None if best is None else best.value,
        trials=tuple(records[n] for n in sorted(records)),
        n_trials_on_data=n_trials_on_data,
        seconds=seconds,
    )


def best_of(direction: Direction, records: Mapping[int, TrialRecord]) -> TrialRecord | None:
    """Return the best complete trial, the first of equal ones; None if there is none."""
    sign = 1 if direction == "minimize" else -1
    complete = (r for r in records.values() if r.state == "complete")
    return min(complete, key=lambda r: (sign * float(r.value or 0.0), r.number), default=None)


def trials_on_data(storage: BaseStorage, datasets: str) -> dict[str, int]:
    """Return how many trials are finished in each study of these data.

    By the digest of what the study's trials depend on, so that a study counts once wherever it is.
    """
    found: dict[str, int] = {}
    for study in storage.get_all_studies():
        if study.user_attrs.get(DATASETS) == datasets:
            digest = Key("study", study.user_attrs[IDENTITY]).digest
            done = storage.get_n_trials(study._study_id, _finished())  # noqa: SLF001
            found[digest] = max(done, found.get(digest, 0))
    return found


def _is_named(name: str, wanted: str | None) -> bool:
    return wanted is None or name == wanted or name.startswith(f"{wanted}-")


def _finished() -> tuple[TrialState, ...]:
    from optuna.trial import TrialState

    return tuple(state for state in TrialState if state.is_finished())


def _distribution(tried: SearchedDimension) -> BaseDistribution:
    from optuna import distributions

    if tried.choices is not None:
        return distributions.CategoricalDistribution(tried.choices)  # type: ignore[arg-type]
    low, high = tried.low, tried.high
    assert low is not None
    assert high is not None
    if isinstance(low, int) and isinstance(high, int):
        return distributions.IntDistribution(low, high, tried.log, int(tried.step or 1))
    return distributions.FloatDistribution(low, high, tried.log, tried.step)
