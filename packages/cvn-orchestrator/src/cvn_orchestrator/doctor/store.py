"""The store: whether there is one, room for it, and whether it can be written and trusted."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from cvn_harness_core import HarnessError, StoreError, StoreSurvey, readable_bytes, survey_store
from cvn_orchestrator.doctor.finding import Asked, Finding
from cvn_orchestrator.doctor.round_trip import round_trip

LITTLE, TOO_LITTLE = 2 << 30, 100 << 20
_ELSEWHERE = "give a folder for it: --store DIR, or export CVN_STORE=DIR"


def check(asked: Asked) -> Iterator[Finding]:
    """Yield findings on the store; on the folder that it would be made in where there is none.

    Only a store that is there, or that somebody named, is tried, in a temporary folder.
    """
    try:
        found = survey_store(asked.store)
    except StoreError as error:
        yield Finding("store", "problem", str(error), _ELSEWHERE, {"code": error.code})
        return
    place = _nearest(asked.store)
    where = str(asked.store)
    facts = {"path": where, "exists": found is not None}
    if found is not None:
        n = found.n_entries
        yield Finding("store", "ok", f"{where}: {n:,} entries", facts={**facts, "entries": n})
    else:
        said = f"none at {where} yet; it is made when something is kept in it"
        yield Finding("store", "ok", said, facts=facts)
    yield _room(place)
    if found is not None or asked.store_named:
        yield _writing(place, found)
    if found is not None:
        yield from _soundness(found)


def _nearest(path: Path) -> Path:
    """Return the folder, or the nearest one above it that is there."""
    return next((p for p in (path, *path.absolute().parents) if p.exists()), Path("/"))


def _room(place: Path) -> Finding:
    free = shutil.disk_usage(place).free
    found, facts = f"{readable_bytes(free)} free at {place}", {"free_bytes": free}
    if free >= LITTLE:
        return Finding("store disk", "ok", found, facts=facts)
    advice = "make room: cvn store gc --max-size 1G"
    return Finding(
        "store disk", "problem" if free < TOO_LITTLE else "warning", found, advice, facts
    )


def _writing(place: Path, found: StoreSurvey | None) -> Finding:
    try:
        if not place.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        took = round_trip(place)
        if found is not None and found.closed:
            raise PermissionError(errno.EACCES, f"{os.strerror(errno.EACCES)}: {found.closed[0]}")
    except (OSError, HarnessError) as error:
        said = f"{error.strerror} ({place})" if isinstance(error, OSError) else str(error)
        closed = found is not None and isinstance(error, PermissionError)
        advice = f"chmod -R u+rwX {place}" if closed else _ELSEWHERE
        return Finding("store writing", "problem", f"cannot be written: {said}", advice)
    done = f"written, locked, verified and deleted in {1000 * took:.0f} ms"
    return Finding("store writing", "ok", done, facts={"seconds": took})


def _soundness(read: StoreSurvey) -> Iterator[Finding]:
    facts = {"read": read.n_read, "entries": read.n_entries, "damaged": sorted(read.damaged)}
    found = f"{read.n_read:,} of {read.n_entries:,} read, {len(read.damaged)} damaged"
    if read.damaged:
        advice = "cvn store verify says what is wrong; each is made again when it is needed"
        yield Finding("store entries", "problem", found, advice, facts)
    elif read.unreadable:
        found = f"{found}; {read.unreadable[0]}"
        yield Finding("store entries", "problem", found, "see to what the system says", facts)
    else:
        yield Finding("store entries", "ok", found, facts=facts)
    if aside := read.n_quarantined:
        found = f"{aside} damaged earlier and put aside: the disk or a copy lost something"
        yield Finding("store quarantine", "warning", found, "cvn store gc", {"entries": aside})
