"""All checks, one after the other; one that fails is a row like any other."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from cvn_orchestrator.doctor.finding import Asked, Finding

SUBJECTS: Mapping[str, str] = MappingProxyType(
    {
        "installed": "what is installed, and whether it fits together",
        "plugins": "models, ensembles and observers that cannot be used",
        "threads": "how many threads may run, and variables that say something else",
        "memory": "how much may still be taken",
        "store": "the store of trained models",
        "results": "the database of results",
        "optional": "what is needed for some things only",
    }
)
"""Modules of this package by what they look at; each has ``check(asked) -> Iterator[Finding]``."""


def examine(asked: Asked) -> Iterator[tuple[str, Finding]]:
    """Yield every finding with its subject.

    Never raises: a check that does is a problem that says what it raised, after the findings that
    it had made by then.
    """
    for subject in SUBJECTS:
        try:
            module = importlib.import_module(f"cvn_orchestrator.doctor.{subject}")
            for finding in module.check(asked):
                yield subject, finding
        except Exception as error:  # noqa: BLE001  whatever it is, the other checks are wanted
            yield subject, failed(subject, error)


def failed(check: str, error: Exception) -> Finding:
    """Return the finding of a check that could not be made."""
    kind = type(error).__name__
    return Finding(
        check,
        "problem",
        f"this could not be examined: {kind}: {error}",
        f"mend what it says; if nothing is wrong there, report `cvn doctor --json` ({kind})",
        {"error": kind},
    )
