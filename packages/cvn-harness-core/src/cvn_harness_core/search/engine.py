"""The search: trials until there are enough, and the best one's model."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import replace
from typing import Any, NamedTuple

from cvn_harness_core.contracts.hpo import HPOParams
from cvn_harness_core.contracts.model import Fitted
from cvn_harness_core.contracts.params import ResolvedParam
from cvn_harness_core.contracts.plain import plain
from cvn_harness_core.contracts.search import SearchedDimension, SearchRecord
from cvn_harness_core.errors import InputError, SearchError, StoreError
from cvn_harness_core.events.log import RunLog
from cvn_harness_core.events.schema import HpoComplete
from cvn_harness_core.harness.parameters import replaced_ranges
from cvn_harness_core.harness.planning import OnTrial, StopWanted, Training
from cvn_harness_core.search.identity import identity_of
from cvn_harness_core.search.loop import Loop
from cvn_harness_core.search.objective import direction_of
from cvn_harness_core.search.prepared import PreparedData
from cvn_harness_core.search.space import with_trial
from cvn_harness_core.search.storage import quiet_optuna, require_optuna, shown
from cvn_harness_core.search.study import Study
from cvn_harness_core.search.trial import watched_direction


class Found(NamedTuple):
    """The best trial's parameters, its own fit where that is the artifact's, and the record.

    ``n_threads`` are those of a trial's fit.
    """

    parameters: Mapping[str, ResolvedParam]
    fitted: Fitted | None
    n_threads: int
    prepared: PreparedData
    record: SearchRecord


def search(
    training: Training,
    log: RunLog,
    on_trial: OnTrial | None = None,
    stop_wanted: StopWanted | None = None,
) -> Found:
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
            loop = Loop(training, log, study, deadline, on_trial, stop_wanted)
            try:
                loop.run()
            except BaseException:
                with suppress(SearchError, StoreError):
                    _count(training, study)
                raise
            n_on_data = _count(training, study)
            best = study.best()
            fitted = loop.fit_of(best)
    record = replace(
        study.record(n_on_data, time.perf_counter() - started),
        replaced_ranges=replaced_ranges(training.spec, settings),
    )
    log.emit(
        HpoComplete,
        study=record.study,
        objective=record.objective,
        value=float(best.value or 0.0),
        best_trial=best.number,
        n_trials=len(record.trials),
        n_complete=record.count("complete"),
        n_pruned=record.count("pruned"),
        n_failed=record.count("failed"),
        params=plain(best.params),
        seconds=record.seconds,
    )
    parameters = with_trial(training.parameters, training.search.space, best.params)
    return Found(parameters, fitted, loop.trials.n_threads, loop.trials.prepared, record)


def _open(training: Training, settings: HPOParams) -> Study:
    assert training.search is not None
    request, key = training.request, identity_of(training)
    name = settings.study_name or f"{training.spec.name}-{key.digest[:12]}"
    return Study(
        _url(settings),
        header=_header(training, name),
        identity=key,
        datasets=request.datasets.digest_of(request.content),
        spec=training.spec,
        space=training.search.space,
        fixed=training.parameters,
        watched=watched_direction(training.spec, training.policy),
        seed=training.seed,
        n_trials=settings.n_trials,
    )


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
        "storage": shown(_url(settings)),
        "objective": settings.objective,
        "direction": direction_of(settings.objective),
        "evaluate_on": settings.evaluate_on,
        "sampler": settings.sampler,
        "pruner": settings.pruner,
        "max_concurrent": settings.max_concurrent,
        "space": {n: SearchedDimension.of(d) for n, d in training.search.space.items()},
    }


def _url(settings: HPOParams) -> str | None:
    return None if settings.storage is None else os.fspath(settings.storage)


def _check_money(training: Training, settings: HPOParams) -> None:
    data = training.request.datasets
    on_folds = settings.evaluate_on == "forward_folds"
    measured, named = (data.train, "training") if on_folds else (data.val, "validation")
    if settings.objective == "expectancy" and data.payoff is None and measured.returns is None:
        message = (
            "HPOParams.objective is 'expectancy', and the data have no payoff, and no returns of "
            f"the {named} rows, on which trials are measured."
        )
        raise InputError("money_unknown", message)
