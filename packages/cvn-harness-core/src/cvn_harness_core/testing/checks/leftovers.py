"""Checks of what a fit leaves behind, above all one that fails."""

from __future__ import annotations

import multiprocessing
import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from cvn_harness_core import FitError, Store
from cvn_harness_core.testing.check import check
from cvn_harness_core.testing.checks.events import FAILING
from cvn_harness_core.testing.model_subject import ModelUnderTest
from cvn_harness_core.testing.subject import Subject
from cvn_harness_core.testing.synthetic import unseen_rows
from cvn_harness_core.testing.verdict import largest_gap, refusal, require

_MEND = "write no files (or in a temporary folder that a `with` deletes), and keep no state"


@check("same_seed", "failure_told", "watching")
def leftovers(subject: Subject) -> None:
    """A fit, done or failed, leaves nothing behind: files, threads, processes, settings, state."""
    with _empty_folder() as folder:
        before = _surroundings()
        subject.train()
        _require_nothing(folder, before, "a fit that is done")
        if isinstance(subject, ModelUnderTest) and subject.spec.stopping_metrics:
            _fail_within(subject)
            _require_nothing(folder, before, "a fit that failed within the library")
    with _empty_folder() as folder:
        store = Store(folder / "store")
        with refusal(FitError):
            subject.train(policy=FAILING, store=store)
        kept = [e.kind for e in store.ls() if e.kind == subject.kind and subject.kind == "model"]
        require(not kept, "nothing of a failed training in the store", kept, _MEND)
        store_files = {p for p in folder.rglob("*") if folder / "store" in p.parents}
        left = sorted(str(p) for p in set(folder.rglob("*")) - store_files - {folder / "store"})
        require(not left, "no files of a training that failed", left, _MEND)
    gap = largest_gap(subject.train().predict_proba(unseen_rows()), subject.scores)
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


def _require_nothing(folder: Path, before: dict[str, Any], after_what: str) -> None:
    left = sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))
    require(not left, f"no files after {after_what}", left, _MEND)
    changed = {name: now for name, now in _surroundings().items() if now != before[name]}
    require(not changed, f"surroundings as they were after {after_what}", changed, _MEND)


def _surroundings() -> dict[str, Any]:
    return {
        "threads": {t.name for t in threading.enumerate()},
        "processes": {p.pid for p in multiprocessing.active_children()},
        "folder": Path.cwd(),
        "environment": dict(os.environ),
    }


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
