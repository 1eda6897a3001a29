"""Running the checks: each once, after those that it needs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from cvn_harness_core.errors import InputError
from cvn_harness_core.said import said
from cvn_harness_core.testing.check import Check
from cvn_harness_core.testing.ensemble_checks import ENSEMBLE_CHECKS
from cvn_harness_core.testing.ensemble_subject import EnsembleUnderTest
from cvn_harness_core.testing.model_checks import MODEL_CHECKS
from cvn_harness_core.testing.model_subject import ModelUnderTest
from cvn_harness_core.testing.report import CheckResult, Report
from cvn_harness_core.testing.stand_ins import stand_ins
from cvn_harness_core.testing.subject import Subject
from cvn_harness_core.testing.verdict import CheckFailed, CheckSkipped

Told = Callable[[CheckResult], None]
Begun = Callable[[Check], None]


def check_model(
    name: str,
    *,
    only: Sequence[str] = (),
    params: Mapping[str, Any] | None = None,
    iterations: int = 30,
    told: Told | None = None,
) -> Report:
    """Check an installed model against the contract, and return what was found.

    Parameters
    ----------
    name
        A name in ``MODEL_REGISTRY``.
    only
        Names of checks, to run these and what they need; by default all.
    params
        Hyperparameters fixed in every training, for a model that is slow without them.
    iterations
        The ceiling of boosting iterations, for a model that declares ``iterations_param``.
    told
        Called with each result as it is known.

    Raises
    ------
    PluginNotInstalledError
        If nothing of that name is installed. One that is installed and cannot be used is a failed
        check.
    InputError
        ``setting_invalid`` for a check that does not exist.
    """
    return checked(ModelUnderTest(name, params or {}, iterations), only, told)


def check_ensemble(
    name: str,
    *,
    only: Sequence[str] = (),
    params: Mapping[str, Any] | None = None,
    told: Told | None = None,
) -> Report:
    """Check an installed ensemble against the contract, over small bases of the kit's own.

    ``params`` are of the ensemble itself; the rest is as of ``check_model``.
    """
    return checked(EnsembleUnderTest(name, params or {}), only, told)


def checked(
    subject: ModelUnderTest | EnsembleUnderTest,
    only: Sequence[str],
    told: Told | None,
    begun: Begun | None = None,
) -> Report:
    """Check a model or an ensemble; ``begun`` is called with each check before it is run."""
    if isinstance(subject, ModelUnderTest):
        return _report(Checking(subject, MODEL_CHECKS, begun), only, told)
    with stand_ins():
        return _report(Checking(subject, ENSEMBLE_CHECKS, begun), only, told)


class Checking:
    """The checks of one plugin, and their results so far."""

    def __init__(
        self, subject: Subject, checks: Iterable[Check], begun: Begun | None = None
    ) -> None:
        self.subject, self.checks = subject, {check.name: check for check in checks}
        self.results: dict[str, CheckResult] = {}
        self._begun = begun
        self._held_back: dict[str, str] = {}

    def result(self, name: str) -> CheckResult:
        """Return what becomes of a check; it is run once, after those that it needs."""
        if name not in self.results:
            self.results[name] = self._run(self.checks[name])
        return self.results[name]

    def _needs(self, check: Check) -> list[str]:
        """Return the checks before this one; some are of models only."""
        return [name for name in check.needs if name in self.checks]

    def _run(self, check: Check) -> CheckResult:
        for needed in self._needs(check):
            failed = self.result(needed).outcome == "failed"
            first = needed if failed else self._held_back.get(needed)
            if first is not None:
                self._held_back[check.name] = first
                reason = f"mend {first} first"
                return CheckResult(check.name, check.about, "skipped", 0.0, reason=reason)
        if self._begun is not None:
            self._begun(check)
        started = time.perf_counter()
        facts = _outcome(check, self.subject)
        seconds = time.perf_counter() - started
        return CheckResult(check.name, check.about, seconds=seconds, **facts)


def _outcome(check: Check, subject: Subject) -> dict[str, Any]:
    try:
        check.run(subject)
    except CheckFailed as failure:
        verdict = {"expected": failure.expected, "seen": failure.seen, "mend": failure.mend}
        return {"outcome": "failed", **verdict}
    except CheckSkipped as skipped:
        return {"outcome": "skipped", "reason": str(skipped)}
    except (Exception, SystemExit) as error:  # noqa: BLE001  a plugin may raise anything anywhere
        return {
            "outcome": "failed",
            "expected": "no error here",
            "seen": f"{type(error).__name__}: {said(error)}",
            "mend": f"mend what raises this while the check looks whether: {check.about}",
        }
    return {"outcome": "passed"}


def _report(checking: Checking, only: Sequence[str], told: Told | None) -> Report:
    subject = checking.subject
    record = subject.registry.record(subject.name)
    for name in _chosen(checking.checks, only):
        result = checking.result(name)
        if told is not None:
            told(result)
    results = tuple(checking.results[name] for name in checking.checks if name in checking.results)
    return Report(subject.name, subject.kind, record.distribution, record.version, results)


def _chosen(checks: Mapping[str, Check], only: Sequence[str]) -> list[str]:
    """Return the names of the checks to run, in order, with those that they need."""
    unknown = sorted(set(only) - set(checks))
    if unknown:
        message = f"there is no check {unknown[0]!r}; there are {', '.join(checks)}."
        raise InputError("setting_invalid", message)
    wanted = set(only) or set(checks)
    while needed := {n for name in wanted for n in checks[name].needs if n in checks} - wanted:
        wanted |= needed
    return [name for name in checks if name in wanted]
