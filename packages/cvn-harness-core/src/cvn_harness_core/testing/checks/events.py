"""Checks of what a training tells, and of what it must not print."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from cvn_harness_core import FitError, ThetaChoice, ThetaEvidence, TrainingPolicy
from cvn_harness_core.testing.recorded import event_faults, recorded_events
from cvn_harness_core.testing.subject import ModelUnderTest
from cvn_harness_core.testing.verdict import require

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


class EventChecks(ModelUnderTest):
    """Every model tells its trainings in the same events, and nothing elsewhere."""

    def test_events_are_those_of_the_schema(self) -> None:
        """The same events as of every model, in order, each with every declared field."""
        with recorded_events() as events:
            self.train()
        faults = [fault for line in events for fault in event_faults(line)]
        require(not faults, "events as declared", faults, _NODES)
        names = tuple(e["event"] for e in events if e["event"] in EVENTS_OF_A_TRAINING)
        require(names == EVENTS_OF_A_TRAINING, EVENTS_OF_A_TRAINING, names, _NODES)
        who = {(line["kind"], line["model"]) for line in events}
        runs = {line["run_id"] for line in events}
        one_run = who == {("model", self.model)} and len(runs) == 1
        require(one_run, f"one run of the model {self.model!r}", (who, runs), _NODES)

    def test_a_failing_training_says_so(self) -> None:
        """An error is told by ``training_failed``, with its stage, and reaches the caller."""
        with recorded_events() as events, pytest.raises(FitError) as raised:
            self.train(policy=TrainingPolicy(theta=_FailingRule(), early_stopping=None))
        faults, last = event_faults(events[-1]), events[-1]
        told = (last["event"], last.get("stage"), type(raised.value.__cause__).__name__)
        expected = ("training_failed", "theta_sweep", "ZeroDivisionError")
        require(not faults and told == expected, expected, (told, faults), _NODES)

    def test_it_prints_nothing(self, capfd: pytest.CaptureFixture[str]) -> None:
        """Standard output and error belong to the application; a library may not write there."""
        self.train()
        printed = capfd.readouterr()
        require(
            not printed.out and not printed.err,
            "a training that prints nothing",
            printed,
            "switch the library's own messages off in ModelAdapter.fit and predict_proba",
        )


@dataclass(frozen=True)
class _FailingRule:
    name: str = "failing"

    def decide(self, evidence: ThetaEvidence) -> ThetaChoice:
        raise ZeroDivisionError(evidence.scores.size)
