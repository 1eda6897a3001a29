"""Records that nobody changes: whoever is shown an artifact or an event sees what the others do."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import fields
from typing import Any, NoReturn


def freeze(record: Any) -> None:
    """Make the dicts and lists that a frozen dataclass holds copies that refuse to be changed."""
    for field in fields(record):
        value = getattr(record, field.name)
        if isinstance(value, dict | list):
            object.__setattr__(record, field.name, read_only(value))


def read_only(value: Any) -> Any:
    """Return a value whose dicts and lists refuse to be changed; it is equal, and written alike."""
    if isinstance(value, dict):
        return ReadOnlyDict({name: read_only(held) for name, held in value.items()})
    if isinstance(value, list):
        return ReadOnlyList([read_only(held) for held in value])
    return value


def _refuse(self: object, *_: Any, **__: Any) -> NoReturn:
    kind = "dict" if isinstance(self, dict) else "list"
    message = f"this {kind} is part of a record and read-only; change a copy.deepcopy(it)."
    raise TypeError(message)


class ReadOnlyDict(dict[Any, Any]):
    """A dict that refuses to be changed; its copies, as ``copy.deepcopy`` makes them, do not."""

    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse

    def __copy__(self) -> dict[Any, Any]:
        """Return a plain dict."""
        return dict(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> dict[Any, Any]:
        """Return a plain dict, of plain copies."""
        return deepcopy(dict(self), memo)

    def __reduce__(self) -> tuple[Any, ...]:
        """Return how ``pickle`` makes it again, which needs no item set."""
        return type(self), (dict(self),)


class ReadOnlyList(list[Any]):
    """A list that refuses to be changed; its copies, as ``copy.deepcopy`` makes them, do not."""

    __setitem__ = __delitem__ = __iadd__ = __imul__ = _refuse
    append = extend = insert = pop = remove = clear = _refuse
    sort = reverse = _refuse

    def __copy__(self) -> list[Any]:
        """Return a plain list."""
        return list(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> list[Any]:
        """Return a plain list, of plain copies."""
        return deepcopy(list(self), memo)

    def __reduce__(self) -> tuple[Any, ...]:
        """Return how ``pickle`` makes it again, which needs no item set."""
        return type(self), (list(self),)
