"""The budget of this process tree, what one fit needs of it, and what happens without enough."""

from __future__ import annotations

import errno
import json
import resource
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from joblib import cpu_count

from cvn_harness_core import Datasets, HPOParams, InputError, train_one
from cvn_harness_core.resources.budget import Budget
from cvn_harness_core.resources.cgroup import memory_left
from cvn_harness_core.resources.exhausted import is_out_of_memory, memory_limited
from cvn_harness_core.resources.peak import peak_memory
from cvn_harness_core.resources.size import bytes_of, readable
from cvn_harness_core.resources.workers import MARGIN, worker_count

M, G = 1 << 20, 1 << 30


def machine(
    root: Path,
    *,
    available: int | None = 16 * G,
    held: int = 0,
    cgroup: str = "",
    mounts: str = "",
    **files: Any,
) -> Path:
    """Lay out /proc and the control groups of a machine under ``root``."""
    contents = {
        "proc/self/status": f"Name:\tpython\nVmHWM:\t{held // 1024} kB\nVmRSS:\t{held // 1024} kB",
        "proc/self/cgroup": cgroup,
        "proc/self/mountinfo": mounts,
        **files,
    }
    if available is not None:
        contents["proc/meminfo"] = f"MemTotal: 1 kB\nMemAvailable:   {available // 1024} kB\n"
    for name, text in contents.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(str(text))
    return root


def v2(folder: str, limit: Any, used: int, cache: int = 0) -> dict[str, Any]:
    return {
        f"sys/fs/cgroup{folder}/memory.max": f"{limit}\n",
        f"sys/fs/cgroup{folder}/memory.current": f"{used}\n",
        f"sys/fs/cgroup{folder}/memory.stat": f"anon 5\ninactive_file {cache}\nfile 9\n",
    }


def v1(folder: str, limit: int, used: int, cache: int = 0) -> dict[str, Any]:
    top = f"sys/fs/cgroup/memory{folder}"
    return {
        f"{top}/memory.limit_in_bytes": f"{limit}\n",
        f"{top}/memory.usage_in_bytes": f"{used}\n",
        f"{top}/memory.stat": f"inactive_file 1\ntotal_inactive_file {cache}\n",
    }


MOUNT_V2 = "31 23 0:28 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw\n"
MOUNT_V1 = "35 31 0:32 {top} /sys/fs/cgroup/memory rw shared:9 - cgroup cgroup rw,memory\n"
OTHER_V1 = "32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"


# --- control groups -------------------------------------------------------------------------


def test_a_group_leaves_its_limit_less_what_it_uses(tmp_path: Path) -> None:
    files = v2("/job", 4 * G, 3 * G, cache=G)
    machine(tmp_path, cgroup="0::/job\n", mounts=MOUNT_V2, **files)
    assert memory_left(tmp_path) == 2 * G


def test_a_group_above_may_leave_less(tmp_path: Path) -> None:
    files = {
        **v2("", "max", 9 * G),
        **v2("/slice", 4 * G, 3 * G),
        **v2("/slice/job", "max", G),
    }
    machine(tmp_path, cgroup="0::/slice/job\n", mounts=MOUNT_V2, **files)
    assert memory_left(tmp_path) == G


def test_a_group_over_its_limit_leaves_nothing(tmp_path: Path) -> None:
    machine(tmp_path, cgroup="0::/job\n", mounts=MOUNT_V2, **v2("/job", G, 2 * G))
    assert memory_left(tmp_path) == 0


def test_no_limit_is_none_and_not_infinite(tmp_path: Path) -> None:
    machine(tmp_path, cgroup="0::/job\n", mounts=MOUNT_V2, **v2("/job", "max", 2 * G))
    assert memory_left(tmp_path) is None
    assert memory_left(tmp_path / "a machine without control groups") is None


def test_a_container_of_version_2_sees_its_own_group_at_the_top(tmp_path: Path) -> None:
    machine(tmp_path, cgroup="0::/../other\n", mounts=MOUNT_V2, **v2("", 2 * G, G))
    assert memory_left(tmp_path) == G


def test_version_1_beside_an_empty_version_2(tmp_path: Path) -> None:
    mounts = OTHER_V1 + MOUNT_V1.format(top="/") + MOUNT_V2.replace("cgroup rw", "unified rw")
    files = {**v1("", 1 << 62, 8 * G), **v1("/a", 2 * G, G, cache=G // 2), **v1("/a/b", 4 * G, G)}
    machine(tmp_path, cgroup="9:cpu:/x\n4:memory:/a/b\n0::/\n", mounts=mounts, **files)
    assert memory_left(tmp_path) == 2 * G - G // 2


def test_a_container_of_version_1_is_mounted_at_its_own_group(tmp_path: Path) -> None:
    mounts = MOUNT_V1.format(top="/docker/abc")
    files = {**v1("", 2 * G, G), **v1("/inner", 3 * G, 0)}
    machine(tmp_path, cgroup="4:memory:/docker/abc/inner\n", mounts=mounts, **files)
    assert memory_left(tmp_path) == G


# --- budget ---------------------------------------------------------------------------------


def test_memory_is_the_least_of_machine_group_and_cap(tmp_path: Path) -> None:
    files = v2("/job", 8 * G, 2 * G)
    root = machine(tmp_path, held=G, cgroup="0::/job\n", mounts=MOUNT_V2, **files)
    found = [Budget.current(e, root=root) for e in ({}, {"CVN_MEMORY": "4G"})]
    assert [b.memory_bytes for b in found] == [6 * G, 3 * G]
    assert "control group" in found[0].memory_source
    assert "CVN_MEMORY" in found[1].memory_source
    machine(tmp_path, available=5 * G)
    assert Budget.current({}, root=root).memory_bytes == 5 * G


def test_a_process_above_its_cap_may_take_nothing(tmp_path: Path) -> None:
    root = machine(tmp_path, held=2 * G)
    assert Budget.current({"CVN_MEMORY": "1G"}, root=root).memory_bytes == 0


def test_unknown_memory_is_none_with_a_reason(tmp_path: Path) -> None:
    budget = Budget.current({}, root=machine(tmp_path, available=None))
    assert budget.memory_bytes is None
    assert "meminfo" in budget.memory_source


@pytest.mark.parametrize(("quota", "threads"), [("50000", 1), ("100000", 1), ("max", None)])
def test_threads_are_no_more_than_the_groups_give_time_to(
    tmp_path: Path, quota: str, threads: int | None
) -> None:
    top = "sys/fs/cgroup/job"
    files = {f"{top}/cpu.max": f"{quota} 100000\n", f"{top}/step/cpu.max": "max 100000\n"}
    root = machine(tmp_path, cgroup="0::/job/step\n", mounts=MOUNT_V2, **files)
    assert Budget.current({}, root=root).threads == (threads or cpu_count())


def test_this_machine_has_a_budget() -> None:
    budget = Budget.current({})
    assert budget.threads == cpu_count()
    assert budget.memory_bytes is not None
    assert budget.memory_bytes > 0


@pytest.mark.parametrize(("given", "threads"), [("1", 1), (" 1 ", 1), ("", None), ("999", None)])
def test_threads_are_capped_and_never_more_than_the_cores(given: str, threads: int | None) -> None:
    assert Budget.current({"CVN_THREADS": given}).threads == (threads or cpu_count())


@pytest.mark.parametrize("variable", ["CVN_THREADS", "CVN_MEMORY"])
@pytest.mark.parametrize("given", ["0", "-1", "many", "8 G B", "nan", "inf"])
def test_a_variable_that_is_no_figure_is_an_error(variable: str, given: str) -> None:
    with pytest.raises(InputError, match=f"{variable} is") as caught:
        Budget.current({variable: given})
    assert caught.value.code == "setting_invalid"


def test_children_inherit_equal_shares() -> None:
    share = Budget(8, 4 * G, "a test").share(3)
    assert share == {"CVN_THREADS": "2", "CVN_MEMORY": str(4 * G // 3)}
    assert Budget(8, None, "unknown").share(8) == {"CVN_THREADS": "1"}
    child = Budget.current({"CVN_THREADS": "1", "CVN_MEMORY": str(4 * G // 3)})
    assert (child.threads, child.memory_bytes and child.memory_bytes < 4 * G // 3) == (1, True)
    with pytest.raises(InputError, match="processes is 9"):
        Budget(8, None, "unknown").share(9)


def test_fits_take_their_threads_from_the_budget(
    datasets: Datasets, models: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CVN_THREADS", "1")
    assert train_one("weighted", datasets).n_threads == 1
    monkeypatch.setenv("CVN_THREADS", "all")
    with pytest.raises(InputError, match="CVN_THREADS is 'all'"):
        train_one("weighted", datasets)


@pytest.mark.parametrize(
    ("text", "size"), [("500M", 500 * M), ("8g", 8 * G), ("2GB", 2 * G), ("1.5K", 1536), ("7", 7)]
)
def test_sizes_are_read_as_people_write_them(text: str, size: int) -> None:
    assert bytes_of(text) == size


def test_sizes_are_written_as_people_read_them() -> None:
    assert [readable(n) for n in (0, 512, 1536, 8 * G)] == ["0 B", "512 B", "1.5 KiB", "8 GiB"]


# --- workers --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("threads", "memory", "n_threads", "peak", "limit", "expected"),
    [
        (8, None, 1, None, None, 8),
        (8, None, 3, None, None, 2),
        (8, None, 1, None, 5, 5),
        (2, None, 4, None, None, 1),
        (8, 10 * G, 1, 2 * G, None, 4),
        (8, 1 * G, 1, 2 * G, None, 1),
        (8, 0, 1, 2 * G, None, 1),
        (8, 1 * G, 1, None, None, 8),
        (8, None, 1, 2 * G, None, 8),
        (8, 1 * G, 1, 0, None, 8),
    ],
)
def test_workers_by_threads_memory_and_limit(
    threads: int,
    memory: int | None,
    n_threads: int,
    peak: int | None,
    limit: int | None,
    expected: int,
) -> None:
    assert worker_count(Budget(threads, memory, "a test"), n_threads, peak, limit) == expected


@given(
    threads=st.integers(1, 256),
    memory=st.none() | st.integers(0, 1 << 45),
    n_threads=st.integers(1, 256),
    peak=st.none() | st.integers(0, 1 << 45),
    limit=st.none() | st.integers(1, 1000),
)
def test_more_than_one_worker_fits_into_the_budget(
    threads: int, memory: int | None, n_threads: int, peak: int | None, limit: int | None
) -> None:
    n = worker_count(Budget(threads, memory, "a test"), n_threads, peak, limit)
    assert n >= 1
    if n > 1:
        assert n * n_threads <= threads
        assert limit is None or n <= limit
        assert memory is None or peak is None or n * peak * MARGIN <= memory * (1 + 1e-9)


@pytest.mark.parametrize("wrong", [{"n_threads": 0}, {"limit": 0}, {"peak_bytes": -1}])
def test_figures_of_workers_are_checked(wrong: dict[str, int]) -> None:
    with pytest.raises(InputError):
        worker_count(Budget(2, None, "a test"), **{"n_threads": 1, "peak_bytes": None, **wrong})


# --- peak -----------------------------------------------------------------------------------


def touch(megabytes: int) -> Any:
    return np.ones(megabytes * M, dtype=np.int8)


def test_the_peak_of_work_that_let_go_of_its_memory() -> None:
    touch(150)  # an earlier and higher peak
    with peak_memory() as peak:
        touch(64)
    assert peak.reason is None
    assert peak.at_once == 1
    assert peak.growth_bytes == pytest.approx(64 * M, abs=8 * M)


def test_a_nested_block_does_not_disturb_the_outer() -> None:
    with peak_memory() as outer:
        touch(96)
        with peak_memory() as inner:
            touch(32)
    assert outer.growth_bytes == pytest.approx(96 * M, abs=8 * M)
    assert inner.growth_bytes == pytest.approx(32 * M, abs=8 * M)
    assert (outer.at_once, inner.at_once) == (1, 1)


def test_pieces_at_once_share_the_growth() -> None:
    both, peaks = threading.Barrier(2), []

    def work() -> None:
        with peak_memory() as peak:
            both.wait(30)
            kept = touch(64)
            both.wait(30)
            del kept
        peaks.append(peak)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [peak.at_once for peak in peaks] == [2, 2]
    for peak in peaks:
        assert peak.growth_bytes == pytest.approx(64 * M, abs=8 * M)


def test_a_peak_is_complete_when_the_work_is_over_or_failed() -> None:
    with peak_memory() as peak:
        assert peak.growth_bytes is None
        assert peak.reason == "the work is not over"
    assert peak.peak_bytes is not None
    with pytest.raises(ZeroDivisionError), peak_memory() as failed:
        1 / 0  # noqa: B018
    assert failed.peak_bytes is not None


def test_a_peak_that_cannot_be_reset_is_none_with_a_reason(tmp_path: Path) -> None:
    with peak_memory(machine(tmp_path / "a", held=M) / "none") as nowhere:
        pass
    (tmp_path / "a/proc/self/status").write_text("VmHWM: 90000 kB\nVmRSS: 5000 kB\n")
    with peak_memory(tmp_path / "a") as stuck:
        pass
    for peak, why in ((nowhere, "does not let"), (stuck, "did not reset")):
        assert (peak.peak_bytes, peak.growth_bytes) == (None, None)
        assert peak.reason is not None
        assert why in peak.reason


# --- out of memory --------------------------------------------------------------------------


def caused(by: BaseException, *, error: Exception | None = None) -> Exception:
    top = error or RuntimeError("the fit failed")
    top.__cause__ = by
    return top


def test_what_numpy_raises_is_out_of_memory() -> None:
    with pytest.raises(MemoryError) as caught:
        np.ones(1 << 55, dtype=np.int8)
    assert is_out_of_memory(caught.value)


SAID = [
    MemoryError(),
    OSError(errno.ENOMEM, "Cannot allocate memory"),
    RuntimeError("std::bad_alloc"),
    RuntimeError("cxxrt::bad_alloc"),
    RuntimeError("[02:27:16] io.h:362: bad_malloc: Failed to allocate 65552 bytes."),
    RuntimeError("Unable to allocate 7.45 GiB for an array with shape (1000000000,)"),
    caused(caused(MemoryError())),
    ExceptionGroup("two folds", [ValueError("x"), MemoryError()]),
]
NOT_SAID = [
    RuntimeError("the fit failed"),
    ValueError("memory_budget must be positive"),
    OSError(errno.ENOSPC, "No space left on device"),
    KeyboardInterrupt(),
]


@pytest.mark.parametrize("error", SAID, ids=repr)
def test_errors_that_say_so(error: BaseException) -> None:
    assert is_out_of_memory(error)


@pytest.mark.parametrize("error", NOT_SAID, ids=repr)
def test_errors_that_do_not_say_so(error: BaseException) -> None:
    assert not is_out_of_memory(error)


def test_only_contexts_that_a_traceback_shows_count() -> None:
    error = RuntimeError("afterwards")
    error.__context__ = MemoryError()
    assert is_out_of_memory(error)
    error.__suppress_context__ = True
    assert not is_out_of_memory(error)


def test_a_circle_of_causes_ends() -> None:
    first, second = RuntimeError("a"), RuntimeError("b")
    first.__cause__, second.__cause__ = second, first
    assert not is_out_of_memory(first)


def soft() -> int:
    return resource.getrlimit(resource.RLIMIT_DATA)[0]


def test_an_allocation_beyond_the_limit_is_refused_and_the_limit_ends() -> None:
    before = soft()
    with memory_limited(64 * M):
        touch(32)
    with pytest.raises(MemoryError), memory_limited(64 * M):
        touch(128)
    assert soft() == before
    touch(128)


def test_no_limit_where_the_budget_is_unknown() -> None:
    before = soft()
    with memory_limited(None):
        assert soft() == before


def test_the_least_of_overlapping_limits_holds_whoever_ends_first() -> None:
    before = soft()
    small, large = memory_limited(G), memory_limited(2 * G)
    large.__enter__()
    wide = soft()
    small.__enter__()
    narrow = soft()
    assert narrow < wide
    large.__exit__(None, None, None)
    assert soft() == narrow
    small.__exit__(None, None, None)
    assert soft() == before


def test_mapped_files_do_not_count(tmp_path: Path) -> None:
    np.save(tmp_path / "big.npy", touch(128))
    with memory_limited(32 * M):
        mapped = np.load(tmp_path / "big.npy", mmap_mode="r")
        assert int(mapped.sum(dtype=np.int64)) == 128 * M


CALLERS_LIMIT = """
import resource
from cvn_harness_core.resources.exhausted import memory_limited
resource.setrlimit(resource.RLIMIT_DATA, (1 << 30, 2 << 30))
with memory_limited(1 << 40):
    assert resource.getrlimit(resource.RLIMIT_DATA) == (1 << 30, 2 << 30)
with memory_limited(1 << 20):
    assert resource.getrlimit(resource.RLIMIT_DATA)[0] < 1 << 30
assert resource.getrlimit(resource.RLIMIT_DATA) == (1 << 30, 2 << 30)
"""


def test_a_stricter_limit_of_the_callers_stays(run_python: Any) -> None:
    done = run_python(CALLERS_LIMIT)
    assert done.returncode == 0, done.stderr


FIT = """
import json
import numpy as np
from cvn_harness_core import Datasets, FitError, HPOParams, train_one
from cvn_harness_core.resources.exhausted import memory_limited

def data(n):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 2))
    part = (X, (X[:, 0] + rng.normal(size=n) > 0).astype(int))
    return Datasets.from_arrays(part, part, part, feature_names=["a", "b"])

def fit(n):
    return train_one("faulty", data(n), HPOParams(params={"fault": "keeps_all_pairs"}))

fit(300)  # whatever is imported and kept once
with memory_limited(128 << 20):
    try:
        fit(10_000)
    except FitError as error:
        failed = error
    artifact = fit(300)
print(json.dumps({
    "code": failed.code, "message": failed.message, "cause": type(failed.__cause__).__name__,
    "after": artifact.name,
}))
"""


def test_a_fit_out_of_memory_has_a_code_and_the_process_lives_on(run_python: Any) -> None:
    done = run_python(FIT, env={"CVN_MEMORY": "3G"})
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["code"] == "out_of_memory"
    assert report["cause"] in {"MemoryError", "_ArrayMemoryError"}
    assert report["after"] == "faulty"
    for part in ("'fitted'", "MemoryError", "Free now", "GiB", "CVN_MEMORY"):
        assert part in report["message"]
    assert "unknown" not in report["message"]


@pytest.mark.parametrize("variable", ["CVN_MEMORY", "CVN_THREADS"])
def test_a_variable_that_is_no_figure_is_told_before_a_fit(
    models: Any, datasets: Datasets, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, "plenty")
    with pytest.raises(InputError, match=f"{variable} is 'plenty'") as raised:
        train_one("logreg", datasets, HPOParams(n_threads=1))
    assert raised.value.code == "setting_invalid"
    assert models.fits == []
