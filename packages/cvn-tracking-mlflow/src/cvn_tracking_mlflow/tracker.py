"""Trainings as runs: begun, watched, filled from the artifact, ended."""

from __future__ import annotations

import os
import tempfile
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cvn_harness_core import CellFacts, Event, SweepFacts, TrainedArtifact
from cvn_tracking_mlflow.bundles import log_bundle
from cvn_tracking_mlflow.cells import SWEEP, TYPE, Sweeps, Told, run_of_cell
from cvn_tracking_mlflow.client import Client, Notes, active_run
from cvn_tracking_mlflow.facts import notes_of, notes_of_trial
from cvn_tracking_mlflow.files import write_files
from cvn_tracking_mlflow.settings import nested_trials

_REMEMBERED = 1024
_SUPERVISOR = "cvn.supervisor"


@dataclass
class _Run:
    """A run of MLflow that a training fills."""

    id: str
    of_cell: bool = False
    in_sweep: bool = False
    params: dict[str, str] = field(default_factory=dict)
    """What it has already: of an earlier attempt, since parameters never change."""


class Tracker:
    """The runs of this process; its methods are called by the hooks, from any thread."""

    def __init__(self) -> None:
        self.where = _where()
        self._client = Client()
        self._sweeps = Sweeps(self._client)
        self._lock = threading.RLock()
        self._open: dict[str, _Run] = {}
        self._ended: OrderedDict[str, str] = OrderedDict()
        self._part_of: OrderedDict[str, str | None] = OrderedDict()

    # Trainings

    def training_started(self, event: Event) -> None:
        """Begin a run: the cell's own, or one below that of what this is part of."""
        assert event.run_id is not None
        with self._lock:
            place = (event.symbol, event.fold, event.variant)
            run = self._begun(event.kind, event.model, *place, part_of=event.part_of)
            self._open[event.run_id] = run
            facts = event.as_dict()
            known = {f"cvn.{name}": facts[name] for name in ("policy", "seed", "n_threads")}
            sizes = [(name, float(facts[name]), 0) for name in ("n_train", "n_val", "n_test")]
            tags = {
                "cvn.run_id": event.run_id,
                "cvn.datasets_digest": facts["datasets_digest"],
                "cvn.asked": facts["params"] or None,
            }
            known = {name: value for name, value in known.items() if name not in run.params}
            self._client.log(run.id, Notes(known, tags, sizes))
            run.params |= {name: str(value) for name, value in known.items()}

    def trial_complete(self, event: Event) -> None:
        """Add a trial to the run's metrics; its number is the step."""
        run = self._open.get(event.run_id or "")
        if run is None:
            return
        facts = event.as_dict()
        figures = {
            f"trial/{name}": facts[name]
            for name in ("value", "theta", "buy_rate", "best_iteration", "seconds")
        }
        metrics = [(n, float(v), facts["trial"]) for n, v in figures.items() if v is not None]
        with self._lock:
            self._client.log(run.id, Notes(metrics=metrics))

    def training_complete(self, event: Event) -> None:
        """Remember what a training is part of whose begin was not logged: its artifact is next."""
        assert event.run_id is not None
        with self._lock:
            if event.run_id not in self._open:
                _remember(self._part_of, event.run_id, event.part_of)

    def training_failed(self, event: Event) -> None:
        """End the run with its error; that of a cell is ended by the sweep."""
        run = self._open.pop(event.run_id or "", None)
        if run is None:
            return
        facts = event.as_dict()
        tags = {
            "cvn.error.stage": facts["stage"],
            "cvn.error.type": facts["error"],
            "cvn.error.code": facts["code"],
            "cvn.error.message": facts["message"],
        }
        with self._lock:
            self._client.log(run.id, Notes(tags=tags))
            if not run.of_cell:
                stopped = facts["error"] in ("KeyboardInterrupt", "SystemExit")
                self._client.end(run.id, "KILLED" if stopped else "FAILED")

    def artifact_ready(self, artifact: TrainedArtifact, hit: bool) -> None:
        """Fill and end the run of a training; of what was in the store, the run of its cell."""
        if not hit:
            run = self._open.pop(artifact.run_id, None)
            with self._lock:
                self._fill(run or self._made(artifact), artifact)
            return
        told = Told.now()
        if told is not None and told.trains == artifact.name:  # no base: none is in itself
            with self._lock:
                self._fill(self._cell(told), artifact)

    def artifact_saved(self, artifact: TrainedArtifact, path: Path) -> None:
        """Log the bundle to the run of its training, wherever and whenever that was."""
        with self._lock:
            run = self._ended.get(artifact.run_id)
            if run is None:
                found = self._client.found({"cvn.run_id": artifact.run_id})
                run = found[0].info.run_id if found else None
            if run is None:
                made = self._made(artifact)
                self._fill(made, artifact)
                run = made.id
            log_bundle(self._client, run, artifact, path)

    # Sweeps

    def sweep_started(self, facts: SweepFacts) -> None:
        """See ``Sweeps``."""
        with self._lock:
            self._sweeps.started(facts)

    def sweep_done(self, facts: SweepFacts) -> None:
        """See ``Sweeps``."""
        with self._lock:
            self._sweeps.done(facts)

    def cell_started(self, facts: CellFacts) -> None:
        """See ``Sweeps``."""
        with self._lock:
            self._sweeps.cell_started(facts)

    def cell_ended(self, facts: CellFacts) -> None:
        """See ``Sweeps``."""
        with self._lock:
            self._sweeps.cell_ended(facts)

    def _begun(
        self,
        kind: str | None,
        model: str | None,
        symbol: str | None,
        fold: str | None,
        variant: str | None,
        *,
        part_of: str | None,
    ) -> _Run:
        """Return the run of a training: the cell's, or a new one below that of the outer one."""
        told = Told.now()
        above = self._open.get(part_of or "")
        if told is not None and part_of is None and model == told.trains:
            return self._cell(told)
        tags: dict[str, Any] = {
            TYPE: "training",
            "cvn.kind": kind,
            "cvn.model": model,
            "cvn.symbol": symbol,
            "cvn.fold": fold,
            "cvn.variant": variant,
        }
        if told is not None:
            in_sweep = self._cell(told).id if above is None else above.id
            tags[SWEEP] = told.sweep
            return _Run(self._client.begin(_name(tags), tags, in_sweep), in_sweep=True)
        parent = active_run() if above is None else above.id
        supervisor = os.environ.get("CVN_SUPERVISOR")
        if supervisor and parent is None:
            tags[_SUPERVISOR] = supervisor
            own = {name: str(value) for name, value in tags.items() if value is not None}
            found = self._client.found(own, "RUNNING")
            if found:  # its process died, and the search goes on in this one
                return _Run(found[0].info.run_id, params=dict(found[0].data.params))
        return _Run(self._client.begin(_name(tags), tags, parent))

    def _cell(self, told: Told) -> _Run:
        run = run_of_cell(self._client, told)
        return _Run(run.info.run_id, of_cell=True, in_sweep=True, params=dict(run.data.params))

    def _made(self, artifact: TrainedArtifact) -> _Run:
        """Return a new run for an artifact whose training was not seen."""
        place = (artifact.tags.get(name) for name in ("symbol", "fold", "variant"))
        part_of = self._part_of.pop(artifact.run_id, None)
        return self._begun(artifact.kind, artifact.name, *place, part_of=part_of)

    def _fill(self, run: _Run, artifact: TrainedArtifact) -> None:
        notes = notes_of(artifact)
        notes.tags |= {"cvn.kind": artifact.kind, "cvn.model": artifact.name}
        self._client.log(run.id, notes, run.params)
        with tempfile.TemporaryDirectory(prefix="cvn-mlflow-") as folder:
            write_files(artifact, Path(folder))
            self._client.files(run.id, Path(folder))
        self._nest_trials(run, artifact)
        if not run.of_cell:
            self._client.end(run.id, "FINISHED")
        _remember(self._ended, artifact.run_id, run.id)

    def _nest_trials(self, run: _Run, artifact: TrainedArtifact) -> None:
        """Make a run of each trial, of all or of none: more than the limit are a table only."""
        search = artifact.search
        limit = nested_trials(in_sweep=run.in_sweep)
        if search is None or len(search.trials) > limit:
            return
        status = {"complete": "FINISHED", "pruned": "KILLED", "failed": "FAILED"}
        for trial in search.trials:
            notes = notes_of_trial(trial, best=trial.number == search.best)
            tags = {TYPE: "trial", "cvn.model": artifact.name, **notes.tags}
            made = self._client.begin(f"trial {trial.number}", tags, run.id)
            self._client.log(made, Notes(notes.params, metrics=notes.metrics))
            self._client.end(made, status[trial.state])


def _remember(known: OrderedDict[str, Any], run_id: str, value: str | None) -> None:
    known[run_id] = value
    while len(known) > _REMEMBERED:
        known.popitem(last=False)


def _name(tags: dict[str, Any]) -> str:
    where = [tags.get(f"cvn.{name}") for name in ("symbol", "fold", "variant")]
    place = "/".join(str(part) for part in where if part is not None)
    return f"{tags['cvn.model']} {place}".strip()


_TRACKER: Tracker | None = None
_MAKING = threading.Lock()


def tracker() -> Tracker:
    """Return this process's, which opens MLflow; after a fork, or told of another, a new one."""
    global _TRACKER
    with _MAKING:
        if _TRACKER is None or _TRACKER.where != _where():
            _TRACKER = Tracker()
        return _TRACKER


def _where() -> tuple[object, ...]:
    names = ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_ID", "MLFLOW_EXPERIMENT_NAME")
    return (os.getpid(), *map(os.environ.get, names))
