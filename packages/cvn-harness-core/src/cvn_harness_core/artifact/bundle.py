"""A bundle: a folder of files, written atomically and verified before anything is parsed.

``manifest.json`` lists every other file with its size and SHA-256; ``manifest.sha256`` holds the
manifest's own (``sha256sum -c manifest.sha256`` checks it). No format in it can run code.
"""

from __future__ import annotations

import errno
import hashlib
import json
import math
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

import msgspec

from cvn_harness_core.errors import BundleError

FORMAT, VERSION = "cvn-bundle", 1
MANIFEST, MANIFEST_SUM = "manifest.json", "manifest.sha256"
MAX_MANIFEST_BYTES = 16 << 20
MAX_FILE_BYTES = 4 << 30

_DAMAGE = frozenset(
    {errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENXIO, errno.ENODEV}
)
"""What the system says of a file that is gone or no file; anything else may pass, or be mended."""

_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def write(
    path: Path,
    facts: Mapping[str, Any],
    files: Mapping[str, bytes],
    *,
    overwrite: bool,
    sync: bool = True,
) -> str:
    """Write a bundle at ``path`` and return the SHA-256 of its manifest.

    Everything is written and synced in a temporary sibling folder, which is then renamed. With
    ``overwrite`` the old bundle is moved aside first and deleted afterwards, so that a kill between
    the two renames leaves it beside ``path``, whole, under a name that begins with a dot.

    Without ``sync`` a power failure may leave a bundle that is not whole, which ``read`` refuses;
    the death of a process never does.
    """
    for name in files:
        if not _FILE_NAME.fullmatch(name) or name in (MANIFEST, MANIFEST_SUM):
            _corrupt(path, f"{name!r} is not a name for a file in a bundle")
    listing = {n: {"size": len(b), "sha256": _sha256(b)} for n, b in files.items()}
    document = {"format": FORMAT, "version": VERSION, "files": listing, **facts}
    # In the order of the facts: whoever reads them sees train, val and test as whoever wrote them.
    manifest = indented(document)
    contents = {**files, MANIFEST: manifest, MANIFEST_SUM: _sum_line(manifest)}
    if os.path.lexists(path) and not (overwrite and _is_bundle(path)):
        mend = "it is no bundle, so it is not replaced" if overwrite else "or pass overwrite=True"
        message = f"{path} exists already; choose another path: {mend}."
        raise BundleError("bundle_exists", message)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.new-", dir=path.parent))
        try:
            _write_all(temporary, contents, sync=sync)
            _publish(temporary, path, sync=sync)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise
    except OSError as error:
        message = f"cannot write the bundle {path}: {error.strerror or error}."
        raise BundleError("bundle_unwritable", message) from error
    return _sha256(manifest)


def read(path: Path) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Return the manifest and the verified bytes of every file it lists.

    Raises
    ------
    BundleError
        ``bundle_not_found``; ``bundle_format`` for another kind or version of folder;
        ``bundle_corrupt`` for a missing, extra, linked, truncated or changed file;
        ``bundle_unreadable`` where the system refuses to read one, which says nothing of what is in
        it: too many open files, no permission, a failing disk.
    """
    present = _present(path)
    for name in (MANIFEST, MANIFEST_SUM):
        if name not in present:
            _corrupt(path, f"{name} is missing")
    if present[MANIFEST] > MAX_MANIFEST_BYTES:
        _corrupt(path, f"{MANIFEST} has {present[MANIFEST]:,} bytes, too many to be one of ours")
    manifest = _read_exactly(path, MANIFEST, present[MANIFEST])
    if _read_exactly(path, MANIFEST_SUM, len(_sum_line(b""))) != _sum_line(manifest):
        _corrupt(path, f"{MANIFEST} does not match {MANIFEST_SUM}")
    document = _parse(path, manifest)
    if document.get("format") != FORMAT or document.get("version") != VERSION:
        message = (
            f"{path} is {document.get('format')!r} version {document.get('version')!r}; this "
            f"release reads {FORMAT!r} version {VERSION}."
        )
        raise BundleError("bundle_format", message)
    return document, _read_files(path, document.get("files"), present)


def _present(path: Path) -> dict[str, int]:
    """Return the size of each file by its name."""
    sizes = {}
    try:
        for name in os.listdir(path):  # noqa: PTH208  names, not paths
            state = (path / name).lstat()
            if not stat.S_ISREG(state.st_mode):
                _corrupt(path, f"{name!r} is not a regular file")
            sizes[name] = state.st_size
    except OSError as error:
        if not is_damage(error):
            raise _unreadable(path, error) from error
        message = f"there is no bundle at {path} (a bundle is a folder with a {MANIFEST})."
        raise BundleError("bundle_not_found", message) from error
    return sizes


def is_damage(error: OSError) -> bool:
    """Return whether an error of reading tells what is there, and not how the reader fares."""
    return error.errno in _DAMAGE


def _unreadable(path: Path, error: OSError) -> BundleError:
    message = (
        f"the bundle {path} cannot be read: {error.strerror or error}. It may be sound: try again, "
        "or see to what the system says."
    )
    return BundleError("bundle_unreadable", message)


def _is_bundle(path: Path) -> bool:
    try:
        ours = f'"format": "{FORMAT}"'.encode() in (path / MANIFEST).read_bytes()
    except OSError:
        return False
    return ours and (path / MANIFEST_SUM).is_file()


def size_of(path: Path) -> int:
    """Return the bytes of all files of a bundle."""
    return sum(entry.stat().st_size for entry in path.iterdir())


def _read_files(path: Path, listing: Any, present: Mapping[str, int]) -> dict[str, bytes]:
    if not isinstance(listing, dict):
        _corrupt(path, f"{MANIFEST} lists no files")
    extra = sorted(set(present) - set(listing) - {MANIFEST, MANIFEST_SUM})
    if extra:
        _corrupt(path, f"{extra[0]!r} is not listed in {MANIFEST}")
    files = {}
    for name, entry in listing.items():
        if not _FILE_NAME.fullmatch(name) or not isinstance(entry, dict):
            _corrupt(path, f"{MANIFEST} lists {name!r}, which is no file of a bundle")
        if name not in present:
            _corrupt(path, f"{name} is missing")
        if present[name] != entry.get("size") or present[name] > MAX_FILE_BYTES:
            _corrupt(path, f"{name} has {present[name]:,} bytes, not {entry.get('size')!r}")
        payload = _read_exactly(path, name, present[name])
        if _sha256(payload) != entry.get("sha256"):
            _corrupt(path, f"{name} does not match its SHA-256")
        files[name] = payload
    return files


def _parse(path: Path, manifest: bytes) -> dict[str, Any]:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        keys = [key for key, _ in pairs]
        if len(set(keys)) != len(keys):
            _corrupt(path, f"{MANIFEST} has a key twice")
        return dict(pairs)

    def constant(text: str) -> NoReturn:
        _corrupt(path, f"{MANIFEST} holds {text}, which is not JSON")

    def finite(text: str) -> float:
        return float(text) if math.isfinite(float(text)) else constant(text)

    try:
        document = json.loads(
            manifest, object_pairs_hook=unique, parse_constant=constant, parse_float=finite
        )
    except (ValueError, RecursionError) as error:
        if isinstance(error, BundleError):
            raise
        _corrupt(path, f"{MANIFEST} is not JSON ({error})")
    if not isinstance(document, dict):
        _corrupt(path, f"{MANIFEST} is not an object")
    return document


def _read_exactly(path: Path, name: str, size: int) -> bytes:
    try:
        descriptor = os.open(path / name, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
        with os.fdopen(descriptor, "rb") as file:
            payload = file.read(size + 1)
    except OSError as error:
        if not is_damage(error):
            raise _unreadable(path, error) from error
        _corrupt(path, f"{name} cannot be read ({error.strerror})")
    if len(payload) != size:
        _corrupt(path, f"{name} has not the {size:,} bytes that it should")
    return payload


def _write_all(folder: Path, contents: Mapping[str, bytes], *, sync: bool) -> None:
    """Write the files, and sync them all at once: the disk then has one wait instead of many."""
    folder.chmod(0o755)
    if not sync:
        for name, payload in contents.items():
            (folder / name).write_bytes(payload)
        return
    with ExitStack() as stack:
        descriptors = []
        for name, payload in contents.items():
            file = stack.enter_context((folder / name).open("wb"))
            file.write(payload)
            file.flush()
            descriptors.append(file.fileno())
        descriptors.append(os.open(folder, os.O_RDONLY))
        stack.callback(os.close, descriptors[-1])
        for _ in _syncing(os.getpid()).map(os.fsync, descriptors):
            pass


@cache
def _syncing(process: int) -> ThreadPoolExecutor:  # noqa: ARG001  threads do not survive a fork
    return ThreadPoolExecutor(8, thread_name_prefix="cvn-sync")


def _publish(temporary: Path, path: Path, *, sync: bool) -> None:
    if not os.path.lexists(path):
        temporary.rename(path)
        if sync:
            _sync_folder(path.parent)
        return
    aside = Path(tempfile.mkdtemp(prefix=f".{path.name}.old-", dir=path.parent)) / path.name
    path.rename(aside)
    try:
        temporary.rename(path)
    except BaseException:
        aside.rename(path)
        aside.parent.rmdir()
        raise
    _sync_folder(path.parent)
    shutil.rmtree(aside.parent, ignore_errors=True)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def indented(document: Any) -> bytes:
    """Return a document as JSON that people can read; raise ValueError for NaN and infinities."""
    return msgspec.json.format(json.dumps(document, allow_nan=False).encode(), indent=1)


def _sum_line(manifest: bytes) -> bytes:
    return f"{_sha256(manifest)}  {MANIFEST}\n".encode()


def _sha256(payload: bytes) -> str:
    return hashlib.sha256(payload).hexdigest()


def _corrupt(path: Path, fault: str) -> NoReturn:
    message = f"the bundle {path} must not be trusted: {fault}. Train again, or restore a copy."
    raise BundleError("bundle_corrupt", message)
