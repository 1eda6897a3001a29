"""Two machines, each with a folder of its own, and one remote between them."""

from __future__ import annotations

import json
import resource
from pathlib import Path
from typing import Any

import pytest

from cvn_harness_core import OBSERVERS, Event, Store, StoreError, hookimpl, key_of

KEY = key_of("model", {"seed": 7})
FACTS, FILES = {"theta": 0.3}, {"model.bin": b"weights", "arrays.npz": b"\0" * 1000}


class Counted:
    """Makes an entry, and counts how often."""

    def __init__(self) -> None:
        self.n = 0

    def __call__(self) -> tuple[dict[str, Any], dict[str, bytes]]:
        self.n += 1
        return FACTS, FILES


class Heard:
    def __init__(self) -> None:
        self.names: list[str] = []

    @hookimpl
    def cvn_event(self, event: Event) -> None:
        self.names.append(event.event)


@pytest.fixture
def url(tmp_path: Path) -> str:
    pytest.importorskip("fsspec")
    return f"file://{tmp_path / 'remote'}"


def current(tmp_path: Path) -> Path:
    return tmp_path / "remote" / "entries" / KEY.digest / "current"


def test_what_one_machine_made_another_reads(tmp_path: Path, url: str) -> None:
    here, there = (Store(tmp_path / name, remote=url) for name in ("here", "there"))
    make = Counted()
    assert not here.compute(KEY, make).hit
    found = there.compute(KEY, make)
    assert (found.hit, make.n) == (True, 1)
    assert (found.entry.facts, found.entry.files) == (FACTS, FILES)
    assert found.entry.path.is_relative_to(tmp_path / "there")
    assert Store(tmp_path / "there").get(KEY) is not None, "it is kept here, too"
    assert there.verify() == {}


def test_a_single_entry_is_found(tmp_path: Path, url: str) -> None:
    Store(tmp_path / "here", remote=url).put(KEY, FACTS, FILES)
    found = Store(tmp_path / "there", remote=url).get(KEY)
    assert found is not None
    assert found.files == FILES
    assert Store(tmp_path / "there", remote=url).get(key_of("model", {"seed": 8})) is None


def test_a_damaged_copy_is_reported_made_again_and_replaced(tmp_path: Path, url: str) -> None:
    Store(tmp_path / "here", remote=url).compute(KEY, Counted())
    copy = json.loads(current(tmp_path).read_text())["copy"]
    (current(tmp_path).parent / copy / "model.bin").write_bytes(b"wEights")
    make, heard = Counted(), Heard()
    with OBSERVERS.including("heard", heard):
        assert not Store(tmp_path / "there", remote=url).compute(KEY, make).hit
    assert make.n == 1
    assert heard.names[:2] == ["cache_corrupt", "cache_miss"]
    assert Store(tmp_path / "third", remote=url).compute(KEY, make).hit
    assert not list((tmp_path / "there" / "entries").glob(".*"))


def test_an_unfinished_copy_is_no_entry(tmp_path: Path, url: str) -> None:
    Store(tmp_path / "here", remote=url).compute(KEY, Counted())
    current(tmp_path).unlink()  # as if the writer had been killed before it
    make = Counted()
    assert not Store(tmp_path / "there", remote=url).compute(KEY, make).hit
    assert make.n == 1


@pytest.mark.parametrize(
    "text",
    [
        "no JSON",
        '{"copy": "..", "files": {}}',
        '{"copy": "a", "files": {"../../x": 1}}',
        '{"copy": "a", "files": {"x": -1}}',
        '{"copy": "a", "files": {"model.bin": 7}}',
        '{"copy": "a"}',
        " " * (1 << 21),
    ],
)
def test_a_pointer_that_cannot_be_followed_is_replaced(tmp_path: Path, url: str, text: str) -> None:
    Store(tmp_path / "here", remote=url).compute(KEY, Counted())
    current(tmp_path).write_text(text)
    make, heard = Counted(), Heard()
    with OBSERVERS.including("heard", heard):
        assert not Store(tmp_path / "there", remote=url).compute(KEY, make).hit
    assert heard.names[:2] == ["cache_corrupt", "cache_miss"]
    assert Store(tmp_path / "third", remote=url).compute(KEY, make).hit
    assert make.n == 1


def test_what_could_not_be_copied_is_copied_when_it_is_next_asked_for(
    tmp_path: Path, url: str
) -> None:
    here, make = Store(tmp_path / "here", remote=url), Counted()
    (tmp_path / "remote").mkdir()
    (tmp_path / "remote" / "entries").write_text("in the way")
    with pytest.raises(StoreError) as raised:
        here.put(KEY, FACTS, FILES)
    assert raised.value.code == "store_unreachable"
    with pytest.raises(StoreError):
        here.get(KEY)
    (tmp_path / "remote" / "entries").unlink()
    assert here.compute(KEY, make).hit, "what was made is not lost"
    assert Store(tmp_path / "there", remote=url).compute(KEY, make).hit
    assert make.n == 0
    assert not list((tmp_path / "here" / "unpushed").iterdir())


def test_a_full_disk_here_is_not_taken_for_the_remotes_fault(tmp_path: Path, url: str) -> None:
    Store(tmp_path / "here", remote=url).put(KEY, FACTS, FILES)
    there = Store(tmp_path / "there", remote=url)
    there.put(key_of("model", {"seed": 8}), FACTS, FILES)
    held = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500, held[1]))  # Python ignores SIGXFSZ
    try:
        with pytest.raises(StoreError) as raised:
            there.get(KEY)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, held)
    assert raised.value.code == "store_unwritable"
    found = there.get(KEY)
    assert found is not None
    assert found.files == FILES


def test_a_remote_that_is_not_there(tmp_path: Path) -> None:
    pytest.importorskip("fsspec")
    with pytest.raises(StoreError, match="Protocol not known") as raised:
        Store(tmp_path / "here", remote="nowhere://bucket?token=secret")
    assert raised.value.code == "store_unreachable"
    assert "secret" not in str(raised.value)
    (tmp_path / "file").write_text("")
    blocked = Store(tmp_path / "here", remote=f"file://{tmp_path / 'file'}")
    make = Counted()
    with pytest.raises(StoreError) as raised:
        blocked.compute(KEY, make)
    assert raised.value.code == "store_unreachable"
    assert make.n == 0, "nothing is trained that could not be shared"


def test_a_password_is_never_shown(tmp_path: Path) -> None:
    pytest.importorskip("fsspec")
    with pytest.raises(StoreError) as raised:  # fsspec connects at once
        Store(tmp_path / "here", remote="ftp://quant:s3cretpw@127.0.0.1:1/store")
    assert raised.value.code == "store_unreachable"
    assert "ftp://127.0.0.1:1/store" in str(raised.value)
    assert "s3cretpw" not in str(raised.value)
    assert raised.value.__cause__ is None
