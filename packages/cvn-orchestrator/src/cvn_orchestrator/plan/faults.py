"""What is wrong with a plan, gathered while it is read."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import msgspec

from cvn_orchestrator.errors import PlanError
from cvn_orchestrator.plan.positions import Document, Key

Section = TypeVar("Section", bound=msgspec.Struct)


class Faults:
    """The faults of one plan, each with its place; ``refuse`` raises them together."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self._found: list[tuple[tuple[int, int], str]] = []

    def __len__(self) -> int:
        return len(self._found)

    def add(self, key: Key, fault: str) -> None:
        """Note what is wrong with a key, or with what is absent there."""
        place = self.document.place(key)
        line, column = place.rsplit(":", 2)[1:]
        name = f"{'.'.join(map(str, key))}: " if key else ""
        self._found.append(((int(line), int(column)), f"{place}: {name}{fault}"))

    def refuse(self) -> None:
        """Raise PlanError ``plan_invalid`` with all of them, in the file's order, if any."""
        if not self._found:
            return
        texts = list(dict.fromkeys(text for _, text in sorted(self._found)))
        noun = "fault" if len(texts) == 1 else "faults"
        heading = f"{self.document.path} has {len(texts)} {noun}:"
        raise PlanError.of("plan_invalid", heading, texts)


def section(
    kind: type[Section],
    table: Any,
    at: Key,
    faults: Faults,
    places: Mapping[str, Key] | None = None,
) -> Section:
    """Return a table as a section, and note what is wrong with it.

    Every key is looked at, also after a fault, so that what depends on the sound ones can be looked
    at, too: a key that is wrong is as if it were absent, and one that must be there and is not is
    None. Keys stand within ``at``, or where ``places`` says.
    """
    places = {} if places is None else places
    if not isinstance(table, Mapping):
        faults.add(at, f"must be a table of {', '.join(kind.__struct_fields__)}")
        table = dict.fromkeys(f.name for f in msgspec.structs.fields(kind) if f.required)
        return kind(**table)
    hints = get_type_hints(kind, include_extras=True)
    values: dict[str, Any] = {}
    for name, value in table.items():
        key = places.get(name, (*at, name))
        if name not in hints:
            faults.add(key, f"unknown key {name!r}{nearest(name, hints)}")
            continue
        try:
            values[name] = msgspec.convert(value, hints[name])
        except msgspec.ValidationError as error:
            faults.add(key, _said(error, hints[name]))
    for field in msgspec.structs.fields(kind):
        if field.required and field.name not in values:
            values[field.name] = None
            if field.name not in table:
                faults.add(at, f"{field.name} is missing")
    return kind(**values)


def nearest(name: str, known: Iterable[str]) -> str:
    """Return ``; did you mean 'x'?`` for the known name nearest to one, else the known names."""
    names = list(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    if near:
        return f"; did you mean {near[0]!r}?"
    return f"; there are {', '.join(names[:20]) or 'none'}"


def _said(error: msgspec.ValidationError, kind: Any) -> str:
    """Return msgspec's words, the choices added where there are some."""
    text = str(error).replace("`", "").replace(" - at $", " at ")
    text = text[0].lower() + text[1:]
    if text.startswith("invalid enum value") and (choices := list(_choices(kind))):
        return f"{text.replace('enum ', '')}; choose one of {', '.join(map(repr, choices))}"
    return text


def _choices(kind: Any) -> Iterable[Any]:
    if get_origin(kind) is Literal:
        yield from get_args(kind)
    else:
        for part in get_args(kind):
            yield from _choices(part)
