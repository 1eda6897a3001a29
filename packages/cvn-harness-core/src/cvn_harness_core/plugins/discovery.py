"""Which plugins are installed, found without importing any of them.

The only module that imports ``importlib_metadata``. It must stay quick and light: listing plugins
imports nothing else.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeAlias

import importlib_metadata

Kind: TypeAlias = Literal["model", "ensemble", "observer", "theta-rule"]
Status: TypeAlias = Literal["available", "blocked", "conflict", "incompatible", "malformed"]

CONTRACT_VERSION = 1
"""The version of the plugin contract that this core honours, as in ``cvn_harness.models.v1``."""

CORE_RULES = ("expected_value", "f1_capped", "f1_grid", "fixed")
"""The core's own theta rules, whose names no plugin can have."""

_GROUP = re.compile(r"cvn_harness\.(models|ensembles|plugins|theta)\.v(\d+)")
_KINDS: dict[str, Kind] = {
    "models": "model",
    "ensembles": "ensemble",
    "plugins": "observer",
    "theta": "theta-rule",
}
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


def distribution_files(distribution: str) -> list[tuple[str, Path]]:
    """Return name and path of every file that an installed distribution lists; [] if none does."""
    try:
        files = importlib_metadata.distribution(distribution).files
    except importlib_metadata.PackageNotFoundError:
        return []
    return [(str(file), Path(str(file.locate()))) for file in files or ()]


def _entry_points(path: Sequence[str] | None) -> Iterable[PluginRecord]:
    found = (
        importlib_metadata.distributions()
        if path is None
        else importlib_metadata.distributions(path=list(path))
    )
    seen: set[str] = set()
    for distribution in found:
        text = distribution.read_text("entry_points.txt")
        group = _GROUP.search(text or "")
        if text is None or group is None:
            continue
        try:
            records = list(_records(distribution))
        except Exception as error:  # noqa: BLE001  metadata may be damaged in any way
            yield _unreadable(distribution, _KINDS[group[1]], int(group[2]), error)
            continue
        identity = {_canonical(record.distribution) for record in records}
        if not identity & seen:  # else Python would import the one that came first on the path
            yield from records
        seen |= identity


def _records(distribution: Any) -> Iterator[PluginRecord]:
    origin = _origin(distribution.read_text("direct_url.json"))
    for entry in distribution.entry_points:
        group = _GROUP.fullmatch(entry.group)
        if group is not None:
            yield PluginRecord(
                name=entry.name,
                kind=_KINDS[group[1]],
                distribution=distribution.metadata["Name"],
                version=distribution.metadata["Version"],
                target=entry.value,
                origin=origin,
                contract=int(group[2]),
            )


def _unreadable(distribution: Any, kind: Kind, contract: int, error: Exception) -> PluginRecord:
    where = str(distribution.locate_file(""))
    why = f"{type(error).__name__}: {error}"
    fault = f"metadata in {where} cannot be read ({why}); reinstall that distribution"
    return PluginRecord(
        name="(unreadable)",
        kind=kind,
        distribution="(unreadable)",
        version="",
        target="",
        origin="installed",
        contract=contract,
        status="malformed",
        error=fault,
    )


def _origin(direct_url: str | None) -> Literal["installed", "editable"]:
    source = json.loads(direct_url or "{}")
    return "editable" if source.get("dir_info", {}).get("editable") else "installed"


def _canonical(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()


def _judge(record: PluginRecord, allowed: frozenset[str], blocked: frozenset[str]) -> PluginRecord:
    if record.status != "available":
        return record
    identity = {record.name, _canonical(record.distribution)}
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
    return _judge_rule(record) if record.kind == "theta-rule" else record


def _judge_rule(record: PluginRecord) -> PluginRecord:
    if record.name not in CORE_RULES and not _is_number(record.name):
        return record
    error = (
        f"{record.name!r} means the core's own rule wherever a rule is named; have "
        f"{record.distribution} give its entry point another name"
    )
    return record._replace(status="conflict", error=error)


def _is_number(text: str) -> bool:
    # ``nan`` is one, too
    try:
        float(text)
    except ValueError:
        return False
    return True


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
        names = list(given)
    else:
        names = [n.strip() for n in os.environ.get(variable, "").split(",") if n.strip()]
    return frozenset(names) | frozenset(map(_canonical, names))


def version_of(distribution: str) -> str:
    """Return the version that an installed distribution's metadata state."""
    return importlib_metadata.version(distribution)
