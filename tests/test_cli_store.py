"""`cvn store` as a person uses it: what is there, whether it is sound, and making room."""

from __future__ import annotations

import json
import os
import subprocess
from datetime import datetime
from pathlib import Path

import pytest

from cvn_harness_core import Store, key_of

from . import command


def cvn(*arguments: str | Path, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    return command.cvn("store", *arguments, cwd=cwd, **env)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Three entries in the default folder, used in the years 2001 to 2003."""
    store = Store(tmp_path / ".cvn-store")
    for seed in range(3):
        path = put(store, seed)
        os.utime(path, (when(2001 + seed), when(2001 + seed)))
    return store


def when(year: int) -> float:
    return datetime(year, 6, 1).timestamp()


def put(store: Store, seed: int, kind: str = "model") -> Path:
    key = key_of(kind, {"seed": seed, "params": {"learning_rate": 0.1 * (seed // 2)}})
    return store.put(key, {}, {"model.txt": bytes(50_000)})


def test_the_entries_are_listed_by_last_use(store: Store, tmp_path: Path) -> None:
    done = cvn("ls", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    header, *rows, total = done.stdout.splitlines()
    assert header.split() == ["key", "kind", "last", "used", "bytes"]
    assert [row.split()[2][:4] for row in rows] == ["2003", "2002", "2001"]
    assert [row.split()[0] for row in rows] == [e.digest[:12] for e in store.ls()]
    assert total.startswith("3 entries, 15")
    listed = json.loads(cvn("ls", "--json", cwd=tmp_path).stdout)
    assert [e["digest"] for e in listed] == [e.digest for e in store.ls()]
    assert listed[0]["used"].startswith("2003-0")


@pytest.mark.parametrize("by", ["option", "variable", "option over variable"])
def test_the_folder_is_an_option_or_a_variable(by: str, store: Store, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    given = ["--store", str(store.path)] if by.startswith("option") else []
    env = {"option": {}, "variable": {"CVN_STORE": str(store.path)}}.get(by, {"CVN_STORE": "/no"})
    done = cvn("ls", *given, cwd=elsewhere, **env)
    assert (done.returncode, "3 entries" in done.stdout) == (0, True)


def test_verify_exits_with_1_on_damage_and_says_where(store: Store, tmp_path: Path) -> None:
    assert cvn("verify", cwd=tmp_path).stdout == "every entry is sound\n"
    assert json.loads(cvn("verify", "--json", cwd=tmp_path).stdout) == {"damaged": {}}
    damaged = store.ls()[1].digest
    (store.path / "entries" / damaged / "model.txt").write_bytes(b"x")
    done = cvn("verify", cwd=tmp_path)
    assert done.returncode == 1
    assert damaged in done.stdout
    assert "1 entries damaged" in done.stdout
    done = cvn("verify", "--json", cwd=tmp_path)
    assert done.returncode == 1
    assert list(json.loads(done.stdout)["damaged"]) == [damaged]


def test_gc_makes_room(store: Store, tmp_path: Path) -> None:
    newest, middle, oldest = (e.digest for e in store.ls())
    assert "deleted 0 entries" in cvn("gc", cwd=tmp_path).stdout
    done = json.loads(cvn("gc", "--max-size", "110K", "--json", cwd=tmp_path).stdout)
    assert (done["evicted"], done["in_use"]) == ([oldest], [])
    assert [e.digest for e in store.ls()] == [newest, middle]
    done = cvn("gc", "--max-size=0", cwd=tmp_path)
    assert done.stdout.startswith("deleted 2 entries (10")
    assert store.ls() == []


def test_explain_says_what_differs(store: Store, tmp_path: Path) -> None:
    a, b, c = (put(store, seed).name for seed in range(3))
    done = cvn("explain", a[:8], c, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert [line.split() for line in done.stdout.splitlines()] == [
        ["part", a[:12], c[:12]],
        ["params.learning_rate", "0.0", "0.1"],
        ["seed", "0", "2"],
    ]
    nearest = json.loads(cvn("explain", a, "--json", cwd=tmp_path).stdout)
    assert nearest == {"a": a, "b": b, "differences": [{"part": "seed", "a": "0", "b": "1"}]}


MISTAKES = {
    "no store": (["ls", "--store", "nowhere"], "store_not_found"),
    "something else": (["gc", "--store", "other"], "store_invalid"),
    "a key that is not there": (["explain", "ffffffff"], "key_not_found"),
    "no other entry": (["explain", "ENSEMBLE"], "key_not_found"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_line_and_exit_code_2(mistake: str, store: Store, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.txt").write_text("years of work")
    words, code = MISTAKES[mistake]
    alone = put(store, 9, kind="ensemble").name
    done = cvn(*[alone if word == "ENSEMBLE" else word for word in words], cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("cvn: error: ")
    assert done.stderr.endswith(f"[{code}]\n")
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "nowhere").exists()
    assert (tmp_path / "other" / "thesis.txt").read_text() == "years of work"


@pytest.mark.parametrize("size", ["", "much", "-1", "5X", "nan", "inf", "G"])
def test_a_size_that_is_none_is_told(size: str, store: Store, tmp_path: Path) -> None:
    done = cvn("gc", f"--max-size={size}", cwd=tmp_path)
    assert done.returncode == 2
    assert "invalid size value" in done.stderr
    assert len(store.ls()) == 3
