"""Checks of what a fit leaves behind, above all one that fails."""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from dataclasses import replace
from pathlib import Path

from cvn_harness_core import FitError, Store
from cvn_harness_core.contracts.plain import plain
from cvn_harness_core.plugins.discovery import BLOCK, discover
from cvn_harness_core.testing.check import check
from cvn_harness_core.testing.checks.events import FAILING
from cvn_harness_core.testing.ensemble_subject import EnsembleUnderTest
from cvn_harness_core.testing.fresh_interpreter import run_python
from cvn_harness_core.testing.model_subject import ModelUnderTest
from cvn_harness_core.testing.subject import Subject
from cvn_harness_core.testing.surroundings import (
    Surroundings,
    children,
    differences,
    surroundings,
)
from cvn_harness_core.testing.synthetic import unseen_rows
from cvn_harness_core.testing.verdict import CheckFailed, largest_gap, refusal, require
from cvn_harness_core.testing.written import Written

_MEND = (
    "write no files (or in a temporary folder that a `with` deletes), end what you start, set back "
    "what you set, and keep no state"
)
_LOOK = "from cvn_harness_core.testing.checks.leftovers import look; look()"


@check("same_seed", "failure_told", "watching")
def leftovers(subject: Subject) -> None:
    """A fit, done or failed, leaves nothing behind: files, threads, processes, settings, state.

    It is looked for in a fresh interpreter, where the plugin's first fit is seen, too.
    """
    asked = {
        "kind": subject.kind,
        "name": subject.name,
        "params": plain(subject.params),
        "iterations": getattr(subject, "iterations", None),
        "environment": _set_since(subject.environment),
    }
    with tempfile.TemporaryDirectory(prefix="cvn-check-") as folder:
        told = Path(folder) / "told.json"
        run_python(_LOOK, json.dumps(asked), told)
        fault = json.loads(told.read_text())
    if fault is not None:
        raise CheckFailed(*fault)


def look() -> None:
    """Be the other process: find what is left, and write it where the first one asks for it."""
    asked, told = json.loads(sys.argv[1]), Path(sys.argv[2])
    fault, code = None, 1
    try:
        _begin_afresh(asked["name"], asked["environment"])
        if asked["kind"] == "model":
            _look_at(ModelUnderTest(asked["name"], asked["params"], asked["iterations"]))
        else:
            _look_at(EnsembleUnderTest(asked["name"], asked["params"]))
        code = 0
    except CheckFailed as failed:
        fault, code = (failed.expected, failed.seen, failed.mend), 0
    except BaseException:  # noqa: BLE001  a plugin may raise anything
        traceback.print_exc()
    told.write_text(json.dumps(fault))
    for child in children():  # they hold what the first process reads from
        os.kill(child, signal.SIGKILL)
    sys.stderr.flush()
    os._exit(code)  # whatever threads are left


def _look_at(subject: Subject) -> None:
    for library in subject.spec.libraries:
        importlib.import_module(library)  # what this sets up is the library's affair
    subject.author()
    written = Written()
    with _empty_folder() as folder:
        before = surroundings()
        subject.raw_scores()
        scores = subject.scores
        _require_nothing(folder, before, written, "a fit that is done")
        if isinstance(subject, ModelUnderTest) and subject.spec.stopping_metrics:
            _fail_within(subject)
            _require_nothing(folder, before, written, "a fit that failed within the library")
    with _empty_folder() as folder:
        store = Store(folder / "store")
        with refusal(FitError):
            subject.train(policy=FAILING, store=store)
        kept = [e.kind for e in store.ls() if e.kind == subject.kind and subject.kind == "model"]
        require(not kept, "nothing of a failed training in the store", kept, _MEND)
        store_files = {p for p in folder.rglob("*") if folder / "store" in p.parents}
        left = sorted(str(p) for p in set(folder.rglob("*")) - store_files - {folder / "store"})
        require(not left, "no files of a training that failed", left, _MEND)
    gap = largest_gap(subject.train().predict_proba(unseen_rows()), scores)
    require(gap == 0.0, "the same bits after a failure", f"a difference of {gap:g}", _MEND)


def _fail_within(model: ModelUnderTest) -> None:
    def watch(iteration: int, _: float) -> bool:
        if iteration == 3:
            message = "the kit fails this fit"
            raise _OurError(message)
        return False

    adapter, request = model.author(), replace(model.request(), watch=watch)
    prepared = adapter.prepare(model.datasets().without_test(), request)
    with refusal(Exception) as refused:
        adapter.fit(prepared, request)
    require(
        "the kit fails this fit" in refused.said,
        "an exception of request.watch to reach the caller",
        refused.said,
        "let exceptions pass in fit: the harness wraps them",
    )


class _OurError(Exception):
    pass


def _require_nothing(folder: Path, before: Surroundings, written: Written, after_what: str) -> None:
    left = sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))
    elsewhere = [str(path) for path in written.files() if folder not in path.parents]
    require(not left + elsewhere, f"no files after {after_what}", left + elsewhere, _MEND)
    changed = differences(before, surroundings())
    require(not changed, f"surroundings as they were after {after_what}", changed, _MEND)


def _set_since(before: dict[str, str]) -> dict[str, str | None]:
    """Return what variables of the environment were, of those that something has changed since.

    Those of the harness are the kit's to change.
    """
    names = {**before, **os.environ}
    return {
        name: before.get(name)
        for name in names
        if before.get(name) != os.environ.get(name) and not name.startswith("CVN_")
    }


def _begin_afresh(plugin: str, environment: dict[str, str | None]) -> None:
    """Undo what a process inherits of earlier fits, and leave observers out: they may do much."""
    for name, value in environment.items():
        os.environ.pop(name, None)
        if value is not None:
            os.environ[name] = value
    for number in set(signal.Signals) - {signal.SIGPIPE, signal.SIGXFSZ}:  # Python ignores these
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    observers = {record.name for record in discover() if record.kind == "observer"} - {plugin}
    os.environ[BLOCK] = ",".join([os.environ.get(BLOCK, ""), *observers])


@contextmanager
def _empty_folder() -> Iterator[Path]:
    """Yield an empty folder that is the current one, and where temporary files go."""
    with tempfile.TemporaryDirectory(prefix="cvn-check-") as name:
        folder, before = Path(name).resolve(), tempfile.tempdir
        tempfile.tempdir = str(folder)
        try:
            with chdir(folder):
                yield folder
        finally:
            tempfile.tempdir = before
