"""What tells a new run from the one that its plan, under the same name, was before."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cvn_orchestrator.results.rows import RunRow

_SHOWN, _LONGEST = 5, 60
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
    plans = (json.loads(json.dumps(one.plan)) for one in (before, run))
    said = [text for _, text in sorted(_differences(*plans))] or ["the files"]
    more = [f"{len(said) - _SHOWN} more"] if len(said) > _SHOWN else []
    return (
        f"{run.name!r} is a new run, {run.run[:12]}: from the last one, {before.run[:12]} of "
        f"{before.started:%Y-%m-%d %H:%M} UTC, it differs in {'; '.join(said[:_SHOWN] + more)}. "
        "What that one has stays."
    )


def _differences(
    old: Mapping[str, Any], new: Mapping[str, Any], above: str = ""
) -> Iterator[tuple[int, str]]:
    """Yield each difference with its rank: the files, what changed, what is new, what is gone."""
    for name in {*old, *new} - (set() if above else _LEFT_OUT):
        full, was, becomes = f"{above}{name}", old.get(name), new.get(name)
        if full == "files":
            if name in old and was != becomes:  # an earlier release did not keep it
                yield 0, "the files, by name or content"
        elif name not in old:
            yield 2, f"{full}, which is new"
        elif name not in new:
            yield 3, f"{full}, which is gone"
        elif isinstance(was, Mapping) and isinstance(becomes, Mapping):
            yield from _differences(was, becomes, f"{full}.")
        elif was != becomes:
            yield 1, f"{full} ({_short(was)} before, {_short(becomes)} now)"


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
