"""A TOML file's values, by ``tomllib``, and where each of its keys stands, by tree-sitter.

``tomllib`` says what a file means and gives no positions; tree-sitter gives the position of every
token and no meaning. Keys are joined by their path.
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import tree_sitter_toml
from tree_sitter import Language, Node, Parser

from cvn_orchestrator.errors import PlanError

Key: TypeAlias = tuple[str | int, ...]
"""The path of a key: names, and numbers from 0 within an array."""

_PLACE = re.compile(r" \(at line (\d+), column (\d+)\)$| \(at end of document\)$")


@dataclass(frozen=True)
class Document:
    """A file's values, and the line and column, from 1, of each key and each table's header."""

    path: Path
    values: dict[str, Any]
    positions: dict[Key, tuple[int, int]]

    def place(self, key: Key) -> str:
        """Return ``FILE:LINE:COLUMN`` of a key or, if it is absent, of what should hold it."""
        while key and key not in self.positions:
            key = key[:-1]
        line, column = self.positions.get(key, (1, 1))
        return f"{self.path}:{line}:{column}"


def read_document(path: Path) -> Document:
    """Read a file; raise PlanError ``plan_unreadable`` if it cannot be, or is no TOML."""
    try:
        text = path.read_bytes().decode()
        values = tomllib.loads(text)
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror or error}."
        raise PlanError("plan_unreadable", message) from error
    except UnicodeDecodeError as error:
        message = f"{path} is no TOML: it is not UTF-8 ({error.reason} at byte {error.start})."
        raise PlanError("plan_unreadable", message) from error
    except tomllib.TOMLDecodeError as error:
        message = f"{_syntax_place(path, text, str(error))}: {_PLACE.sub('', str(error))}."
        raise PlanError("plan_unreadable", message) from error
    return Document(path, values, _positions(text.encode()))


def _syntax_place(path: Path, text: str, said: str) -> str:
    found = _PLACE.search(said)
    if found is None:
        return str(path)
    if found[1] is None:
        lines = text.split("\n")
        return f"{path}:{len(lines)}:{len(lines[-1]) + 1}"
    return f"{path}:{found[1]}:{found[2]}"


def _positions(source: bytes) -> dict[Key, tuple[int, int]]:
    tree = Parser(Language(tree_sitter_toml.language())).parse(source)
    lines = source.split(b"\n")
    found: dict[Key, tuple[int, int]] = {}
    for key, node in _keys(tree.root_node):
        row, byte = node.start_point
        found.setdefault(key, (row + 1, len(lines[row][:byte].decode(errors="replace")) + 1))
    return found


def _keys(document: Node) -> Iterator[tuple[Key, Node]]:
    """Yield every key's path and token, headers of tables included, in the file's order."""
    count: Counter[Key] = Counter()
    for node in document.named_children:
        if node.type == "pair":
            yield from _pair((), node)
        elif node.type in ("table", "table_array_element"):
            header, *pairs = (c for c in node.named_children if c.type != "comment")
            table: Key = ()
            for name, token in _names(header):
                table = (*table, name)
                yield table, token
                if token.id != _last(header).id:
                    table = _within(table, count)
            if node.type == "table_array_element":
                count[table] += 1
                table = _within(table, count)
                yield table, _last(header)
            for pair in pairs:
                yield from _pair(table, pair)


def _within(table: Key, count: Counter[Key]) -> Key:
    """Return the table or, of an array of them, its last element so far."""
    return (*table, count[table] - 1) if table in count else table


def _pair(table: Key, pair: Node) -> Iterator[tuple[Key, Node]]:
    key, *values = (c for c in pair.named_children if c.type != "comment")
    for name, token in _names(key):
        table = (*table, name)
        yield table, token
    for value in values:
        yield from _inside(table, value)


def _inside(key: Key, value: Node) -> Iterator[tuple[Key, Node]]:
    if value.type == "inline_table":
        for pair in value.named_children:
            if pair.type == "pair":
                yield from _pair(key, pair)
    if value.type == "array":
        items = [item for item in value.named_children if item.type != "comment"]
        for number, item in enumerate(items):
            yield (*key, number), item
            yield from _inside((*key, number), item)


def _names(key: Node) -> Iterator[tuple[str, Node]]:
    for token in _tokens(key):
        text = (token.text or b"").decode()
        yield next(iter(tomllib.loads(f"{text} = 0"))), token


def _tokens(key: Node) -> list[Node]:
    if key.type != "dotted_key":
        return [key]
    return [token for part in key.named_children for token in _tokens(part)]


def _last(header: Node) -> Node:
    return _tokens(header)[-1]
