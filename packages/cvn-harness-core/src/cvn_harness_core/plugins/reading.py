"""From installed distributions to the records of their entry points, whatever state they are in."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import importlib_metadata

from cvn_harness_core.plugins.distributions import (
    entry_points_of,
    entry_points_text,
    pass_over_damaged,
)
from cvn_harness_core.plugins.record import (
    CONTRACT_VERSION,
    Kind,
    PluginRecord,
    canonical,
    malformed,
)

_OURS = re.compile(r"^\s*\[\s*cvn_harness\.", re.IGNORECASE | re.MULTILINE)
_GROUP = re.compile(r"cvn_harness\.(models|ensembles|plugins|theta)\.v(\d{1,9})")
_KINDS: dict[str, Kind] = {
    "models": "model",
    "ensembles": "ensemble",
    "plugins": "observer",
    "theta": "theta-rule",
}


def records_on(path: Sequence[str] | None) -> Iterator[PluginRecord]:
    """Yield a record of every entry point of ours on a path, by default on ``sys.path``.

    And one of every distribution whose entry points, or other metadata of a plugin, cannot be read.
    """
    found = (
        importlib_metadata.distributions()
        if path is None
        else importlib_metadata.distributions(path=list(path))
    )
    damaged: set[PluginRecord] = set()
    firsts: dict[str, tuple[str, list[PluginRecord]]] = {}
    for distribution in found:
        text = entry_points_text(distribution)
        if not text:
            continue
        try:
            entries = entry_points_of(distribution, text)
        except Exception as error:  # noqa: BLE001  metadata may be damaged in any way
            damaged.add(_unreadable(distribution, text, error))
            if path is None:
                pass_over_damaged()
            continue
        if not _OURS.search(text):
            continue
        try:
            records = _records(distribution, entries)
            name = canonical(records[0].distribution) if records else ""
        except Exception as error:  # noqa: BLE001
            damaged.add(_unreadable(distribution, text, error))
            continue
        place = os.path.realpath(str(distribution.locate_file("")))
        if records and name in firsts:  # Python imports the one that came first on the path
            firsts[name] = _beside(*firsts[name], place, records[0])
        elif records:
            firsts[name] = (place, records)
    yield from damaged
    for _, records in firsts.values():
        yield from records


def _beside(
    place: str, records: list[PluginRecord], other: str, copy: PluginRecord
) -> tuple[str, list[PluginRecord]]:
    """Note on a distribution's records that there is another copy of it, unless it is the same."""
    if (other, copy.version) == (place, records[0].version):
        return place, records
    note = (
        f"{copy.distribution} is installed twice: {records[0].version} in {place} is used, "
        f"{copy.version} in {other} is not; uninstall one"
    )
    return place, [record._replace(advice=note) for record in records]


def _records(distribution: Any, entries: Iterable[Any]) -> list[PluginRecord]:
    origin = _origin(distribution.read_text("direct_url.json"))
    return [
        _record(distribution, entry, origin)
        for entry in entries
        if entry.group.strip().lower().startswith("cvn_harness.")
    ]


def _record(
    distribution: Any, entry: Any, origin: Literal["installed", "editable"]
) -> PluginRecord:
    group = _GROUP.fullmatch(entry.group)
    sound = f"cvn_harness.{group[1]}.v{int(group[2])}" if group else _nearest(entry.group)
    _, kind, contract = sound.split(".")
    record = PluginRecord(
        name=_shown(entry.name) or "(nameless)",
        kind=_KINDS[kind],
        distribution=_shown(distribution.metadata["Name"]),
        version=_shown(distribution.metadata["Version"]),
        target=_shown(entry.value),
        origin=origin,
        contract=int(contract[1:]),
    )
    if entry.group != sound:
        error = f"its group {entry.group!r} is no group; {sound!r} would be"
        return malformed(record, error, f"have it say {sound!r}: ")
    if record.name != entry.name:
        return malformed(record, f"its name {entry.name!r} is empty, or cannot be shown")
    return record


def _nearest(group: str) -> str:
    """Return the group that was probably meant."""
    from difflib import get_close_matches

    meant = {
        f"cvn_harness.{spelt}.v{CONTRACT_VERSION}": f"cvn_harness.{word}.v{CONTRACT_VERSION}"
        for word, kind in _KINDS.items()
        for spelt in (word, kind)
    }
    return meant[get_close_matches(group.strip().lower(), meant, n=1, cutoff=0.0)[0]]


def _shown(text: str) -> str:
    """Return text with what a terminal would obey, and not show, spelt out."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def _unreadable(distribution: Any, text: str, error: Exception) -> PluginRecord:
    group = _GROUP.search(text)
    where = os.path.realpath(str(distribution.locate_file("")))
    name, _, version = Path(str(getattr(distribution, "_path", "(unreadable)"))).stem.partition("-")
    why = f"{type(error).__name__}: {error}"
    return PluginRecord(
        name="(unreadable)",
        kind=_KINDS[group[1]] if group else "unknown",
        distribution=_shown(name),
        version=_shown(version),
        target="",
        origin="installed",
        contract=int(group[2]) if group else CONTRACT_VERSION,
        status="malformed",
        error=_shown(f"metadata in {where} cannot be read ({why})"),
        advice="reinstall that distribution, or delete the folder that is left of it",
    )


def _origin(direct_url: str | None) -> Literal["installed", "editable"]:
    source = json.loads(direct_url or "{}")
    return "editable" if source.get("dir_info", {}).get("editable") else "installed"
