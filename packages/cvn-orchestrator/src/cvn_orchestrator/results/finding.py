"""Which run is meant."""

from __future__ import annotations

from collections.abc import Sequence

from cvn_orchestrator.errors import ResultsError
from cvn_orchestrator.results.rows import RunRow

DIGITS = 12
"""How much of a digest is shown."""
_LISTED = 20


def find_run(runs: Sequence[RunRow], which: str, where: str) -> RunRow:
    """Return the run of this digest, else the one of this name or whose digest begins so.

    Raises ResultsError ``run_unknown`` or ``run_ambiguous``, with what there is.
    """
    exact = [row for row in runs if row.run == which]
    found = exact or [row for row in runs if which in (row.name, row.run[: len(which)]) and which]
    if len(found) == 1:
        return found[0]
    if found:
        message = f"{which!r} is {len(found)} runs; give more of a digest: {_listed(found)}."
        raise ResultsError("run_ambiguous", message)
    there = f"there are {_listed(runs)}" if runs else "there are none"
    message = f"{where} has no run {which!r}; {there}."
    raise ResultsError("run_unknown", message)


def _listed(runs: Sequence[RunRow]) -> str:
    more = f" and {len(runs) - _LISTED} more" if len(runs) > _LISTED else ""
    shown = ", ".join(f"{row.run[:DIGITS]} ({row.name})" for row in runs[:_LISTED])
    return shown + more
