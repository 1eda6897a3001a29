"""What the store reports: a hit, a miss and why, a damaged entry."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cvn_harness_core.events.log import RunLog, publish
from cvn_harness_core.events.schema import CacheCorrupt, CacheHit, CacheMiss
from cvn_harness_core.store.entry import Entry
from cvn_harness_core.store.explain import differences
from cvn_harness_core.store.key import Key

_SHOWN = 5


def tell_hit(log: RunLog | None, found: Entry, seconds: float) -> None:
    """Report an entry that was there; ``seconds`` includes waiting for whoever made it."""
    _tell(
        log,
        found.key,
        CacheHit,
        path=str(found.path),
        size_bytes=found.size_bytes,
        seconds=seconds,
    )


def tell_miss(log: RunLog | None, key: Key, near: Key | None) -> None:
    """Report a key that has no entry, and in what the nearest one differs."""
    parts = [] if near is None else [d.part for d in differences(key, near)]
    reason = f"the store has no other entry of the kind {key.kind!r}"
    if near is not None:
        shown = ", ".join(parts[:_SHOWN]) + (", ..." if len(parts) > _SHOWN else "")
        reason = f"the nearest entry of the kind {key.kind!r} differs in {shown}"
    nearest = None if near is None else near.digest
    _tell(log, key, CacheMiss, reason=reason, nearest=nearest, differs=parts)


def tell_corrupt(
    log: RunLog | None, key: Key, path: Path, quarantine: Path | None, error: Exception
) -> None:
    """Report a damaged entry, and where it was put."""
    aside = None if quarantine is None else str(quarantine)
    _tell(log, key, CacheCorrupt, path=str(path), quarantine=aside, fault=str(error))


def _tell(
    log: RunLog | None,
    key: Key,
    event: type[CacheHit | CacheMiss | CacheCorrupt],
    **values: Any,
) -> None:
    if log is None:
        publish(event(kind=key.kind, key=key.digest, **values))
    else:
        log.emit(event, key=key.digest, **values)
