"""The keys that were used lately, which a miss is compared with."""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from collections.abc import Callable, Iterable

from cvn_harness_core.store.explain import nearest
from cvn_harness_core.store.key import Key

_COMPARED = 8  # of each kind: what a miss costs must not grow with the store


class RecentKeys:
    """The last few keys of each kind that this process read or wrote.

    Parameters
    ----------
    earlier
        Those of earlier processes, the latest last; called once, at the first question.
    """

    def __init__(self, earlier: Callable[[], Iterable[Key]]) -> None:
        self._earlier: Callable[[], Iterable[Key]] | None = earlier
        self._keys: dict[str, deque[Key]] = defaultdict(lambda: deque(maxlen=_COMPARED))
        self._lock = threading.Lock()

    def note(self, key: Key) -> None:
        """Remember a key that was read or written."""
        with self._lock:
            self._keys[key.kind].append(key)

    def nearest(self, key: Key) -> Key | None:
        """Return the most similar other key of the same kind; None if there is none."""
        with self._lock:
            if self._earlier is not None:
                own = [k for keys in self._keys.values() for k in keys]
                for known in (*self._earlier(), *own):
                    self._keys[known.kind].append(known)
                self._earlier = None
            same = list(self._keys[key.kind])
        return nearest(key, reversed(same))
