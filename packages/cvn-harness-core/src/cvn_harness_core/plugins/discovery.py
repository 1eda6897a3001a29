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
Status: TypeAlias = Literal[
    "available", "blocked", "conflict", "incompatible", "malformed",
    "contract", "dependency_missing", "import_failed",
]  # fmt: skip
"""What an error's code says after ``plugin_``; the last three are known only after an import."""

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

    ``error`` says why not, and ``advice`` what to do, whenever ``status`` is not ``available``.
    Advice without an error is a note on a plugin that can be used.
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
    advice: str | None = None

    @property
    def identity(self) -> frozenset[str]:
        """The names by which an allow-list or a block-list knows it."""
        return frozenset({self.name, _canonical(self.distribution)})

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
    firsts: dict[str, tuple[str, list[PluginRecord]]] = {}
    for distribution in found:
        text = distribution.read_text("entry_points.txt")
        group = _GROUP.search(text or "")
        if text is None or group is None:
            continue
        try:
            records = list(_records(distribution))
            name = _canonical(records[0].distribution) if records else ""
        except Exception as error:  # noqa: BLE001  metadata may be damaged in any way
            yield _unreadable(distribution, _KINDS[group[1]], int(group[2]), error)
            continue
        place = os.path.realpath(str(distribution.locate_file("")))
        if records and name in firsts:  # Python imports the one that came first on the path
            firsts[name] = _beside(*firsts[name], place, records[0])
        elif records:
            firsts[name] = (place, records)
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
    name, _, version = Path(str(getattr(distribution, "_path", "(unreadable)"))).stem.partition("-")
    why = f"{type(error).__name__}: {error}"
    fault = f"metadata in {where} cannot be read ({why})"
    return PluginRecord(
        name="(unreadable)",
        kind=kind,
        distribution=name,
        version=version,
        target="",
        origin="installed",
        contract=contract,
        status="malformed",
        error=fault,
        advice="reinstall that distribution, or delete the folder that is left of it",
    )


def _origin(direct_url: str | None) -> Literal["installed", "editable"]:
    source = json.loads(direct_url or "{}")
    return "editable" if source.get("dir_info", {}).get("editable") else "installed"


def _canonical(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()


def _judge(record: PluginRecord, allowed: frozenset[str], blocked: frozenset[str]) -> PluginRecord:
    if record.status != "available":
        return record
    if record.identity & blocked:
        error, advice = "it is on the block-list (CVN_PLUGINS_BLOCK)", "take it off to use it"
        return record._replace(status="blocked", error=error, advice=advice)
    if allowed and not record.identity & allowed:
        error, advice = "it is not on the allow-list (CVN_PLUGINS)", "add it to use it"
        return record._replace(status="blocked", error=error, advice=advice)
    if record.contract != CONTRACT_VERSION:
        error = (
            f"it is written for contract v{record.contract} and this cvn-harness-core honours "
            f"v{CONTRACT_VERSION}"
        )
        newer = "cvn-harness-core" if record.contract > CONTRACT_VERSION else record.distribution
        advice = (
            f"install a release of {record.distribution} for v{CONTRACT_VERSION}, "
            f"or pip install --upgrade {newer}"
        )
        return record._replace(status="incompatible", error=error, advice=advice)
    if not _TARGET.fullmatch(record.target):
        error = f"its entry point {record.target!r} is not of the form package.module[:attribute]"
        advice = f"pip install --upgrade {record.distribution}, or uninstall it and tell its author"
        return record._replace(status="malformed", error=error, advice=advice)
    return _judge_rule(record) if record.kind == "theta-rule" else record


def _judge_rule(record: PluginRecord) -> PluginRecord:
    if record.name not in CORE_RULES and not _is_number(record.name):
        return record
    error = f"{record.name!r} means the core's own rule wherever a rule is named"
    advice = f"have {record.distribution} give its entry point another name"
    return record._replace(status="conflict", error=error, advice=advice)


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
            offered = f"offer the {record.kind} {record.name!r}"
            error = f"{' and '.join(sorted(rivals))} both {offered}"
            other = next(name for name in sorted(rivals) if name != record.distribution)
            advice = f"uninstall one, or block it by its distribution: CVN_PLUGINS_BLOCK={other}"
            marked.append(record._replace(status="conflict", error=error, advice=advice))
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
