"""Which plugins are installed, found without importing any of them.

It must stay quick and light: listing plugins imports ``importlib_metadata`` and nothing else.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import importlib_metadata

from cvn_harness_core.plugins.judging import judged, with_conflicts
from cvn_harness_core.plugins.reading import records_on
from cvn_harness_core.plugins.record import PluginRecord, canonical

ALLOW, BLOCK = "CVN_PLUGINS", "CVN_PLUGINS_BLOCK"
STAND_INS = "CVN_STAND_INS"
"""Names the folder of the conformance kit's own models, in its environment, while it needs them.

Only they are found there.
"""

_LENT = "cvn_harness_core.testing.stand_in:"


def discover(
    *,
    path: Sequence[str] | None = None,
    allow: Iterable[str] | None = None,
    block: Iterable[str] | None = None,
) -> tuple[PluginRecord, ...]:
    """Return a record of every plugin's entry point, sorted by kind and name. Imports none.

    Any distribution whose entry points cannot be read has a record, too: it may hold a plugin. If
    there is one on ``sys.path``, whatever else reads entry points in this process passes it over
    from now on.

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
    kit = os.environ.get(STAND_INS) if path is None else None
    found_there = records_on([kit]) if kit else ()
    lent = tuple(r for r in found_there if r.target.startswith(_LENT))  # no list keeps these out
    names = {record.name for record in lent}
    records = [judged(r, allowed, blocked) for r in records_on(path) if r.name not in names]
    found = (*with_conflicts(records), *lent)
    return tuple(sorted(found, key=lambda r: (r.kind, r.name, r.distribution)))


def unmatched(records: Iterable[PluginRecord]) -> Iterator[tuple[str, str]]:
    """Yield variable and name of what the environment lists and none of the records is called."""
    known = frozenset[str]().union(*(record.identity for record in records))
    for variable in (ALLOW, BLOCK):
        for name in _listed(variable) or ():
            if not {name, canonical(name)} & known:
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


def _listed(variable: str) -> list[str] | None:
    """Return the names in a variable's list; None if it is not set, or to nothing."""
    text = os.environ.get(variable, "").strip()
    return [n.strip() for n in text.split(",") if n.strip()] if text else None


def _names(given: Iterable[str] | None) -> frozenset[str] | None:
    if given is None:
        return None
    names = list(given)
    return frozenset(names) | frozenset(map(canonical, names))


def version_of(distribution: str) -> str:
    """Return the version that an installed distribution's metadata state."""
    return importlib_metadata.version(distribution)
