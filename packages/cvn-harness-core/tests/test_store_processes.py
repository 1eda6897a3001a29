"""Many processes, killed processes, full disks: each result is made once and none is half there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cvn_harness_core import Store, StoreError, key_of

SIZE = 200_000

WORKER = """
import os, sys, time
from pathlib import Path
from cvn_harness_core import Store, StoreError, key_of

folder = Path(sys.argv[1])
SIZE = 200_000

def key(seed=0):
    return key_of("model", {"seed": seed})

def make(seed=0, seconds=0.0, note=None):
    def run():
        with (folder / "makes.txt").open("a") as file:
            file.write(f"{seed}\\n")
        if note:
            (folder / note).touch()
        time.sleep(seconds)
        return {"pid": os.getpid()}, {"model.bin": bytes([seed % 256]) * SIZE}
    return run

store = Store(folder / "store")
"""

Start = Callable[..., "subprocess.Popen[str]"]


def key(seed: int = 0) -> Any:
    return key_of("model", {"seed": seed})


def made(seed: int = 0) -> Any:
    return lambda: ({"pid": 0}, {"model.bin": bytes([seed % 256]) * SIZE})


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a process that runs source after WORKER; all are gone at the end."""
    started: list[subprocess.Popen[str]] = []

    def run(source: str, *arguments: object, before: tuple[str, ...] = ()) -> Any:
        command = [*before, sys.executable, "-c", WORKER + source, tmp_path, *arguments]
        process = subprocess.Popen(
            [str(part) for part in command],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "nothing happened for a minute"
        time.sleep(0.005)


def makes(folder: Path) -> list[str]:
    path = folder / "makes.txt"
    return path.read_text().split() if path.exists() else []


def told(process: subprocess.Popen[str]) -> str:
    out, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    return out


# --- one fit --------------------------------------------------------------------------------


def test_eight_processes_that_ask_for_one_key_make_it_once(start: Start, tmp_path: Path) -> None:
    askers = [
        start(
            "(folder / f'ready-{sys.argv[2]}').touch()\n"
            "while not (folder / 'go').exists(): time.sleep(0.001)\n"
            "entry, hit = store.compute(key(), make(seconds=0.5))\n"
            "print(hit, entry.facts['pid'], len(entry.files['model.bin']))\n",
            i,
        )
        for i in range(8)
    ]
    until(lambda: len(list(tmp_path.glob("ready-*"))) == 8)
    (tmp_path / "go").touch()
    answers = [told(asker).split() for asker in askers]
    assert makes(tmp_path) == ["0"]
    assert sorted(hit for hit, *_ in answers) == ["False", *["True"] * 7]
    assert len({(pid, size) for _, pid, size in answers}) == 1


def test_other_keys_do_not_wait(start: Start, tmp_path: Path) -> None:
    start("store.compute(key(1), make(1, seconds=60, note='making'))\n")
    until((tmp_path / "making").exists)
    assert not Store(tmp_path / "store").compute(key(2), made(2)).hit


# --- kill -9 --------------------------------------------------------------------------------


def test_a_maker_that_is_killed_blocks_nobody(start: Start, tmp_path: Path) -> None:
    maker = start("store.compute(key(), make(seconds=60, note='making'))\n")
    until((tmp_path / "making").exists)
    waiter = start("print(store.compute(key(), make()).hit)\n")
    time.sleep(0.3)
    assert waiter.poll() is None
    maker.send_signal(signal.SIGKILL)
    assert told(waiter) == "False\n"
    assert makes(tmp_path) == ["0", "0"]


KILLS = """
import random, signal, traceback

def work():
    try:
        endlessly()
    except BaseException:
        (folder / "failed.txt").write_text(traceback.format_exc())
    os._exit(1)

def endlessly():
    while True:
        for seed in range(6):
            store.put(key(seed), *make(seed)())
        store.gc(max_bytes=3 * SIZE)

rng, found, half = random.Random(0), 0, 0
for _ in range(40):
    children = []
    for _ in range(2):
        child = os.fork()
        if child == 0:
            work()
        children.append(child)
    time.sleep(rng.uniform(0.0, 0.1))
    for child in children:
        os.kill(child, signal.SIGKILL)
    for child in children:
        os.waitpid(child, 0)
    faults = store.verify()
    assert not faults, faults
    found += len(store.ls())
    entries = folder / "store" / "entries"
    half += sum(p.name.startswith(".") for p in entries.iterdir()) if entries.exists() else 0
print(found, half)
"""


def test_a_store_is_sound_after_kills_at_any_moment(start: Start, tmp_path: Path) -> None:
    found, half = map(int, told(start(KILLS)).split())
    assert found > 0
    assert half > 0, "no writer was ever killed while it wrote"
    assert not (tmp_path / "failed.txt").exists(), (tmp_path / "failed.txt").read_text()
    store = Store(tmp_path / "store")
    for seed in range(6):
        entry = store.compute(key(seed), made(seed)).entry
        assert entry.files == {"model.bin": bytes([seed]) * SIZE}
    store.gc()
    inside = sorted(p.name for p in (tmp_path / "store" / "entries").iterdir())
    assert inside == sorted(key(seed).digest for seed in range(6))


def test_what_a_killed_writer_leaves_is_deleted_and_what_a_living_one_writes_is_not(
    start: Start, tmp_path: Path
) -> None:
    source = (
        "sync = os.fsync\n"
        "def hang(descriptor):\n"
        "    (folder / 'writing').touch()\n"
        "    time.sleep(60)\n"
        "store.put(key(1), {}, {})\n"
        "os.fsync = hang\n"
        "store.compute(key(), make())\n"
    )
    writer = start(source)
    until((tmp_path / "writing").exists)
    store = Store(tmp_path / "store")
    half = [p for p in (store.path / "entries").iterdir() if p.name.startswith(".")]
    assert len(half) == 1
    assert store.gc().leftovers == 0
    assert half[0].exists()
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    assert store.gc().leftovers == 1
    assert not half[0].exists()
    assert not store.compute(key(), made()).hit


# --- no room, no right ----------------------------------------------------------------------


def test_a_file_that_cannot_grow_is_an_error_and_the_store_is_intact(
    start: Start, tmp_path: Path
) -> None:
    store = Store(tmp_path / "store")
    store.put(key(1), *made(1)())
    writer = start(
        "import resource, signal\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (SIZE // 2, SIZE // 2))\n"
        "try:\n"
        "    store.compute(key(), make())\n"
        "except StoreError as error:\n"
        "    print(error.code, error)\n"
    )
    out = told(writer)
    assert out.startswith("store_unwritable")
    assert "File too large" in out
    assert_intact(store)


FULL = """
import subprocess, shutil
disk = folder / "disk"
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", disk], check=True)
store = Store(disk / "store")
store.put(key(1), *make(1)())
store.put(key(2), *make(2)())
try:
    store.compute(key(3), make(3))
except StoreError as error:
    print(error.code, error)
print(sorted(len(e.digest) for e in store.ls()), store.verify())
print([p.name for p in (disk / "store" / "entries").iterdir() if p.name.startswith(".")])
subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
print(store.get(key(1)).files["model.bin"] == bytes([1]) * SIZE, store.compute(key(2), None).hit)
try:
    store.compute(key(4), make(4))
except StoreError as error:
    print(error.code, error)
try:
    store.gc(max_bytes=0)
except StoreError as error:
    print(error.code, error)
print(store.verify(), len(store.ls()))
"""


def test_a_full_and_then_read_only_disk_are_errors_and_the_store_is_intact(
    start: Start, tmp_path: Path
) -> None:
    (tmp_path / "disk").mkdir()
    may = ["unshare", "-m", "mount", "-t", "tmpfs", "tmpfs", str(tmp_path / "disk")]
    try:
        allowed = subprocess.run(may, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        allowed = False
    if not allowed:
        pytest.skip("this machine lets nobody mount a small disk")
    full, sound, left, read, late, gc, after = told(
        start(FULL, before=("unshare", "-m"))
    ).splitlines()
    assert full.startswith("store_unwritable")
    assert "No space left on device" in full
    assert (sound, left) == ("[64, 64] {}", "[]")
    assert read == "True True"
    assert late.startswith("store_unwritable")
    assert "Read-only file system" in late
    assert gc.startswith("store_unwritable")
    assert after == "{} 2"
    assert makes(tmp_path) == ["1", "2", "3"], "nothing is made that cannot be kept"


def test_a_store_that_cannot_be_made_is_an_error_before_anything_is_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("years of work")
    store = Store(tmp_path / "file" / "store")
    with pytest.raises(StoreError, match="Not a directory") as caught:
        store.compute(key(), lambda: pytest.fail("made"))
    assert caught.value.code == "store_unwritable"
    assert (tmp_path / "file").read_text() == "years of work"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_the_right_to_write_is_an_error(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    store.put(key(1), *made(1)())
    folders = [store.path / name for name in ("entries", "locks", "quarantine")]
    for folder in folders:
        folder.chmod(0o500)
    try:
        with pytest.raises(StoreError) as caught:
            store.compute(key(), lambda: pytest.fail("made"))
        assert caught.value.code == "store_unwritable"
        assert store.get(key(1)) is not None
    finally:
        for folder in folders:
            folder.chmod(0o700)
    assert_intact(store)


def assert_intact(store: Store) -> None:
    assert [e.digest for e in store.ls()] == [key(1).digest]
    assert store.verify() == {}
    assert [p.name for p in (store.path / "entries").iterdir()] == [key(1).digest]
    assert not store.compute(key(), made()).hit
