"""Checks of what a training tells, and of what it must not print."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from typing import IO

from cvn_harness_core import FitError, ThetaChoice, ThetaEvidence, TrainingPolicy
from cvn_harness_core.testing.check import check
from cvn_harness_core.testing.recorded import event_faults, recorded_events
from cvn_harness_core.testing.subject import Subject
from cvn_harness_core.testing.verdict import refusal, require

EVENTS_OF_A_TRAINING = (
    "training_started",
    "class_balance_applied",
    "learning_curve",
    "calibration_applied",
    "theta_picked",
    "training_health",
    "training_complete",
)

_NODES = "do not replace the shared nodes or theta_sweep and log_emit"


@dataclass(frozen=True)
class FailingRule:
    """A rule of theta that fails, as a library might."""

    name: str = "failing"

    def decide(self, evidence: ThetaEvidence) -> ThetaChoice:
        """Raise ZeroDivisionError."""
        raise ZeroDivisionError(evidence.scores.size)


FAILING = TrainingPolicy(theta=FailingRule(), early_stopping=None)


@check()
def events(subject: Subject) -> None:
    """A training tells the same events as of every plugin, in order, each with its fields."""
    with recorded_events() as lines:
        subject.train()
    own = [line for line in lines if line["model"] == subject.name]
    faults = [fault for line in lines for fault in event_faults(line)]
    require(not faults, "events as declared", faults, _NODES)
    names = tuple(e["event"] for e in own if e["event"] in EVENTS_OF_A_TRAINING)
    require(names == EVENTS_OF_A_TRAINING, EVENTS_OF_A_TRAINING, names, _NODES)
    kinds, runs = {line["kind"] for line in own}, {line["run_id"] for line in own}
    one_run = kinds == {subject.kind} and len(runs) == 1
    require(one_run, f"one run of the {subject.kind} {subject.name!r}", (kinds, runs), _NODES)


@check()
def failure_told(subject: Subject) -> None:
    """A failing training is told by ``training_failed``, with its stage, and its error raised."""
    with recorded_events() as lines, refusal(FitError) as refused:
        subject.train(policy=FAILING)
    require(refused.raised, "the error of the stage theta_sweep", refused.said, _NODES)
    last = [line for line in lines if line["event"] == "training_failed"][-1:]
    told = [(line.get("stage"), line.get("error"), event_faults(line)) for line in last]
    expected: list[object] = [("theta_sweep", "FitError", [])]
    require(told == expected, expected, told, _NODES)


@check()
def silence(subject: Subject) -> None:
    """It prints nothing: standard output and error belong to the application."""
    with _printed() as printed:
        subject.train().predict_proba(subject.datasets().test.X)
    require(
        not printed,
        "a training that prints nothing",
        repr("".join(printed))[:400],
        "switch the library's own messages off in fit and predict_proba",
    )


@contextmanager
def _printed() -> Iterator[list[str]]:
    """Yield a list that holds, after the block, what was printed in it, by libraries in C too."""
    found: list[str] = []
    with tempfile.TemporaryFile("w+", errors="replace") as caught:
        with _descriptors(caught), redirect_stdout(caught), redirect_stderr(caught):
            yield found
        caught.seek(0)
        said = caught.read()
    found.extend([said] if said else [])


@contextmanager
def _descriptors(target: IO[str]) -> Iterator[None]:
    """Have the process's own standard output and error go to a file."""
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    kept = [os.dup(number) for number in (1, 2)]
    try:
        for number in (1, 2):
            os.dup2(target.fileno(), number)
        yield
    finally:
        target.flush()
        for number, before in zip((1, 2), kept, strict=True):
            os.dup2(before, number)
            os.close(before)
