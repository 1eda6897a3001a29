"""Which plugins are installed, found without importing any of them.

The only module that imports ``importlib_metadata``. It must stay quick and light: listing plugins
imports nothing else.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple, TypeAlias

import importlib_metadata

Kind: TypeAlias = Literal["model", "ensemble", "observer"]
Status: TypeAlias = Literal["available", "blocked", "conflict", "incompatible", "malformed"]

CONTRACT_VERSION = 1
"""The version of the plugin contract that this core honours, as in ``cvn_harness.models.v1``."""

_GROUP = re.compile(r"cvn_harness\.(models|ensembles|plugins)\.v(\d+)")
_KINDS: dict[str, Kind] = {"models": "model", "ensembles": "ensemble", "plugins": "observer"}
_TARGET = re.compile(r"[A-Za-z_][\w.]*(\s*:\s*[A-Za-z_][\w.]*)?")


class PluginRecord(NamedTuple):
    """One entry point, and whether it may be loaded.

    ``error`` says why not, and what to do, whenever ``status`` is not ``available``.
    """

    name: str
    kind: Kind
    distribution: str
    version: str
    target: str
    origin: Literal["installed", "editable"]
    contract: int
    status: Status = "available"
    error: str | None = None

    def as_dict(self) -> dict[str, str | int | None]:
        """Return the record as JSON-like values."""
        return self._asdict()


def discover(
    *,
    path: Sequence[str] | None = None,
    allow: Iterable[str] | None = None,
    block: Iterable[str] | None = None,
) -> tuple[PluginRecord, ...]:
    """Return a record of every plugin's entry point, sorted by kind and name. Imports none.

    Parameters
    ----------
    path
        Folders to search in place of ``sys.path``.
    allow, block
        Names of plugins or distributions; by default the comma-separated lists in the environment
        variables ``CVN_PLUGINS`` (only these) and ``CVN_PLUGINS_BLOCK`` (not these).
    """
    allowed = _names(allow, "CVN_PLUGINS")
    blocked = _names(block, "CVN_PLUGINS_BLOCK")
    records = [_judge(r, allowed, blocked) for r in _entry_points(path)]
    return tuple(sorted(_mark_conflicts(records), key=lambda r: (r.kind, r.name, r.distribution)))


def import_target(record: PluginRecord) -> object:
    """Import what a record's entry point names, and return it; whatever it raises passes."""
    loaded: object = importlib_metadata.EntryPoint(record.name, record.target, "cvn_harness").load()
    return loaded


def version_of(distribution: str) -> str:
    """Return an installed distribution's version, or "unknown"."""
    try:
        return importlib_metadata.version(distribution)
    except importlib_metadata.PackageNotFoundError:
        return "unknown"


def _entry_points(path: Sequence[str] | None) -> Iterable[PluginRecord]:
    found = (
        importlib_metadata.distributions()
        if path is None
        else importlib_metadata.distributions(path=list(path))
    )
    seen = set()
    for distribution in found:
        text = distribution.read_text("entry_points.txt")
        if not text or "cvn_harness." not in text:
            continue
        name = distribution.name
        if re.sub(r"[-_.]+", "-", name).lower() in seen:
            continue  # the same distribution further down the path: Python would not import it
        seen.add(re.sub(r"[-_.]+", "-", name).lower())
        for entry in distribution.entry_points:
            group = _GROUP.fullmatch(entry.group)
            if group is not None:
                yield PluginRecord(
                    name=entry.name,
                    kind=_KINDS[group[1]],
                    distribution=name,
                    version=distribution.version,
                    target=entry.value,
                    origin=_origin(distribution.read_text("direct_url.json")),
                    contract=int(group[2]),
                )


def _origin(direct_url: str | None) -> Literal["installed", "editable"]:
    source = json.loads(direct_url or "{}")
    return "editable" if source.get("dir_info", {}).get("editable") else "installed"


def _judge(record: PluginRecord, allowed: frozenset[str], blocked: frozenset[str]) -> PluginRecord:
    identity = {record.name, record.distribution}
    if identity & blocked:
        error = "it is on the block-list (CVN_PLUGINS_BLOCK); take it off to use it"
        return record._replace(status="blocked", error=error)
    if allowed and not identity & allowed:
        error = "it is not on the allow-list (CVN_PLUGINS); add it to use it"
        return record._replace(status="blocked", error=error)
    if record.contract != CONTRACT_VERSION:
        error = (
            f"it is written for contract v{record.contract} and this cvn-harness-core honours "
            f"v{CONTRACT_VERSION}; install a release of {record.distribution} for it"
        )
        return record._replace(status="incompatible", error=error)
    if not _TARGET.fullmatch(record.target):
        error = f"its entry point {record.target!r} is not of the form package.module[:attribute]"
        return record._replace(status="malformed", error=error)
    return record


def _mark_conflicts(records: list[PluginRecord]) -> list[PluginRecord]:
    owners: dict[tuple[Kind, str], set[str]] = {}
    for record in records:
        if record.status == "available":
            owners.setdefault((record.kind, record.name), set()).add(record.distribution)
    marked = []
    for record in records:
        rivals = owners.get((record.kind, record.name), set())
        if record.status == "available" and len(rivals) > 1:
            error = (
                f"{' and '.join(sorted(rivals))} both offer the {record.kind} {record.name!r}; "
                "uninstall one, or block it by its distribution (CVN_PLUGINS_BLOCK)"
            )
            marked.append(record._replace(status="conflict", error=error))
        else:
            marked.append(record)
    return marked


def _names(given: Iterable[str] | None, variable: str) -> frozenset[str]:
    if given is not None:
        return frozenset(given)
    return frozenset(n.strip() for n in os.environ.get(variable, "").split(",") if n.strip())
