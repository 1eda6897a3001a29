"""The searches that a storage holds."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from cvn_harness_core.contracts.search import TrialRecord
from cvn_harness_core.search.reading import DATASETS, HEADER, IDENTITY, records_of
from cvn_harness_core.search.storage import (
    close_storage,
    open_storage,
    require_optuna,
    storage_errors,
)


class KeptStudy(NamedTuple):
    """A study of a search.

    ``records`` are its finished trials by number, ``ended`` the local time at which the latest of
    them ended, ``identity`` what its trials depend on, by name, ``datasets`` the data's digest.
    """

    name: str
    maximized: bool
    records: Mapping[int, TrialRecord]
    ended: datetime | None
    identity: Mapping[str, str]
    datasets: str

    @property
    def best(self) -> float | None:
        """The best value so far."""
        values = [r.value for r in self.records.values() if r.value is not None]
        return (max if self.maximized else min)(values, default=None)

    def holds(self, record: TrialRecord) -> bool:
        """Return whether this very trial was run in it."""
        kept = self.records.get(record.number)
        return kept is not None and (kept.params, kept.seconds) == (record.params, record.seconds)

    def differs_from(self, other: KeptStudy) -> list[str]:
        """Return the names of what the trials of the two depend on and that is not the same."""
        names = {*self.identity, *other.identity}
        return sorted(n for n in names if self.identity.get(n) != other.identity.get(n))


def kept_studies(storage: str) -> list[KeptStudy]:
    """Return the searches in a storage, the latest first; nothing is changed.

    Parameters
    ----------
    storage
        As in ``HPOParams``.

    Raises
    ------
    SearchError
        ``storage_unavailable``, also for a database that cannot be asked.
    """
    require_optuna()
    import optuna

    kept = open_storage(storage)
    found = []
    try:
        with storage_errors(storage):
            for name in optuna.get_all_study_names(kept):
                study = optuna.load_study(study_name=name, storage=kept)
                if HEADER not in (attrs := study.user_attrs):
                    continue
                trials = study.get_trials(deepcopy=False)
                records = records_of(trials)
                ended = [t.datetime_complete for t in trials if t.number in records]
                found.append(
                    KeptStudy(
                        name,
                        study.direction == optuna.study.StudyDirection.MAXIMIZE,
                        records,
                        max((at for at in ended if at is not None), default=None),
                        attrs[IDENTITY],
                        attrs[DATASETS],
                    )
                )
    finally:
        close_storage(kept)
    return sorted(
        found, key=lambda study: study.ended.timestamp() if study.ended else 0.0, reverse=True
    )
