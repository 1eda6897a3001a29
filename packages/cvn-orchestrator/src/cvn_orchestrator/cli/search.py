"""The search of `cvn train`: its options, its progress, and how it is gone on with."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from cvn_harness_core import (
    Choice,
    HPOParams,
    InputError,
    KeptStudy,
    Range,
    TrainedArtifact,
    TrialRecord,
    kept_studies,
)
from cvn_orchestrator.cli.interrupt import Postponed
from cvn_orchestrator.cli.storage import storage_of

Space = dict[str, Range | Choice]

_SETTINGS = {
    "timeout": "timeout_s",
    "objective": "objective",
    "evaluate_on": "evaluate_on",
    "sampler": "sampler",
    "pruner": "pruner",
    "max_concurrent": "max_concurrent",
    "workers": "n_workers",
    "storage": "storage",
    "study": "study_name",
}
"""The options of a search, and what ``HPOParams`` calls them; one that is not given is None."""


def search_settings(arguments: argparse.Namespace, space: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of ``HPOParams`` that the command line gives for a search."""
    given = [name for name in _SETTINGS if getattr(arguments, name) is not None]
    if not arguments.trials:
        options = [f"--{name.replace('_', '-')}" for name in given] + (["--space"] if space else [])
        if options:
            message = f"{', '.join(options)}: nothing is searched without --trials."
            raise InputError("setting_invalid", message)
        return {}
    return {
        "n_trials": arguments.trials,
        "space": space,
        **{_SETTINGS[name]: getattr(arguments, name) for name in given},
        "storage": storage_of(arguments),
    }


def dimensions(texts: list[str]) -> Space:
    """Return dimensions by name, from ``NAME=LOW:HIGH[:log]`` and ``NAME=A|B|...``."""
    found: Space = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not (name and equals and value):
            _refuse(text)
        if name in found:
            message = f"--space gives {name!r} twice; give it once."
            raise InputError("setting_invalid", message)
        if "|" in value:
            found[name] = Choice(*map(_value, value.split("|")))
            continue
        low, _, rest = value.partition(":")
        high, _, scale = rest.partition(":")
        if scale not in ("", "log"):
            _refuse(text)
        try:
            found[name] = Range(float(low), float(high), log=scale == "log")
        except ValueError:
            _refuse(text)
    return found


def searched(
    arguments: argparse.Namespace,
    stop: Postponed,
    train: Callable[..., TrainedArtifact],
) -> TrainedArtifact:
    """Train behind a progress bar of the trials; raise where Ctrl-C was pressed."""
    if not arguments.trials:
        artifact = train()
        stop.check()
        return artifact
    console = Console(stderr=True)
    bar = Progress(
        TextColumn("{task.description:44}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
    )
    progress = _Progress(arguments, bar, stop.check)
    try:
        with bar:
            artifact = train(on_trial=progress.tell, stop_wanted=stop.wanted)
            stop.check()  # Ctrl-C while the best model was judged, which took no trial
    except KeyboardInterrupt:
        print(progress.farewell(), file=sys.stderr)
        stop.check()  # which signal it was
        raise
    return artifact


class _Progress:
    def __init__(
        self, arguments: argparse.Namespace, bar: Progress, check: Callable[[], None]
    ) -> None:
        self._arguments, self._bar, self._check = arguments, bar, check
        self._tasks: dict[str, Any] = {}
        self._records: dict[str, dict[int, TrialRecord]] = {}
        self._n_told = 0
        self._objective = arguments.objective or HPOParams.objective
        self._better = min if self._objective == "log_loss" else max

    def tell(self, model: str, record: TrialRecord) -> None:
        """Show a trial that ended, beside all that the study holds."""
        self._n_told += 1
        if model not in self._records:
            self._records[model] = self._held(record)
        records = self._records[model]
        records[record.number] = record
        values = [r.value for r in records.values() if r.value is not None]
        best = f"{self._better(values):.5f}" if values else "-"
        pruned = sum(r.state == "pruned" for r in records.values())
        said = f"{model}: {self._objective} {best}, {pruned} pruned"
        total = self._arguments.trials
        if model not in self._tasks:
            self._tasks[model] = self._bar.add_task(said, total=total)
        self._bar.update(self._tasks[model], completed=len(records), description=said)
        if self._bar.disable:
            value = "" if record.value is None else f" {record.value:.5f}"
            print(
                f"{len(records)} of {total} trials of {model}: trial {record.number} "
                f"{record.state}{value} in {record.seconds:.1f} s; best {best}",
                file=sys.stderr,
            )
        self._check()

    def _held(self, record: TrialRecord) -> dict[int, TrialRecord]:
        """Return what the study of a model's first trial of this run holds; say if it is new."""
        storage = storage_of(self._arguments)
        if storage is None:
            return {}
        kept = kept_studies(storage)
        own = next((study for study in kept if study.holds(record)), None)
        if own is None:
            return {}
        unnamed = self._arguments.study is None
        if unnamed and len(own.records) == 1 and (news := _news(own, kept)) is not None:
            print(f"cvn: note: {news}", file=sys.stderr)
        return dict(own.records)

    def farewell(self) -> str:
        """Return what became of the trials, and how to go on."""
        n = self._n_told
        where = storage_of(self._arguments)
        if where is None:
            return f"cvn: trials that were in memory and are gone: {n}"
        what = "1 trial of this run is" if n == 1 else f"{n} trials of this run are"
        return f"cvn: {what} kept; the same command goes on"


def _news(own: KeptStudy, kept: list[KeptStudy]) -> str | None:
    """Return why a study was begun where the latest of the same model and data might go on."""
    for study in kept:
        alike = (study.datasets, study.identity["model"]) == (own.datasets, own.identity["model"])
        if alike and (names := own.differs_from(study)):
            named = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
            return f"{own.name} is a new study: {study.name}, of the same data, has other {named}"
    return None


def _value(text: str) -> Any:
    try:
        return json.loads(text.lower() if text in ("True", "False", "None") else text)
    except json.JSONDecodeError:
        return text


def _refuse(text: str) -> None:
    message = (
        f"--space {text!r} is not NAME=LOW:HIGH, NAME=LOW:HIGH:log or NAME=A|B, for instance "
        "num_leaves=8:64:log."
    )
    raise InputError("setting_invalid", message)
