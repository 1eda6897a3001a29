"""What tells a new run from the one that its plan, under the same name, was before."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cvn_orchestrator.results.rows import RunRow

_SHOWN, _LONGEST = 5, 60
_SAID = {"rows": "the rows or their labels", "content": "the bytes of the files"}
"""Digests, which tell people nothing."""


def change_of(run: RunRow, runs: Sequence[RunRow]) -> str | None:
    """Return what a run that is new has other than the last one of its name; None for a known one.

    ``runs`` are those that there are, the latest first.
    """
    if any(other.run == run.run for other in runs):
        return None
    before = next((other for other in runs if other.name == run.name), None)
    if before is None:
        return None
    said = list(_differences(before, run)) or [_SAID["content"]]
    more = [f"{len(said) - _SHOWN} more"] if len(said) > _SHOWN else []
    return (
        f"{run.name!r} is a new run, {run.run[:12]}: from the last one, {before.run[:12]} of "
        f"{before.started:%Y-%m-%d %H:%M} UTC, it differs in {'; '.join(said[:_SHOWN] + more)}. "
        "What that one has stays."
    )


def _differences(before: RunRow, now: RunRow) -> Iterator[str]:
    old, new = (dict(_leaves(json.loads(json.dumps(run.plan)))) for run in (before, now))
    for name in sorted({*old, *new} - {"path", "retries"}):
        was, becomes = old.get(name), new.get(name)
        if was == becomes:
            continue
        if name in _SAID:
            if name in old:  # an earlier release did not keep it
                yield _SAID[name]
        elif name not in new:
            yield f"{name}, which is gone"
        elif name not in old:
            yield f"{name}, which is new"
        else:
            yield f"{name} ({_short(was)} before, {_short(becomes)} now)"


def _leaves(plan: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in plan.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", value


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
