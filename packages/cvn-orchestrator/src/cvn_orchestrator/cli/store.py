"""`cvn store`: what is in a store of trained models, whether it is sound, and making room."""

from __future__ import annotations

import argparse
import json
import os
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from cvn_harness_core import Collected, Store, StoreError
from cvn_orchestrator.table import aligned

DEFAULT = ".cvn-store"

_SHOWN = 12  # digits of a key, as few as tell keys apart


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked for; 1 if `verify` finds damage."""
    given = arguments.store or os.environ.get("CVN_STORE") or DEFAULT
    action = {"ls": _ls, "verify": _verify, "gc": _gc, "explain": _explain}[arguments.action]
    return action(Store.existing(given), arguments)


def _ls(store: Store, arguments: argparse.Namespace) -> int:
    listed = store.ls()
    if arguments.json:
        _print([{**asdict(e), "used": _when(e.used_ns)} for e in listed], arguments)
        return 0
    rows = [
        (e.digest[:_SHOWN], e.kind or "(damaged)", _when(e.used_ns), f"{e.size_bytes:,}")
        for e in listed
    ]
    if rows:
        print(aligned(("key", "kind", "last used", "bytes"), rows, left=3))
    total = sum(e.size_bytes for e in listed)
    print(f"{len(listed)} entries, {total:,} bytes in {store.path}")
    return 0


def _verify(store: Store, arguments: argparse.Namespace) -> int:
    faults = store.verify()
    if arguments.json:
        _print({"damaged": faults}, arguments)
    else:
        for fault in faults.values():
            print(fault)
        how = "damaged; each is put aside and made again when it is next asked for"
        print(f"{len(faults)} entries {how}" if faults else "every entry is sound")
    return 1 if faults else 0


def _gc(store: Store, arguments: argparse.Namespace) -> int:
    done = store.gc(arguments.max_size)
    if arguments.json:
        _print(asdict(done), arguments)
    else:
        print(_summary(done))
    return 0


def _summary(done: Collected) -> str:
    in_use = f"; {len(done.in_use)} more are in use" if done.in_use else ""
    return (
        f"deleted {len(done.evicted)} entries ({done.freed_bytes:,} bytes), {done.leftovers} "
        f"leftovers, {done.quarantined} damaged; {done.kept_bytes:,} bytes are left{in_use}"
    )


def _explain(store: Store, arguments: argparse.Namespace) -> int:
    key = store.key(arguments.key)
    other = store.key(arguments.other) if arguments.other else store.nearest(key)
    if other is None:
        message = f"{store.path} has no other entry of the kind {key.kind!r} to compare with."
        raise StoreError("key_not_found", message)
    found = store.explain(key, other)
    if arguments.json:
        differ = [d._asdict() for d in found]
        _print({"a": key.digest, "b": other.digest, "differences": differ}, arguments)
        return 0
    rows = [(d.part, _short(d.a), _short(d.b)) for d in found]
    print(aligned(("part", key.digest[:_SHOWN], other.digest[:_SHOWN]), rows, left=3))
    return 0


def _short(text: str | None) -> str:
    if text is None:
        return "(none)"
    return text if len(text) <= 40 else f"{text[:39]}\N{HORIZONTAL ELLIPSIS}"


def _when(used_ns: int) -> str:
    return datetime.fromtimestamp(used_ns / 1e9, UTC).isoformat(timespec="seconds")


def _print(document: Any, arguments: argparse.Namespace) -> None:
    print(json.dumps(document, indent=1), file=arguments.answer)
