"""Values as text: typed and exact, so that equal texts mean equal types and equal bits."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import timedelta
from typing import Any, NoReturn

import numpy as np

from cvn_harness_core.contracts.content import array_text, text_digest
from cvn_harness_core.errors import StoreError

_LONGEST = 120
_DEEPEST = 32
_ARRAYS = (np.ndarray, np.memmap)


def typed_text(path: str, value: Any, depth: int = 0) -> str:
    """Return a text that no value of another type, and no other value of this type, has.

    Short values can be read in it; long ones are their type, length and BLAKE3. ``path`` says in an
    error where the value is.

    Raises
    ------
    StoreError
        ``key_type_unknown`` for a type that is not listed at ``key_of``, subclasses included.
    """
    if depth > _DEEPEST:
        unknown(path, f"values are nested more than {_DEEPEST} deep")
    text = _scalar(path, value) or _collection(path, value, depth)
    if text is None:
        hint = ", and a dataclass must be frozen" if is_dataclass(value) else ""
        unknown(path, f"{class_name(value)} is no type that a key can hold{hint}")
    return text


def is_record(value: Any) -> bool:
    """Return whether a value is a frozen dataclass's."""
    if not is_dataclass(value) or isinstance(value, type):
        return False
    frozen: bool = type(value).__dataclass_params__.frozen  # type: ignore[attr-defined]
    return frozen


def class_name(value: Any) -> str:
    """Return the qualified name of a value's class."""
    return f"{type(value).__module__}.{type(value).__qualname__}"


def name_text(path: str, name: Any) -> str:
    """Return a mapping's name; raise ``key_type_unknown`` unless it is a str."""
    if type(name) is not str:
        unknown(path, f"the mapping has the name {name!r}, which is no str")
    _quoted(path, name)
    return str(name)


def unknown(path: str, fault: str) -> NoReturn:
    """Raise the error for a value whose identity cannot be told."""
    message = (
        f"{path}: {fault}, so the result cannot be kept in the store. Use plain values, NumPy "
        "arrays, tuples, lists, mappings with str keys and frozen dataclasses, or no store."
    )
    raise StoreError("key_type_unknown", message)


def _scalar(path: str, value: Any) -> str | None:
    kind, text = type(value), None
    if value is None or kind is bool:
        text = repr(value)
    elif kind is int:
        text = repr(value) if abs(value) < 1 << 64 else _shortened("int", 1, hex(value))
    elif kind is float:
        bits = int(np.float64(value).view(np.uint64))
        text = f"nan({bits:016x})" if math.isnan(value) else repr(value)
    elif kind is str:
        text = _shortened("str", len(value), _quoted(path, value))
    elif kind is bytes:
        text = _shortened("bytes", len(value), f"bytes({value.hex()})")
    elif kind is timedelta:
        text = f"timedelta({value.days}, {value.seconds}, {value.microseconds})"
    elif kind in _ARRAYS or isinstance(value, np.generic):
        try:
            text = array_text(np.asarray(value))
            text = text if kind in _ARRAYS else f"scalar {text}"
        except TypeError as error:
            unknown(path, str(error))
    return text


def _collection(path: str, value: Any, depth: int) -> str | None:
    kind = type(value)
    if kind in (tuple, list):
        texts = [typed_text(f"{path}[{i}]", v, depth + 1) for i, v in enumerate(value)]
        return _shortened(kind.__name__, len(value), f"{kind.__name__}({', '.join(texts)})")
    if isinstance(value, Mapping):
        named = {name_text(path, name): content for name, content in value.items()}
        return _named("dict", path, named, depth)
    if is_record(value):
        named = {f.name: getattr(value, f.name) for f in fields(value)}
        return _named(f"class {class_name(value)}", path, named, depth)
    return None


def _named(kind: str, path: str, named: Mapping[str, Any], depth: int) -> str:
    texts = [
        f"{_quoted(path, name)}: {typed_text(f'{path}.{name}', named[name], depth + 1)}"
        for name in sorted(named)
    ]
    return _shortened(kind, len(named), f"{kind}({', '.join(texts)})")


def _shortened(kind: str, length: int, text: str) -> str:
    return text if len(text) <= _LONGEST else f"{kind}[{length}]:{text_digest(text)}"


def _quoted(path: str, text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        unknown(path, "the text is not valid Unicode")
    return json.dumps(text, ensure_ascii=False)
