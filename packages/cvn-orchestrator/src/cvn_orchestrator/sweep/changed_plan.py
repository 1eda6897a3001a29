"""What tells a new run from the one that its plan, under the same name, was before."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cvn_orchestrator.results.rows import RunRow

_SHOWN, _LONGEST = 5, 60
_FILES = "files"
_LEFT_OUT = {"path", "retries", "rows"}
"""What no result depends on, and a digest of what other differences say."""


def change_of(run: RunRow, runs: Sequence[RunRow]) -> str | None:
    """Return what a run that is new has other than the last one of its name; None for a known one.

    ``runs`` are those that there are, the latest first.
    """
    if any(other.run == run.run for other in runs):
        return None
    before = next((other for other in runs if other.name == run.name), None)
    if before is None:
        return None
    said = list(_differences(before, run)) or ["the files"]
    more = [f"{len(said) - _SHOWN} more"] if len(said) > _SHOWN else []
    return (
        f"{run.name!r} is a new run, {run.run[:12]}: from the last one, {before.run[:12]} of "
        f"{before.started:%Y-%m-%d %H:%M} UTC, it differs in {'; '.join(said[:_SHOWN] + more)}. "
        "What that one has stays."
    )


def _differences(before: RunRow, now: RunRow) -> Iterator[str]:
    old, new = (dict(_leaves(json.loads(json.dumps(run.plan)))) for run in (before, now))
    if _FILES in old and old.pop(_FILES) != new.get(_FILES):  # an earlier release did not keep it
        yield "the files, by name or content"
    new.pop(_FILES, None)
    for name in sorted({*old} & {*new}):
        if old[name] != new[name]:
            yield f"{name} ({_short(old[name])} before, {_short(new[name])} now)"
    yield from (f"{name}, which is new" for name in _roots({*new} - {*old}, old))
    yield from (f"{name}, which is gone" for name in _roots({*old} - {*new}, new))


def _roots(names: set[str], others: Mapping[str, Any]) -> list[str]:
    """Return the names, each cut as short as none of the others begins."""
    parts = {tuple(name.split(".")[: n + 1]) for name in others for n in range(name.count(".") + 1)}
    found = set()
    for name in names:
        path = name.split(".")
        n = next((n for n in range(1, len(path)) if tuple(path[:n]) not in parts), len(path))
        found.add(".".join(path[:n]))
    return sorted(found)


def _leaves(plan: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in plan.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, f"{above}{name}.")
        elif above or name not in _LEFT_OUT:
            yield f"{above}{name}", value


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
