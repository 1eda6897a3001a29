"""An entry: a bundle that carries its key, so that what it is can be checked against its name."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cvn_harness_core.artifact import bundle
from cvn_harness_core.errors import BundleError
from cvn_harness_core.store.key import Key
from cvn_harness_core.store.layout import unreadable

KEY_FILE = "key.json"
MAX_KEY_BYTES = 1 << 20

_OF_THE_BUNDLE = frozenset({"format", "version", "files"})


@dataclass(frozen=True)
class Entry:
    """What the store holds for a key, verified byte by byte.

    Parameters
    ----------
    key
        What it was made from.
    path
        The bundle's folder; another process may evict it at any time.
    facts
        JSON-like values.
    files
        The bytes of each file by name.
    """

    key: Key
    path: Path
    facts: dict[str, Any]
    files: dict[str, bytes]

    @property
    def size_bytes(self) -> int:
        """The bytes of its files, without manifest and key."""
        return sum(len(payload) for payload in self.files.values())


def write(
    path: Path, key: Key, facts: Mapping[str, Any], files: Mapping[str, bytes], *, sync: bool
) -> None:
    """Write an entry as a bundle that is not there yet; raise BundleError as ``bundle.write``."""
    taken = sorted(_OF_THE_BUNDLE & set(facts)) or sorted({KEY_FILE} & set(files))
    if taken:
        message = f"{taken[0]!r} is a name of the bundle itself; give the fact or file another."
        raise BundleError("bundle_format", message)
    document = {"kind": key.kind, "parts": dict(sorted(key.parts.items()))}
    bundle.write(
        path, facts, {KEY_FILE: bundle.indented(document), **files}, overwrite=False, sync=sync
    )


def read(path: Path) -> Entry:
    """Return the verified entry at ``path``, whose name is its key's digest.

    Raises BundleError if it is no sound bundle, a link, or an entry of another key; StoreError
    ``store_unreadable`` if that cannot be told.
    """
    if path.is_symlink():
        message = f"the entry {path} is a link; entries are folders."
        raise BundleError("bundle_corrupt", message)
    try:
        document, files = bundle.read(path)
    except BundleError as error:
        if error.code == "bundle_unreadable" and isinstance(error.__cause__, OSError):
            raise unreadable(path, error.__cause__) from error
        raise
    key = _parse(files.pop(KEY_FILE, b""))
    if key is None or key.digest != path.name:
        message = f"the entry {path} must not be trusted: its {KEY_FILE} is of another key, or none"
        raise BundleError("bundle_corrupt", message)
    facts = {name: value for name, value in document.items() if name not in _OF_THE_BUNDLE}
    return Entry(key, path, facts, files)


def key_at(path: Path) -> Key | None:
    """Return the key of the entry at ``path`` without reading the rest; None if it has none.

    The key is checked against the entry's name. Raises StoreError ``store_unreadable``.
    """
    try:
        descriptor = os.open(path / KEY_FILE, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            key = _parse(file.read(MAX_KEY_BYTES + 1))
    except OSError as error:
        if not bundle.is_damage(error):
            raise unreadable(path / KEY_FILE, error) from error
        return None
    return key if key is not None and key.digest == path.name else None


def _parse(payload: bytes) -> Key | None:
    try:
        document: Any = json.loads(payload) if len(payload) <= MAX_KEY_BYTES else None
        key = Key(document["kind"], document["parts"])
        texts = [key.kind, *key.parts, *key.parts.values()]
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
        return None
    return key if all(isinstance(text, str) for text in texts) else None
