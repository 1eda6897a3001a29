"""What the store gives is what was put into it, or nothing."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import resource
import shutil
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from cvn_harness_core import HPOParams, Store, StoreError, TrainedArtifact, key_of, train_one
from cvn_harness_core.artifact import bundle
from cvn_harness_core.errors import BundleError, InputError
from cvn_harness_core.events.log import RunLog
from cvn_harness_core.store.disk import Computed
from cvn_harness_core.store.locks import hold

FACTS = {"artifact": {"theta": 0.25, "name": "logreg"}, "note": None}
FILES = {"model.txt": b"tree\n", "scores.npz": b"\x00\x01"}


def key(seed: int = 0, kind: str = "model", **parts: Any) -> Any:
    return key_of(kind, {"params": {"rate": 0.1}, "seed": seed, **parts})


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def entry(store: Store) -> Path:
    return store.put(key(), FACTS, FILES)


def make() -> tuple[dict[str, Any], dict[str, bytes]]:
    return FACTS, FILES


def never() -> tuple[dict[str, Any], dict[str, bytes]]:
    pytest.fail("made although it is there")


def names(store: Store) -> list[str]:
    return sorted(e.digest for e in store.ls())


# --- there and back -------------------------------------------------------------------------


def test_what_was_put_is_what_is_got(store: Store, entry: Path) -> None:
    found = store.get(key())
    assert found is not None
    assert (found.key, found.path) == (key(), entry)
    assert (found.facts, found.files) == (FACTS, FILES)
    assert found.size_bytes == 7
    assert store.get(key(seed=1)) is None


def test_a_store_is_made_when_something_is_put_and_not_before(tmp_path: Path) -> None:
    store = Store(tmp_path / "a" / "store")
    assert store.get(key()) is None
    assert (store.ls(), store.verify(), store.gc().evicted) == ([], {}, ())
    assert list(tmp_path.iterdir()) == []
    store.put(key(), FACTS, FILES)
    assert Store.existing(tmp_path / "a" / "store").get(key()) is not None


def test_a_sound_entry_is_not_written_again(store: Store, entry: Path) -> None:
    before = entry.stat().st_ino
    assert store.put(key(), {"other": 1}, {}) == entry
    assert entry.stat().st_ino == before
    found = store.get(key())
    assert found is not None
    assert found.facts == FACTS


def test_what_is_computed_once_is_read_afterwards(store: Store, tmp_path: Path) -> None:
    first = store.compute(key(), make)
    again = Store(tmp_path / "store").compute(key(), never)
    assert (first.hit, again.hit) == (False, True)
    assert first.entry == again.entry


def test_a_make_that_fails_leaves_nothing_and_can_be_repeated(store: Store) -> None:
    def fail() -> Any:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        store.compute(key(), fail)
    assert store.ls() == []
    assert not store.compute(key(), make).hit


def test_making_one_key_may_compute_others(store: Store) -> None:
    def ensemble() -> tuple[dict[str, Any], dict[str, bytes]]:
        bases = [store.compute(key(seed=seed), make) for seed in (1, 2, 1)]
        assert [base.hit for base in bases] == [False, False, True]
        return {"bases": [base.entry.key.digest for base in bases]}, {}

    made = store.compute(key(kind="ensemble"), ensemble)
    assert made.entry.facts["bases"][0] == key(seed=1).digest
    assert len(store.ls()) == 3


def test_an_entry_is_a_bundle_that_can_be_loaded(
    models: Any, datasets: Any, store: Store, tmp_path: Path
) -> None:
    artifact = train_one("logreg", datasets, HPOParams(seed=4))
    saved = artifact.save(tmp_path / "bundle")
    document = json.loads((saved / "manifest.json").read_text())
    files = {name: (saved / name).read_bytes() for name in document.pop("files")}
    facts = {name: document[name] for name in ("artifact", "model_file")}
    path = store.put(key(data=datasets.content()), facts, files)
    assert TrainedArtifact.load(path).theta == artifact.theta


@pytest.mark.parametrize("facts", [{"files": 1}, {"format": "x"}, {"version": 2}])
def test_the_bundles_own_names_are_not_for_facts(store: Store, facts: dict[str, Any]) -> None:
    with pytest.raises(BundleError, match=repr(next(iter(facts)))):
        store.put(key(), facts, {})
    with pytest.raises(BundleError, match=r"key\.json"):
        store.put(key(), {}, {"key.json": b"{}"})
    assert store.ls() == []


# --- damage ---------------------------------------------------------------------------------


def flip(path: Path, at: int, bit: int = 0) -> None:
    payload = bytearray(path.read_bytes())
    payload[at] ^= 1 << bit
    path.write_bytes(bytes(payload))


def resum(entry: Path) -> None:
    """Make the sum of a changed manifest fit."""
    digest = hashlib.sha256((entry / "manifest.json").read_bytes()).hexdigest()
    (entry / "manifest.sha256").write_text(f"{digest}  manifest.json\n")


def edit(entry: Path, change: Callable[[dict[str, Any]], object]) -> None:
    document = json.loads((entry / "manifest.json").read_text())
    change(document)
    (entry / "manifest.json").write_text(json.dumps(document))
    resum(entry)


def outside(entry: Path) -> Path:
    path = entry.parents[2] / "outside.txt"
    path.write_bytes(FILES["model.txt"])
    return path


def relink(entry: Path, name: str) -> None:
    (entry / name).rename(outside(entry))
    (entry / name).symlink_to(entry.parents[2] / "outside.txt")


def move_out(entry: Path) -> None:
    away = entry.parents[2] / entry.name
    entry.rename(away)
    entry.symlink_to(away)


def climb(document: dict[str, Any]) -> None:
    document["files"]["../../../outside.txt"] = document["files"]["model.txt"]


def replace_by_file(entry: Path) -> None:
    shutil.rmtree(entry)
    entry.write_text("{}")


def of_another_key(entry: Path) -> None:
    other = Store(entry.parents[1]).put(key(seed=99), FACTS, FILES)
    shutil.rmtree(entry)
    other.rename(entry)


GIANT = {"size": 1 << 60, "sha256": "0" * 64}

DAMAGE: dict[str, Callable[[Path], object]] = {
    "a missing file": lambda e: (e / "model.txt").unlink(),
    "no manifest": lambda e: (e / "manifest.json").unlink(),
    "no key": lambda e: (e / "key.json").unlink(),
    "an extra file": lambda e: (e / "extra.pkl").write_bytes(b"x"),
    "an extra folder": lambda e: (e / "extra").mkdir(),
    "a truncated file": lambda e: (e / "model.txt").write_bytes(b"tr"),
    "a longer file": lambda e: (e / "model.txt").write_bytes(b"tree\ntree\n"),
    "a link to a file": lambda e: relink(e, "model.txt"),
    "a link for a manifest": lambda e: relink(e, "manifest.json"),
    "a link for the entry": move_out,
    "a dangling link for the entry": lambda e: (move_out(e), shutil.rmtree(e.resolve())),
    "a file for the entry": replace_by_file,
    "an empty folder": lambda e: (shutil.rmtree(e), e.mkdir()),
    "a path with ..": lambda e: (outside(e), edit(e, climb)),
    "an absolute path": lambda e: edit(e, lambda d: d["files"].update({"/etc/passwd": {}})),
    "a giant": lambda e: edit(e, lambda d: d["files"].update({"model.txt": GIANT})),
    "an unknown format": lambda e: edit(e, lambda d: d.update(format="pickle")),
    "an unknown version": lambda e: edit(e, lambda d: d.update(version=2)),
    "no listing": lambda e: edit(e, lambda d: d.pop("files")),
    "no JSON": lambda e: ((e / "manifest.json").write_text("{"), resum(e)),
    "another key's entry": of_another_key,
}


@pytest.mark.parametrize("what", DAMAGE)
def test_a_damaged_entry_is_put_aside_reported_and_made_again(
    what: str, models: Any, store: Store, entry: Path
) -> None:
    DAMAGE[what](entry)
    assert set(store.verify()) == {entry.name}
    assert store.get(key()) is None
    (told,) = models.events
    assert (told.event, told.key, told.path) == ("cache_corrupt", entry.name, str(entry))
    assert told.fault
    assert os.path.lexists(told.quarantine)
    assert not os.path.lexists(entry)
    made = store.compute(key(), make)
    assert not made.hit
    assert store.get(key()) == made.entry
    assert store.verify() == {}


def test_a_flip_of_any_byte_is_refused(store: Store, entry: Path, tmp_path: Path) -> None:
    tried = 0
    for name in sorted(p.name for p in entry.iterdir()):
        for at in range((entry / name).stat().st_size):
            flip(entry / name, at, at % 8)
            assert store.get(key()) is None, (name, at)
            (aside,) = (store.path / "quarantine").iterdir()
            aside.rename(entry)
            flip(entry / name, at, at % 8)
            tried += 1
    assert tried == sum(p.stat().st_size for p in entry.iterdir()) > 500
    assert store.get(key()) is not None


def test_damage_that_compute_finds_is_recomputed_in_one_call(
    models: Any, store: Store, entry: Path
) -> None:
    flip(entry / "model.txt", 0)
    made = store.compute(key(), make)
    assert (made.hit, made.entry.files) == (False, FILES)
    assert [e.event for e in models.events] == ["cache_corrupt", "cache_miss"]


# --- what may pass --------------------------------------------------------------------------


def test_a_store_is_not_damaged_because_a_process_has_too_many_open_files(
    models: Any, store: Store, entry: Path
) -> None:
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, limits[1]))
    held = []
    try:
        with suppress(OSError):
            while True:
                held.append(os.open(os.devnull, os.O_RDONLY))
        with pytest.raises(StoreError, match="Too many open files") as caught:
            store.compute(key(), never)
    finally:
        for descriptor in held:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert caught.value.code == "store_unreadable"
    assert store.compute(key(), never).hit
    assert [event.event for event in models.events] == ["cache_hit"]


@pytest.mark.parametrize("name", ["model.txt", "manifest.json", "manifest.sha256", "key.json"])
@pytest.mark.parametrize("code", ["EMFILE", "ENFILE", "EIO", "ENOMEM", "EACCES", "ESTALE"])
def test_a_file_that_the_system_refuses_to_read_may_be_sound_and_stays(
    code: str, name: str, models: Any, store: Store, entry: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = getattr(errno, code)
    opened = os.open

    def refuse(path: Any, *args: Any, **kwargs: Any) -> int:
        if os.fspath(path) == str(entry / name):
            raise OSError(number, os.strerror(number), str(path))
        return opened(path, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", refuse)
        for ask in (
            lambda: store.get(key()),
            lambda: store.compute(key(), never),
            lambda: store.put(key(), FACTS, FILES),
        ):
            with pytest.raises(StoreError, match=os.strerror(number)) as caught:
                ask()
            assert caught.value.code == "store_unreadable"
            assert str(entry) in str(caught.value)
        with pytest.raises(BundleError, match=os.strerror(number)) as refused:
            bundle.read(entry)
        assert refused.value.code == "bundle_unreadable"
        assert os.strerror(number) in store.verify()[entry.name]
        other = store.compute(key(seed=1), make)  # and others can be used
        assert not other.hit
        assert len(store.ls()) == 2
    assert store.compute(key(), never).hit
    assert not list((store.path / "quarantine").iterdir())
    assert "cache_corrupt" not in [event.event for event in models.events]


def test_a_key_that_the_system_refuses_to_read_is_not_said_to_be_absent(
    store: Store, entry: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> int:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(StoreError) as caught:
        store.key(entry.name)
    assert caught.value.code == "store_unreadable"


# --- what is told ---------------------------------------------------------------------------


def test_hits_and_misses_are_told_with_the_reason(models: Any, store: Store) -> None:
    log = RunLog("run-1", "model", "logreg", {"symbol": "ES", "fold": "3"})
    store.compute(key(), make, log=log)
    store.compute(key(), never, log=log)
    store.compute(key(seed=1), make, log=log)
    first, hit, miss = models.events
    assert [e.event for e in models.events] == ["cache_miss", "cache_hit", "cache_miss"]
    assert {(e.run_id, e.kind, e.model, e.symbol, e.fold) for e in models.events} == {
        ("run-1", "model", "logreg", "ES", "3")
    }
    assert (first.nearest, first.differs) == (None, [])
    assert "no other entry" in first.reason
    assert (hit.key, hit.size_bytes) == (key().digest, 7)
    assert Path(hit.path).is_dir()
    assert 0 <= hit.seconds < 10
    assert (miss.nearest, miss.differs) == (key().digest, ["seed"])
    assert miss.reason == "the nearest entry of the kind 'model' differs in seed"


def test_without_a_run_the_kind_is_told(models: Any, store: Store) -> None:
    store.compute(key(kind="ensemble"), make)
    (miss,) = models.events
    assert (miss.kind, miss.run_id, miss.model) == ("ensemble", None, None)
    assert json.loads(json.dumps(miss.as_dict())) == miss.as_dict()


def test_a_reason_names_five_parts_and_the_event_all(models: Any, store: Store) -> None:
    store.compute(key(many={f"p{i}": 0 for i in range(9)}), make)
    store.compute(key(many={f"p{i}": 1 for i in range(9)}), make)
    assert models.events[-1].differs == [f"many.p{i}" for i in range(9)]
    assert models.events[-1].reason.endswith("many.p3, many.p4, ...")


# --- explain --------------------------------------------------------------------------------


def test_explain_compares_keys_and_entries(store: Store, entry: Path) -> None:
    other = key(seed=1)
    assert [tuple(d) for d in store.explain(key(), other)] == [("seed", "0", "1")]
    assert store.explain(entry.name[:8], other) == store.explain(key(), other)
    assert store.explain(other) == store.explain(other, key())
    assert store.explain(key()) == []


@pytest.mark.parametrize("digest", ["0", "", "../..", "zzzz"])
def test_a_key_that_is_not_there_is_told(store: Store, entry: Path, digest: str) -> None:
    with pytest.raises(StoreError) as caught:
        store.explain(digest)
    assert caught.value.code == "key_not_found"


def test_an_ambiguous_key_is_told(store: Store, entry: Path) -> None:
    twin = entry.with_name(entry.name[:-1] + ("0" if entry.name[-1] != "0" else "1"))
    shutil.copytree(entry, twin)
    with pytest.raises(StoreError, match="2 entries") as caught:
        store.explain(entry.name[:10])
    assert caught.value.code == "key_ambiguous"


# --- listing, verifying, making room --------------------------------------------------------


def use_at(store: Store, seed: int, when: int) -> str:
    """Put an entry and have it used at this second; return its digest."""
    path = store.put(key(seed=seed), FACTS, {"model.bin": bytes(10_000)})
    os.utime(path, (when, when))
    return path.name


def test_entries_are_listed_by_last_use(store: Store) -> None:
    old, new = use_at(store, 1, 1000), use_at(store, 2, 2000)
    assert [e.digest for e in store.ls()] == [new, old]
    assert {e.kind for e in store.ls()} == {"model"}
    assert store.ls()[1].used_ns == 1000 * 10**9
    assert all(e.size_bytes > 10_000 for e in store.ls())
    store.get(key(seed=1))
    assert [e.digest for e in store.ls()] == [old, new]
    assert abs(store.ls()[0].used_ns / 1e9 - time.time()) < 60


def test_a_listing_shows_damaged_entries_too(store: Store, entry: Path) -> None:
    (entry / "key.json").write_text("{}")
    assert [(e.digest, e.kind) for e in store.ls()] == [(entry.name, None)]


def test_verify_changes_nothing(store: Store, entry: Path) -> None:
    sound = use_at(store, 1, 1000)
    flip(entry / "model.txt", 0)
    (fault,) = store.verify().values()
    assert "model.txt" in fault
    assert names(store) == sorted([entry.name, sound])
    assert store.ls()[1].used_ns == 1000 * 10**9


def test_gc_deletes_the_least_recently_used_until_the_rest_fit(store: Store) -> None:
    digests = [use_at(store, seed, 1000 + seed) for seed in range(5)]
    store.get(key(seed=0))
    size = store.ls()[0].size_bytes
    done = store.gc(max_bytes=3 * size + 100)
    assert done.evicted == (digests[1], digests[2])
    assert done.freed_bytes == pytest.approx(2 * size, rel=0.01)
    assert names(store) == sorted([digests[0], digests[3], digests[4]])
    assert done.kept_bytes == sum(e.size_bytes for e in store.ls())
    assert store.verify() == {}


def test_gc_without_a_size_deletes_no_entry(store: Store, entry: Path) -> None:
    assert store.gc().evicted == ()
    assert names(store) == [entry.name]
    assert store.gc(max_bytes=0).evicted == (entry.name,)
    assert store.ls() == []


def test_an_entry_in_use_is_not_evicted(store: Store, entry: Path) -> None:
    with hold(store.path / "locks" / f"{entry.name}.lock"):
        done = store.gc(max_bytes=0)
        assert (done.evicted, done.in_use) == ((), (entry.name,))
    assert names(store) == [entry.name]
    assert store.gc(max_bytes=0).evicted == (entry.name,)


def test_a_bounded_store_makes_room_and_keeps_what_is_new(tmp_path: Path) -> None:
    store = Store(tmp_path / "store", max_bytes=25_000)
    first, second = use_at(store, 1, 1000), use_at(store, 2, 2000)
    third = store.compute(key(seed=3), lambda: (FACTS, {"model.bin": bytes(10_000)}))
    assert names(store) == sorted([second, third.entry.key.digest])
    assert first not in names(store)
    huge = store.compute(key(seed=4), lambda: (FACTS, {"model.bin": bytes(100_000)}))
    assert names(store) == [huge.entry.key.digest]
    assert store.get(key(seed=4)) is not None


def test_gc_deletes_quarantined_entries_and_locks_of_nothing(store: Store, entry: Path) -> None:
    flip(entry / "model.txt", 0)
    store.get(key())
    kept = store.put(key(seed=1), FACTS, FILES)
    done = store.gc()
    assert (done.quarantined, list((store.path / "quarantine").iterdir())) == (1, [])
    assert [p.name for p in (store.path / "locks").iterdir()] == [f"{kept.name}.lock"]
    assert not store.compute(key(), make).hit


def test_gc_deletes_leftovers_only_of_those_who_are_gone(store: Store, entry: Path) -> None:
    dead = entry.with_name(f".{key(seed=1).digest}.new-abc")
    alive = entry.with_name(f".{key(seed=2).digest}.new-abc")
    for path in (dead, alive):
        path.mkdir()
        (path / "model.txt").write_bytes(b"half")
    with hold(store.path / "locks" / f"{key(seed=2).digest}.lock"):
        assert store.gc().leftovers == 1
    assert (dead.exists(), alive.exists()) == (False, True)
    assert names(store) == [entry.name]
    assert store.gc().leftovers == 1
    assert not alive.exists()


def test_gc_touches_nothing_that_is_not_its_own(store: Store, entry: Path) -> None:
    others = [
        entry.parent / "notes.txt",
        entry.parent / ".notes",
        store.path / "thesis.txt",
        store.path / "locks" / "other.lock",
    ]
    for path in others:
        path.write_text("years of work")
    store.gc(max_bytes=0)
    assert all(path.read_text() == "years of work" for path in others)


# --- what is no store -----------------------------------------------------------------------


def test_a_folder_of_something_else_is_never_taken_for_a_store(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(StoreError, match=r"thesis\.txt") as caught:
        Store(tmp_path)
    assert caught.value.code == "store_invalid"
    with pytest.raises(StoreError, match="no folder"):
        Store(tmp_path / "thesis.txt")
    with pytest.raises(StoreError) as caught:
        Store.existing(tmp_path / "nothing")
    assert caught.value.code == "store_not_found"


@pytest.mark.parametrize("marker", ['{"format": "cvn-store", "version": 2}', "", "[]", "{"])
def test_a_store_of_another_version_is_not_touched(store: Store, entry: Path, marker: str) -> None:
    (store.path / "cvn-store.json").write_text(marker)
    with pytest.raises(StoreError, match="version 1") as caught:
        Store(store.path)
    assert caught.value.code == "store_invalid"


@pytest.mark.parametrize("size", [-1, 1.5, True, "1G"])
def test_a_bound_that_is_no_size_is_refused(store: Store, entry: Path, size: Any) -> None:
    with pytest.raises(InputError, match="max_bytes"):
        Store(store.path, max_bytes=size)
    with pytest.raises(InputError, match="max_bytes"):
        store.gc(max_bytes=size)
    assert names(store) == [entry.name]


def test_eight_threads_that_ask_for_one_key_make_it_once(store: Store) -> None:
    made = []

    def slowly() -> tuple[dict[str, Any], dict[str, bytes]]:
        made.append(1)
        time.sleep(0.2)
        return FACTS, FILES

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: store.compute(key(), slowly), range(8)))
    assert made == [1]
    assert sorted(answer.hit for answer in answers) == [False] + [True] * 7


def test_a_store_that_two_make_at_once_is_one(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda i: Store(tmp_path / "s").put(key(seed=i), FACTS, FILES), range(8)))
    assert len(Store(tmp_path / "s").ls()) == 8


def test_the_result_of_compute_has_names(store: Store) -> None:
    entry, hit = store.compute(key(), make)
    assert Computed(entry, hit).hit is False
