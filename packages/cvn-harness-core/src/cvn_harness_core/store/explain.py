"""Why two keys are not the same, part by part."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from cvn_harness_core.store.key import Key

KIND = "kind"


class Difference(NamedTuple):
    """A part in which two keys differ; None where a key has no such part."""

    part: str
    a: str | None
    b: str | None


def differences(a: Key, b: Key) -> list[Difference]:
    """Return the parts in which two keys differ, sorted by name; the kind, if it differs, first."""
    first = [Difference(KIND, a.kind, b.kind)] if a.kind != b.kind else []
    names = sorted({*a.parts, *b.parts})
    pairs = ((name, a.parts.get(name), b.parts.get(name)) for name in names)
    return first + [Difference(*pair) for pair in pairs if pair[1] != pair[2]]


def nearest(key: Key, others: Iterable[Key]) -> Key | None:
    """Return the key of the same kind that differs in the fewest parts; the first among equals."""
    same = [other for other in others if other.kind == key.kind and other.digest != key.digest]
    return min(same, key=lambda other: len(differences(key, other)), default=None)
