"""One check: a function with a name, and what must hold before it says anything."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

SubjectT = TypeVar("SubjectT")


@dataclass(frozen=True, eq=False)
class Check:
    """A check, by the name that ``--only`` and pytest's ``-k`` take.

    Parameters
    ----------
    name
        The function's name.
    about
        The first line of its docstring: what holds of a sound plugin.
    run
        Returns, or raises ``CheckFailed`` or ``CheckSkipped``.
    needs
        Checks that must not have failed: where one has, this one would only repeat its fault.
    """

    name: str
    about: str
    run: Callable[[Any], None]
    needs: tuple[str, ...]


def check(*needs: str) -> Callable[[Callable[[SubjectT], None]], Check]:
    """Make a check of a function; by default it needs a training that succeeds."""

    def declare(function: Callable[[SubjectT], None]) -> Check:
        about = (function.__doc__ or "").strip().splitlines()[0].rstrip(".")
        return Check(function.__name__, about, function, needs or ("training",))

    return declare


def first_check(function: Callable[[SubjectT], None]) -> Check:
    """Make a check that needs no other."""
    declared = check()(function)
    return Check(declared.name, declared.about, function, ())
