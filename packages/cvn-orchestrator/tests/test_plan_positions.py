"""Where each key of a TOML file stands, whatever way of writing tables it uses."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from cvn_orchestrator.errors import PlanError
from cvn_orchestrator.plan.positions import Key, read_document

TEXT = '''\
# a comment
a.b = 1
[x."y z"] # another
k = { q = 1, w.e = [1, { u = 2 }, 3] }
s = """
many
lines"""
"é" = 0
  "ö.x"   = [
    "ä", "b",  # within
    "c",
]
[[arr]]
n = 1
[arr.sub]
m = 1
[[arr]]
'n' = 2
[x]
late = true
'''


def read(tmp_path: Path, text: str) -> Any:
    path = tmp_path / "plan.toml"
    path.write_text(text)
    return read_document(path)


@pytest.mark.parametrize(
    ("key", "line", "column"),
    [
        (("a",), 2, 1),
        (("a", "b"), 2, 3),
        (("x",), 3, 2),
        (("x", "y z"), 3, 4),
        (("x", "y z", "k"), 4, 1),
        (("x", "y z", "k", "q"), 4, 7),
        (("x", "y z", "k", "w", "e"), 4, 16),
        (("x", "y z", "k", "w", "e", 1, "u"), 4, 26),
        (("x", "y z", "s"), 5, 1),
        (("x", "y z", "é"), 8, 1),
        (("x", "y z", "ö.x"), 9, 3),
        (("x", "y z", "ö.x", 1), 10, 10),
        (("x", "y z", "ö.x", 2), 11, 5),
        (("arr",), 13, 3),
        (("arr", 0, "n"), 14, 1),
        (("arr", 0, "sub", "m"), 16, 1),
        (("arr", 1), 17, 3),
        (("arr", 1, "n"), 18, 1),
        (("x", "late"), 20, 1),
    ],
)
def test_every_key_has_its_place(key: Key, line: int, column: int, tmp_path: Path) -> None:
    document = read(tmp_path, TEXT)
    assert document.place(key) == f"{document.path}:{line}:{column}"


def test_every_value_of_the_file_has_a_position(tmp_path: Path) -> None:
    document = read(tmp_path, TEXT)

    def keys(value: Any, at: Key) -> list[Key]:
        inside = (
            value.items()
            if isinstance(value, dict)
            else enumerate(value)
            if isinstance(value, list)
            else ()
        )
        return [key for name, one in inside for key in ((*at, name), *keys(one, (*at, name)))]

    assert set(document.positions) == set(keys(tomllib.loads(TEXT), ()))


def test_what_is_absent_is_told_where_it_should_be(tmp_path: Path) -> None:
    document = read(tmp_path, TEXT)
    assert document.place(("arr", 0, "sub", "missing")).endswith(":15:6")
    assert document.place(("nothing",)).endswith(":1:1")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[data\nx = 1", ":1:6: Expected ']'"),
        ("a = 1\na = 2\n", ":2:6: Cannot overwrite a value"),
        ("a = ?", ":1:5: Invalid value"),
        ("a = ", ":1:5: Invalid value"),
    ],
)
def test_what_is_no_toml_is_told_with_its_place(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(PlanError) as caught:
        read(tmp_path, text)
    assert caught.value.code == "plan_unreadable"
    assert str(caught.value).startswith(f"{tmp_path / 'plan.toml'}{said}")


def test_a_file_that_is_absent_or_no_text_is_told(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="cannot be read: No such file"):
        read_document(tmp_path / "none.toml")
    (tmp_path / "bytes.toml").write_bytes(b"a = '\xff'")
    with pytest.raises(PlanError, match="not UTF-8"):
        read_document(tmp_path / "bytes.toml")
