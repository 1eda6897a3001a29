"""What a check found, in one row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

Status: TypeAlias = Literal["ok", "warning", "problem"]
ORDER: tuple[Status, ...] = ("ok", "warning", "problem")
"""From the best to the worst."""


@dataclass(frozen=True)
class Asked:
    """What is to be examined.

    Parameters
    ----------
    store, results
        A folder and a URL.
    store_named, results_named
        Whether somebody named them, and they are not what is used by default.
    environ, root
        The environment and the file system that the kernel's figures are read from.
    """

    store: Path
    results: str
    store_named: bool
    results_named: bool
    environ: Mapping[str, str]
    root: Path = Path("/")


@dataclass(frozen=True)
class Finding:
    """A row: what was looked at, how it is, and what to do where it is not ok.

    Parameters
    ----------
    check
        What was looked at, short: a distribution, a variable, a part of the store.
    status
        ``ok``; ``warning``: it works, and less well than it could; ``problem``: it does not work.
    found
        What there is, for people, on one line.
    advice
        What to do, or to type; None if all is well.
    facts
        The figures behind it, JSON-like.
    """

    check: str
    status: Status
    found: str
    advice: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("check", "found", "advice"):
            text = getattr(self, name)
            if text is not None:
                object.__setattr__(self, name, printable(text))


def worst(found: Iterable[Finding]) -> Status:
    """Return the worst status among findings; ``ok`` if there is none."""
    return max((f.status for f in found), key=ORDER.index, default="ok")


def printable(text: str) -> str:
    """Return text on one line, with what no terminal could show spelt out."""
    line = " ".join(text.split())
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in line)
