"""The key of a result: a typed, exact text of everything that it depends on, part by part."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

from cvn_harness_core.contracts.content import text_digest
from cvn_harness_core.store.typed_text import class_name, is_record, name_text, typed_text, unknown

FORMAT = "cvn-key-1"

_DEEPEST = 32
_BARE_NAME = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True)
class Key:
    """What a result depends on, and the digest that stands for it.

    Parameters
    ----------
    kind
        What sort of result it is, for instance ``"model"``.
    parts
        A text for each part, by its path (``params.learning_rate``, ``data.train.X``). Texts are
        typed (``1``, ``1.0``, ``"1"`` and ``True`` differ) and exact: a long value stands there as
        its type, length and BLAKE3. Made by ``key_of``.
    """

    kind: str
    parts: Mapping[str, str]

    @cached_property
    def digest(self) -> str:
        """BLAKE3 over the kind and all parts, as 64 hex digits."""
        identity = [FORMAT, self.kind, sorted(self.parts.items())]
        return text_digest(json.dumps(identity, ensure_ascii=False))

    def __hash__(self) -> int:
        return hash(self.digest)


def key_of(kind: str, parts: Mapping[str, Any]) -> Key:
    """Return the key of a result of this kind that depends on these parts.

    Two keys are equal only if every part has the same type and the same bits. Mappings and frozen
    dataclasses are taken apart, so that each entry is a part of its own. Accepted are None, bool,
    int, float (by bits: -0.0 is not 0.0, and a NaN is its payload), str, bytes, NumPy's scalars and
    arrays (dtype, shape and bytes; datetime64 with its unit), timedelta, tuples, lists, mappings
    with str keys (in any order) and frozen dataclasses (by qualified name and fields). Short values
    can be read in the key: give no secrets.

    Raises
    ------
    StoreError
        ``key_type_unknown`` for anything else, subclasses of these types included: what it depends
        on cannot be known. Names the path to it.
    """
    if type(kind) is not str or not _BARE_NAME.fullmatch(kind):
        unknown("kind", f"{kind!r} is not a name")
    return Key(kind, dict(sorted(_leaves("", parts, 0))) if parts else {})


def _leaves(path: str, value: Any, depth: int) -> Iterator[tuple[str, str]]:
    if depth < _DEEPEST and isinstance(value, Mapping) and value:
        for name in value:
            yield from _leaves(_below(path, name), value[name], depth + 1)
    elif depth < _DEEPEST and is_record(value):
        yield path, f"class {class_name(value)}"
        for field in fields(value):
            yield from _leaves(_below(path, field.name), getattr(value, field.name), depth + 1)
    else:
        yield path, typed_text(path, value)


def _below(path: str, name: Any) -> str:
    name = name_text(path, name)
    shown = name if _BARE_NAME.fullmatch(name) else json.dumps(name, ensure_ascii=False)
    return f"{path}.{shown}" if path else shown
