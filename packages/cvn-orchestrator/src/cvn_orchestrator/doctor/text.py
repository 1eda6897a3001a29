"""What was found as a table of 80 columns, and below it what to do."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

from cvn_orchestrator.doctor.finding import Finding
from cvn_orchestrator.table import aligned

WIDTH = 80
_STATUS, _CHECK = 7, 24
_FOUND = WIDTH - _STATUS - _CHECK - 4
_HEADER = ("status", "check", "found")


def report(findings: Iterable[Finding]) -> str:
    """Return the table, the advice a line each, and the count."""
    found = list(findings)
    table = aligned(_HEADER, [row for one in found for row in _rows(one)], left=3)
    faulty = [one for one in found if one.status != "ok"]
    advice = [f"{one.check}: {one.advice}" for one in faulty]
    problems = sum(one.status == "problem" for one in found)
    total = f"{_count(problems, 'problem')}, {_count(len(faulty) - problems, 'warning')}"
    return "\n\n".join([table, *(["\n".join(["what to do:", *advice])] if advice else []), total])


def _rows(one: Finding) -> list[tuple[str, str, str]]:
    check = one.check if len(one.check) <= _CHECK else f"{one.check[: _CHECK - 3]}..."
    first, *more = textwrap.wrap(one.found, _FOUND, break_on_hyphens=False) or [""]
    return [(one.status, check, first), *(("", "", line) for line in more)]


def _count(n: int, what: str) -> str:
    return f"{n or 'no'} {what}{'' if n == 1 else 's'}"
