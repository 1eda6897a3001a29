"""The store: one folder, any number of processes, each result made once."""

from __future__ import annotations

import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from cvn_harness_core.contracts.checks import integer
from cvn_harness_core.errors import BundleError, StoreError
from cvn_harness_core.events.log import RunLog
from cvn_harness_core.store import entry as entries
from cvn_harness_core.store import eviction, trials
from cvn_harness_core.store.entry import Entry
from cvn_harness_core.store.eviction import Collected
from cvn_harness_core.store.explain import Difference, differences, nearest
from cvn_harness_core.store.key import Key
from cvn_harness_core.store.layout import Layout, is_there, unwritable
from cvn_harness_core.store.locks import hold
from cvn_harness_core.store.recent import RecentKeys
from cvn_harness_core.store.remote import Remote
from cvn_harness_core.store.telling import tell_corrupt, tell_hit, tell_miss

_COMPARED = 256  # entries that are compared with a key, the most recently used ones


@dataclass(frozen=True)
class Listed:
    """An entry as a listing shows it; ``kind`` is None if its key cannot be read."""

    digest: str
    kind: str | None
    size_bytes: int
    used_ns: int


class Computed(NamedTuple):
    """An entry, and whether it was there already."""

    entry: Entry
    hit: bool


class Store:
    """Results by what they depend on, on a disk that any number of processes share.

    Every read is verified; a damaged entry is put aside and reported, and counts as absent. Every
    write is atomic. A key is locked while it is read, written, deleted and computed; the kernel
    releases the lock of a process that dies.

    Parameters
    ----------
    path
        A folder; made when something is first kept in it.
    max_bytes
        After each new entry the least recently used ones are deleted until the rest fit. None
        keeps everything until ``gc``. A new entry stays, whatever its size.
    remote
        A URL of fsspec's (``s3://bucket/store``) where entries are looked for that are not here,
        and new ones are copied to. The folder is then this machine's part of it. What could not be
        copied stays here, and is copied when it is next asked for.
    sync
        Whether each new entry is forced to the disk, which takes some milliseconds. Without it a
        power failure may cost the entries of the last half minute: they are damaged then, and made
        again. The death of a process costs none.

    Raises
    ------
    StoreError
        ``store_invalid`` if the folder holds something else.
    InputError
        ``setting_invalid`` for a ``max_bytes`` that is no size.
    StoreError
        ``store_unreachable`` if the remote cannot be used, from here on too.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        max_bytes: int | None = None,
        remote: str | None = None,
        sync: bool = True,
    ) -> None:
        self.path = Path(path)
        self.max_bytes = None if max_bytes is None else integer("max_bytes", max_bytes, low=0)
        self._sync = sync
        self._layout = Layout(self.path)
        self._layout.exists()
        self._recent = RecentKeys(self._latest)
        self._remote = None if remote is None else Remote(remote)

    @classmethod
    def existing(cls, path: str | Path) -> Store:
        """Return the store that is at ``path`` already.

        Raises StoreError ``store_not_found`` or ``store_invalid``.
        """
        store = cls(path)
        if not store._layout.exists():
            message = f"there is no store at {path}; it is made when something is kept in it."
            raise StoreError("store_not_found", message)
        return store

    def __repr__(self) -> str:
        return f"Store({str(self.path)!r}, max_bytes={self.max_bytes})"

    def get(self, key: Key, *, log: RunLog | None = None) -> Entry | None:
        """Return the verified entry of a key, or None; reading it counts as use.

        A damaged entry is moved to quarantine, reported (``cache_corrupt``) and absent. Works on a
        read-only store, where nothing is locked or moved.

        Raises StoreError ``store_unreadable`` where the system refuses to read an entry that may be
        sound (too many open files, no permission, a failing disk); it stays where it is.
        """
        found = self._here(key, log)
        if found is not None or self._remote is None:
            return found
        with self._locked(key):
            return self._read(key, log) or self._fetch(key, log)

    def put(
        self,
        key: Key,
        facts: Mapping[str, Any],
        files: Mapping[str, bytes],
        *,
        log: RunLog | None = None,
    ) -> Path:
        """Keep JSON-like facts and files under a key; return the bundle's folder.

        A sound entry that is there already stays as it is.

        Raises
        ------
        StoreError
            ``store_unwritable`` for a full or read-only disk; nothing is left of the new entry.
        """
        with self._locked(key):
            if self._read(key, log) is None:
                self._write(key, facts, files)
        self._bound(key)
        return self._layout.entry(key.digest)

    def compute(
        self,
        key: Key,
        make: Callable[[], tuple[Mapping[str, Any], Mapping[str, bytes]]],
        *,
        log: RunLog | None = None,
    ) -> Computed:
        """Return the entry of a key, made by ``make`` if it is not there, and whether it was.

        Whoever asks for a key while it is being made, in whatever process or thread, waits and then
        reads it; if its maker dies, one of them makes it. ``make`` may itself compute other keys,
        as an ensemble does for its bases, as long as none of these waits for this one.

        The facts of one that was just made are those that ``make`` gave; read again, tuples are
        lists. Emits ``cache_hit`` or ``cache_miss``, within the run of ``log`` if one is given.

        Raises
        ------
        StoreError
            ``store_unwritable``: on a read-only disk before ``make`` is called, on a full one
            after it. ``store_unreadable`` as ``get`` does; nothing is made then.
        """
        started = time.perf_counter()
        found, hit = self._here(key, log), True
        if found is None:
            with self._locked(key):
                found = self._read(key, log) or self._fetch(key, log)
                hit = found is not None
                if found is None:
                    tell_miss(log, key, self._recent.nearest(key))
                    facts, files = make()
                    self._write(key, facts, files)
                    path = self._layout.entry(key.digest)
                    found = Entry(key, path, dict(facts), dict(files))
            if not hit:
                self._bound(key)
        self._recent.note(key)
        if hit:
            tell_hit(log, found, time.perf_counter() - started)
        return Computed(found, hit)

    def note_trials(self, datasets: str, study: str, n_trials: int) -> None:
        """Keep how many trials a study (by its digest) has run on datasets (by theirs).

        Raises StoreError ``store_unwritable``.
        """
        self._layout.make()
        trials.note(self.path, datasets, study, n_trials)

    def trials_on(self, datasets: str) -> dict[str, int]:
        """Return how many trials each study has run on datasets, by the study's digest.

        Searches count however they ended, and for ever: ``gc`` deletes no number. Raises StoreError
        ``store_unreadable``.
        """
        return trials.noted(self.path, datasets)

    def ls(self) -> list[Listed]:
        """Return all entries, the most recently used first, without reading them."""
        listed = []
        for used in reversed(eviction.usage(self._layout)):
            key = _key_if_readable(self._layout.entry(used.digest))
            kind = None if key is None else key.kind
            listed.append(Listed(used.digest, kind, used.size_bytes, used.used_ns))
        return listed

    def verify(self) -> dict[str, str]:
        """Read every entry; return what is wrong with each damaged one, by its key's digest.

        Changes nothing: ``get`` and ``compute`` put a damaged entry aside when it is asked for.
        """
        faults = {}
        for digest in self._layout.digests():
            path = self._layout.entry(digest)
            with self._locked_if_possible(digest):
                try:
                    if is_there(path):
                        entries.read(path)
                except (BundleError, StoreError) as error:
                    faults[digest] = str(error)
        return faults

    def gc(self, max_bytes: int | None = None) -> Collected:
        """Delete leftovers of dead writers, quarantined entries, and what exceeds ``max_bytes``.

        ``max_bytes`` is by default the store's own; without either, no sound entry is deleted.
        """
        if not self._layout.exists():
            return Collected()
        self._layout.make()
        limit = self.max_bytes if max_bytes is None else integer("max_bytes", max_bytes, low=0)
        kept = sum(used.size_bytes for used in eviction.usage(self._layout))
        done = Collected(kept_bytes=kept)
        if limit is not None:
            done = eviction.evict(self._layout, limit)
        done = replace(
            done,
            leftovers=eviction.sweep_leftovers(self._layout),
            quarantined=eviction.sweep_quarantine(self._layout),
        )
        eviction.sweep_locks(self._layout)
        return done

    def explain(self, a: Key | str, b: Key | str | None = None) -> list[Difference]:
        """Return the parts in which two keys differ: why one is a miss where the other is a hit.

        Parameters
        ----------
        a, b
            Keys, or digests of entries (at least 4 leading digits). Without ``b``, the nearest
            entry of the same kind; an empty list if there is none.

        Raises
        ------
        StoreError
            ``key_not_found`` or ``key_ambiguous``.
        """
        key = self.key(a)
        other = self.nearest(key) if b is None else self.key(b)
        return [] if other is None else differences(key, other)

    def key(self, digest: Key | str) -> Key:
        """Return the key of the entry whose digest begins so.

        Raises StoreError ``key_not_found`` or ``key_ambiguous``.
        """
        if isinstance(digest, Key):
            return digest
        found = [d for d in self._layout.digests() if len(digest) >= 4 and d.startswith(digest)]
        if len(found) > 1:
            message = f"{len(found)} entries begin with {digest!r}; give more digits."
            raise StoreError("key_ambiguous", message)
        key = entries.key_at(self._layout.entry(found[0])) if found else None
        if key is None:
            message = (
                f"{self.path} has no readable entry {digest!r}; `cvn store ls` lists those that "
                "there are (give at least 4 digits)."
            )
            raise StoreError("key_not_found", message)
        return key

    def nearest(self, key: Key) -> Key | None:
        """Return the most similar other key of the same kind among the recently used entries."""
        return nearest(key, reversed(self._latest()))

    def _latest(self) -> list[Key]:
        """Return the keys of the recently used entries, the latest last."""
        recent = eviction.usage(self._layout)[-_COMPARED:]
        keys = (_key_if_readable(self._layout.entry(used.digest)) for used in recent)
        return [key for key in keys if key is not None]

    @contextmanager
    def _locked(self, key: Key) -> Iterator[None]:
        self._layout.make()
        with hold(self._layout.lock(key.digest)):
            yield

    @contextmanager
    def _locked_if_possible(self, key: Key | str) -> Iterator[None]:
        digest = key.digest if isinstance(key, Key) else key
        with ExitStack() as stack:
            with suppress(StoreError):  # where nothing can be written, nothing is being deleted
                stack.enter_context(hold(self._layout.lock(digest)))
            yield

    def _here(self, key: Key, log: RunLog | None) -> Entry | None:
        """Return the entry of this folder; nothing is locked if there is none."""
        if not is_there(self._layout.entry(key.digest)):
            return None
        with self._locked_if_possible(key):
            found = self._read(key, log)
            if found is not None and self._remote is not None:
                self._push(key, self._remote)
            return found

    def _read(self, key: Key, log: RunLog | None) -> Entry | None:
        path = self._layout.entry(key.digest)
        if not is_there(path):
            return None
        try:
            found = entries.read(path)
        except BundleError as error:
            if is_there(path):  # else it was evicted by someone whom no lock keeps out
                tell_corrupt(log, key, path, self._quarantine(path), error)
            return None
        with suppress(OSError):  # read-only: there is nothing to be evicted
            os.utime(path)
        return found

    def _quarantine(self, path: Path) -> Path | None:
        aside = self._layout.quarantine / f"{path.name}.{secrets.token_hex(4)}"
        try:
            path.rename(aside)
        except OSError:
            return None
        return aside

    def _fetch(self, key: Key, log: RunLog | None) -> Entry | None:
        """Return the entry that the remote has, now also here; a damaged one is as good as none."""
        if self._remote is None:
            return None
        self._layout.make()
        place = self._layout.entry(key.digest)
        beside = place.with_name(f".{key.digest}.fetched-{secrets.token_hex(4)}")
        try:
            try:
                if not self._remote.fetch(key.digest, beside / key.digest):
                    return None
                entries.read(beside / key.digest)
            except BundleError as error:
                tell_corrupt(log, key, beside / key.digest, None, error)
                return None
            (beside / key.digest).rename(place)
        except OSError as error:
            raise unwritable(self.path, error) from error
        finally:
            shutil.rmtree(beside, ignore_errors=True)
        return self._read(key, log)

    def _write(self, key: Key, facts: Mapping[str, Any], files: Mapping[str, bytes]) -> None:
        try:
            if self._remote is not None:
                owed = self._layout.unpushed(key.digest)
                owed.parent.mkdir(exist_ok=True)
                owed.touch()
            entries.write(self._layout.entry(key.digest), key, facts, files, sync=self._sync)
        except OSError as error:
            raise unwritable(self.path, error) from error
        except BundleError as error:
            if isinstance(error.__cause__, OSError):
                raise unwritable(self.path, error.__cause__) from error
            raise
        if self._remote is not None:
            self._push(key, self._remote)

    def _push(self, key: Key, remote: Remote) -> None:
        """Copy an entry to the remote if it is owed it: a copy that failed is made up for later."""
        owed = self._layout.unpushed(key.digest)
        if owed.exists():
            remote.push(key.digest, self._layout.entry(key.digest))
            owed.unlink(missing_ok=True)

    def _bound(self, new: Key) -> None:
        if self.max_bytes is not None:
            eviction.evict(self._layout, self.max_bytes, spare=[new.digest])


def _key_if_readable(path: Path) -> Key | None:
    """Return an entry's key; None for one that has none, or that cannot be read now."""
    with suppress(StoreError):
        return entries.key_at(path)
    return None
