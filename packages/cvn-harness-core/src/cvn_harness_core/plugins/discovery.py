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
_DOTTED = r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*"
_TARGET = re.compile(rf"{_DOTTED}(\s*:\s*{_DOTTED})?\s*(\[[^\]]*\])?")

STAND_INS = "cvn-stand-ins"
"""The distribution of the conformance kit's own models, which no list keeps out."""

ALLOW, BLOCK = "CVN_PLUGINS", "CVN_PLUGINS_BLOCK"


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

    @property
    def package(self) -> str:
        """The top-level module that its entry point leads into."""
        return re.split(r"[.:\s\[]", self.target.strip(), maxsplit=1)[0]

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
        variables ``CVN_PLUGINS`` (only these) and ``CVN_PLUGINS_BLOCK`` (not these). A list to
        allow that is there and has no name (``[]``, ``CVN_PLUGINS=,``) allows none; a variable
        that is empty is no list.
    """
    allowed = _names(_listed(ALLOW) if allow is None else allow)
    blocked = _names(_listed(BLOCK) if block is None else block) or frozenset()
    records = [_judge(r, allowed, blocked) for r in _entry_points(path)]
    return tuple(sorted(_mark_conflicts(records), key=lambda r: (r.kind, r.name, r.distribution)))


def unmatched(records: Iterable[PluginRecord]) -> Iterator[tuple[str, str]]:
    """Yield variable and name of what the environment lists and none of the records is called."""
    known = frozenset[str]().union(*(record.identity for record in records))
    for variable in (ALLOW, BLOCK):
        for name in _listed(variable) or ():
            if not {name, _canonical(name)} & known:
                yield variable, name


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
        group = _GROUP.search(_text(distribution))
        if group is None:
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


def _text(distribution: Any) -> str:
    """Return the entry points of any distribution at all, whatever bytes they are."""
    try:
        return distribution.read_text("entry_points.txt") or ""
    except Exception:  # noqa: BLE001  most are none of ours, and may be damaged in any way
        try:
            folder: Any = vars(distribution)["_path"]
            raw: bytes = folder.joinpath("entry_points.txt").read_bytes()
        except Exception:  # noqa: BLE001
            return ""
        return raw.decode("ascii", errors="replace")


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
            record = PluginRecord(
                name=entry.name,
                kind=_KINDS[group[1]],
                distribution=distribution.metadata["Name"],
                version=distribution.metadata["Version"],
                target=entry.value,
                origin=origin,
                contract=int(group[2]),
            )
            sound = f"cvn_harness.{group[1]}.v{record.contract}"
            yield record if entry.group == sound else _misspelt(record, entry.group, sound)


def _misspelt(record: PluginRecord, group: str, sound: str) -> PluginRecord:
    error = f"its group {group!r} is no group; {sound!r} would be"
    advice = f"pip install --upgrade {record.distribution}, or uninstall it and tell its author"
    return record._replace(status="malformed", error=error, advice=advice)


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


def _judge(
    record: PluginRecord, allowed: frozenset[str] | None, blocked: frozenset[str]
) -> PluginRecord:
    if record.status != "available" or record.distribution == STAND_INS:
        return record
    if record.identity & blocked:
        error, advice = "it is on the block-list (CVN_PLUGINS_BLOCK)", "take it off to use it"
        return record._replace(status="blocked", error=error, advice=advice)
    if allowed is not None and not record.identity & allowed:
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
    owners: dict[tuple[Kind, str], set[tuple[str, str]]] = {}
    for record in records:
        if record.status == "available":
            rivals = owners.setdefault((record.kind, record.name), set())
            rivals.add((record.distribution, record.target))
    return [
        _in_conflict(record, rivals)
        if record.status == "available" and len(rivals := owners[record.kind, record.name]) > 1
        else record
        for record in records
    ]


def _in_conflict(record: PluginRecord, rivals: set[tuple[str, str]]) -> PluginRecord:
    who = sorted({distribution for distribution, _ in rivals})
    offered = f"the {record.kind} {record.name!r}"
    if len(who) == 1:
        targets = " and ".join(sorted(target for _, target in rivals))
        error = f"{record.distribution} offers {offered} more than once: {targets}"
        advice = f"pip install --upgrade {record.distribution}, or uninstall it and tell its author"
    else:
        error = f"{' and '.join(who)} both offer {offered}"
        other = next(name for name in who if name != record.distribution)
        advice = f"uninstall one, or block it by its distribution: CVN_PLUGINS_BLOCK={other}"
    return record._replace(status="conflict", error=error, advice=advice)


def _listed(variable: str) -> list[str] | None:
    """Return the names in a variable's list; None if it is not set, or to nothing."""
    text = os.environ.get(variable, "").strip()
    return [n.strip() for n in text.split(",") if n.strip()] if text else None


def _names(given: Iterable[str] | None) -> frozenset[str] | None:
    if given is None:
        return None
    names = list(given)
    return frozenset(names) | frozenset(map(_canonical, names))


def version_of(distribution: str) -> str:
    """Return the version that an installed distribution's metadata state."""
    return importlib_metadata.version(distribution)
