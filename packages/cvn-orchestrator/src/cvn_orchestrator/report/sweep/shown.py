"""Figures as text: what is undefined is a dash, with the reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from cvn_orchestrator.report.page import Cell, Tone
from cvn_orchestrator.statistics import Estimate, Verdict

TONES: Mapping[Verdict, Tone] = {
    "LOCK": "good",
    "KEEP_AVAILABLE": "good",
    "INCONCLUSIVE": "doubt",
    "ABANDON": "bad",
    "NOT_TRADABLE": "bad",
}
"""How each verdict is meant, the best first."""


def figure(value: float | None, form: str, reason: str = "", note: str = "") -> Cell:
    """Return a figure, or a dash and why."""
    return Cell("-", reason) if value is None else Cell(format(value, form), note)


def estimate(found: Estimate, form: str = "+.4f") -> Cell:
    """Return a figure with its 95 % interval below it."""
    return figure(found.value, form, found.reason or "", between(found, form))


def between(found: Estimate, form: str = "+.4f") -> str:
    """Return the 95 % interval in words, or why there is none."""
    if found.interval is None:
        return f"no interval: {found.reason}" if found.reason else ""
    low, high = (format(one, form) for one in found.interval)
    return f"{low} to {high}"


def counted(codes: Iterable[str], words: Mapping[str, str] | None = None) -> str:
    """Return how often each code occurs, the most frequent first, in words where there are."""
    found = Counter(codes).most_common()
    return "; ".join(f"{(words or {}).get(code, code)}: {n}" for code, n in found) or "none"


def mean(values: Iterable[float | None]) -> float | None:
    """Return the mean of those that are defined; None without any."""
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
