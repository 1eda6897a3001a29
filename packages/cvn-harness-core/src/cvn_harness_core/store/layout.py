"""Where things are in a store's folder, and how a folder is known to be one.

::

    cvn-store.json             says that this is a store, and of which version
    entries/<digest>/          a bundle; the folder's mtime says when it was last used
    entries/.<digest>.*        being written or deleted by whoever holds the lock of <digest>
    locks/<digest>.lock        locked by the kernel, never by existing
    quarantine/<digest>.*      damaged entries, for inspection, until ``gc``
    trials/<data>/<study>      how many trials were run; see ``trials``
    unpushed/<digest>          an entry that the remote does not have yet
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from cvn_harness_core.artifact.bundle import is_damage
from cvn_harness_core.errors import StoreError

FORMAT, VERSION = "cvn-store", 1
MARKER = "cvn-store.json"

_DIGEST = re.compile(r"[0-9a-f]{64}")
_LEFTOVER = re.compile(r"\.([0-9a-f]{64})\..+")


@dataclass(frozen=True)
class Layout:
    """The folders of the store at ``root``."""

    root: Path

    @property
    def quarantine(self) -> Path:
        """Where damaged entries go."""
        return self.root / "quarantine"

    def entry(self, digest: str) -> Path:
        """Return where the entry of a key is, or would be."""
        return self.root / "entries" / digest

    def lock(self, digest: str) -> Path:
        """Return the lock file of a key."""
        return self.root / "locks" / f"{digest}.lock"

    def unpushed(self, digest: str) -> Path:
        """Return the file that is there while the remote is owed the entry of a key."""
        return self.root / "unpushed" / digest

    def digests(self) -> list[str]:
        """Return the digests of all entries, sound or not, sorted."""
        return sorted(n for n in _names(self.root / "entries") if _DIGEST.fullmatch(n))

    def leftovers(self) -> Iterator[tuple[str, Path]]:
        """Yield key and path of everything that somebody is writing or deleting, or was."""
        for name in _names(self.root / "entries"):
            if match := _LEFTOVER.fullmatch(name):
                yield match[1], self.root / "entries" / name

    def locked(self) -> Iterator[str]:
        """Yield the digests of all lock files."""
        for name in _names(self.root / "locks"):
            digest, _, suffix = name.partition(".")
            if suffix == "lock" and _DIGEST.fullmatch(digest):
                yield digest

    def exists(self) -> bool:
        """Return whether there is a store.

        Raises StoreError ``store_invalid`` if there is something else.
        """
        if not self.root.is_dir():
            # Looked at again: another process may have made the folder in between.
            if os.path.lexists(self.root) and not self.root.is_dir():
                _invalid(self.root, "it is no folder")
            return False
        try:
            text = (self.root / MARKER).read_bytes()[:1000]
        except FileNotFoundError:
            others = [n for n in _names(self.root) if not n.startswith(".")]
            # Looked for again: another process may be making the store right now.
            if others and MARKER not in _names(self.root):
                _invalid(self.root, f"it holds other things, such as {others[0]!r}")
            return False
        except OSError as error:
            if not is_damage(error):
                raise unreadable(self.root / MARKER, error) from error
            _invalid(self.root, f"its {MARKER} cannot be read ({error.strerror})")
        try:
            marker = json.loads(text)
            found = marker["format"], marker["version"]
        except (ValueError, KeyError, TypeError):
            found = None
        if found != (FORMAT, VERSION):
            _invalid(self.root, f"its {MARKER} is not of {FORMAT} version {VERSION}")
        return True

    def make(self) -> None:
        """Make the folders and the marker, unless they are there.

        Raises StoreError ``store_invalid`` or ``store_unwritable``.
        """
        try:
            if not self.exists():
                self.root.mkdir(parents=True, exist_ok=True)
                self._mark()
            for name in ("entries", "locks", "quarantine"):
                (self.root / name).mkdir(exist_ok=True)
        except OSError as error:
            raise unwritable(self.root, error) from error

    def _mark(self) -> None:
        marker = json.dumps({"format": FORMAT, "version": VERSION}) + "\n"
        descriptor, temporary = tempfile.mkstemp(prefix=f".{MARKER}.", dir=self.root)
        try:
            with os.fdopen(descriptor, "w") as file:
                file.write(marker)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).chmod(0o644)
            Path(temporary).replace(self.root / MARKER)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise


def unwritable(path: Path, error: OSError) -> StoreError:
    """Return the error of a store that cannot be written: full, read-only, or not ours."""
    message = (
        f"cannot write to the store {path}: {error.strerror or error}. What is in it is intact. "
        "Free space (cvn store gc), give another folder, or use no store."
    )
    return StoreError("store_unwritable", message)


def unreadable(path: Path, error: OSError) -> StoreError:
    """Return the error of what may be sound and what the system does not let us read."""
    message = (
        f"cannot read {path} in the store: {error.strerror or error}. It may be sound and stays "
        "where it is. Try again, see to what the system says, or use no store."
    )
    return StoreError("store_unreadable", message)


def is_there(path: Path) -> bool:
    """Return whether there is anything at ``path``; raise ``store_unreadable`` if it is hidden."""
    try:
        path.lstat()
    except OSError as error:
        if is_damage(error):
            return False
        raise unreadable(path, error) from error
    return True


def _names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208  names, not paths
    except FileNotFoundError:
        return []
    except OSError as error:
        raise unreadable(folder, error) from error


def _invalid(root: Path, fault: str) -> NoReturn:
    message = f"{root} is not a store of this release: {fault}. Give another folder."
    raise StoreError("store_invalid", message)
