"""A second home of entries that several machines share: any file system that fsspec knows.

Object stores have no locks, and need none here. An entry's content is decided by its key, so two
machines that make the same one keep two copies, of which the last one named is read::

    entries/<digest>/<copy>/<file>     written first
    entries/<digest>/current           JSON: the copy, and the size of each file; written last

What is read is verified like an entry of this machine's store, byte by byte, before it is one.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cvn_harness_core.artifact.bundle import MAX_FILE_BYTES
from cvn_harness_core.errors import BundleError, StoreError

_CURRENT = "current"
_MAX_FILES, _MAX_CURRENT = 1000, 1 << 20


class Remote:
    """Entries under a URL of fsspec's, such as ``s3://bucket/store`` or ``file:///mnt/store``.

    Raises StoreError ``store_unreachable`` for whatever the file system raises, and if fsspec, or
    what it needs for this kind of URL, is not installed.
    """

    def __init__(self, url: str) -> None:
        scheme, _, rest = url.partition("?")[0].partition("://")
        host, slash, path = rest.partition("/")
        self._secret = host.rpartition("@")[0]
        self._shown = f"{scheme}://{host.rpartition('@')[2]}{slash}{path}"
        self._url = url
        with self._reached():
            import fsspec

            self._files, self._root = fsspec.core.url_to_fs(url)

    def fetch(self, digest: str, folder: Path) -> bool:
        """Copy an entry into ``folder``, which is made; return whether there is one.

        Raises BundleError for one that is damaged, and OSError if ``folder`` cannot be written.
        """
        named = self._read(digest, _CURRENT, _MAX_CURRENT)
        if named is None:
            return False
        copy, sizes = _parsed(named, f"entries/{digest}/{_CURRENT}")
        folder.mkdir(parents=True)
        for name, size in sizes.items():
            payload = self._read(digest, f"{copy}/{name}", min(size, MAX_FILE_BYTES))
            if payload is None:
                path = f"entries/{digest}/{copy}/{name}"
                raise _damaged(path, "is absent")
            (folder / name).write_bytes(payload)
        return True

    def push(self, digest: str, folder: Path) -> None:
        """Copy the entry in ``folder``; until the last byte is there, the earlier one is read."""
        copy = uuid.uuid4().hex
        with self._reached():
            sizes = {}
            for path in sorted(folder.iterdir()):
                payload = path.read_bytes()
                self._write(digest, f"{copy}/{path.name}", payload)
                sizes[path.name] = len(payload)
            self._write(digest, _CURRENT, json.dumps({"copy": copy, "files": sizes}).encode())

    def _read(self, digest: str, name: str, most: int) -> bytes | None:
        path = f"entries/{digest}/{name}"
        with self._reached():
            try:
                with self._files.open(f"{self._root}/{path}", "rb") as file:
                    payload: bytes = file.read(most + 1)
            except FileNotFoundError:
                return None
        if len(payload) > most:
            raise _damaged(path, "is longer than it should be")
        return payload

    def _write(self, digest: str, name: str, payload: bytes) -> None:
        path = f"{self._root}/entries/{digest}/{name}"
        self._files.makedirs(path.rpartition("/")[0], exist_ok=True)
        self._files.pipe_file(path, payload)

    def _said(self, error: Exception) -> str:
        """Return what an error says, without what is secret in the URL."""
        said = f"{type(error).__name__}: {error}".replace(self._url, self._shown)
        for secret in (self._secret, *self._secret.split(":")):
            said = said.replace(secret, "***") if secret else said
        return said

    @contextmanager
    def _reached(self) -> Iterator[None]:
        try:
            yield
        except ImportError as error:
            message = (
                f"the remote store {self._shown} needs {error.name or error}: "
                "pip install 'cvn-harness-core[remote]', and the file system's own package."
            )
            raise StoreError("store_unreachable", message) from error
        except Exception as error:  # noqa: BLE001  each file system has exceptions of its own
            message = (
                f"the remote store {self._shown} cannot be used: {self._said(error)}. What is in "
                "the local store is intact."
            )
            raise StoreError("store_unreachable", message) from None  # it may name a password


def _parsed(named: bytes, path: str) -> tuple[str, dict[str, int]]:
    """Return which copy is the entry, and the sizes of its files."""
    try:
        current = json.loads(named)
        copy, sizes = str(current["copy"]), dict(current["files"])
    except (ValueError, KeyError, TypeError) as error:
        raise _damaged(path, "cannot be read") from error
    are_names = all(_is_name(name) for name in (copy, *sizes))
    are_sizes = all(isinstance(size, int) and size >= 0 for size in sizes.values())
    if len(sizes) > _MAX_FILES or not (are_names and are_sizes):
        raise _damaged(path, "names no files of an entry")
    return copy, sizes


def _damaged(path: str, fault: str) -> BundleError:
    message = f"{path} of the remote store {fault}"
    return BundleError("bundle_corrupt", message)


def _is_name(name: Any) -> bool:
    return isinstance(name, str) and name not in ("", ".", "..") and "/" not in name
