"""`cvn doctor`: what it says of sound and broken machines, and that it changes nothing."""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import xgboost

from cvn_harness_core import Store, key_of, survey_store
from cvn_harness_core.resources.budget import Budget
from cvn_harness_core.store.layout import Layout
from cvn_harness_core.store.locks import hold
from cvn_orchestrator.doctor import memory, threads
from cvn_orchestrator.doctor.examination import SUBJECTS
from cvn_orchestrator.doctor.finding import Asked, Finding
from cvn_orchestrator.results import migrating
from cvn_orchestrator.results.database import open_results

from .command import cvn

CVN = Path(sys.executable).with_name("cvn")
THREADS = Budget.current().threads


def doctor(*arguments: str | Path, cwd: Path, **env: str) -> tuple[int, dict[str, dict[str, Any]]]:
    """Return the exit code, and the findings by what was checked."""
    env = {"OMP_NUM_THREADS": str(THREADS), **env}
    done = cvn("doctor", "--json", *arguments, cwd=cwd, **env)
    assert done.stderr == ""
    document = json.loads(done.stdout)
    rows = {row["check"]: row for row in document["findings"]}
    assert len(rows) == len(document["findings"])
    worst = max((row["status"] for row in rows.values()), key=["ok", "warning", "problem"].index)
    assert document["status"] == worst
    for row in rows.values():
        assert row["status"] in ("ok", "warning", "problem")
        assert (row["advice"] is None) == (row["status"] == "ok"), row
        assert "\n" not in f"{row['found']}{row['advice']}"
    assert done.returncode == (1 if worst == "problem" else 0)
    return done.returncode, rows


def tree(folder: Path) -> dict[str, tuple[int, bytes | None]]:
    """Every file and folder below one, with its time and its bytes."""
    return {
        str(p.relative_to(folder)): (p.stat().st_mtime_ns, p.read_bytes() if p.is_file() else None)
        for p in sorted(folder.rglob("*"))
    }


# --- a sound machine ------------------------------------------------------------------------


def test_a_sound_machine_has_no_problem_and_nothing_is_made(tmp_path: Path) -> None:
    code, rows = doctor(cwd=tmp_path)
    assert code == 0
    assert {row["subject"] for row in rows.values()} == set(SUBJECTS)
    assert rows["threads"]["facts"]["budget"] == THREADS
    assert rows["plugins"]["facts"]["model"] == ["catboost", "lightgbm", "xgboost"]
    assert rows["store"]["facts"] == {"path": ".cvn-store", "exists": False}
    assert "store writing" not in rows
    assert rows["results"]["facts"] == {"schema": None}
    assert list(tmp_path.iterdir()) == []


def test_libraries_are_those_that_would_be_imported(tmp_path: Path) -> None:
    _, rows = doctor(cwd=tmp_path)
    known = rows["cvn-model-xgboost"]["facts"]["libraries"]["xgboost"]
    assert known["version"] == xgboost.__version__
    assert known["provider"] in (None, "xgboost-cpu")
    for name in ("cvn-harness-core", "cvn-orchestrator", "cvn-model-lightgbm", "cvn-ensembles"):
        assert rows[name]["status"] == "ok", rows[name]
    assert "optuna" in rows["cvn-harness-core"]["facts"]["libraries"], "an extra that is asked for"
    assert "venn-abers" not in rows["cvn-harness-core"]["facts"]["libraries"]


def test_people_get_a_table_of_80_columns_and_the_count(tmp_path: Path) -> None:
    done = cvn("doctor", cwd=tmp_path, OMP_NUM_THREADS="9999")
    assert done.returncode == 0, done.stdout
    table, advice, total = done.stdout.split("\n\n")
    header, *lines = table.splitlines()
    assert header.split() == ["status", "check", "found"]
    assert max(map(len, lines)) <= 80
    assert any(line.startswith("warning  OMP_NUM_THREADS") for line in lines)
    assert advice.splitlines() == [
        "what to do:",
        f"OMP_NUM_THREADS: export OMP_NUM_THREADS={THREADS}",
    ]
    assert total == "no problems, 1 warning\n"


def test_exit_codes_are_in_the_help(tmp_path: Path) -> None:
    said = cvn("doctor", "--help", cwd=tmp_path)
    assert "exit codes: 0 no problem" in said.stdout
    assert cvn("doctor", "--stor", cwd=tmp_path).returncode == 2


# --- what is installed ----------------------------------------------------------------------


def distribution(
    home: Path, name: str, *needs: str, entry: str = "[cvn_harness.models.v1]\n{name} = {name}\n"
) -> Path:
    """Make what an installed distribution leaves, without any code."""
    info = home / f"{name.replace('-', '_')}-1.0.dist-info"
    info.mkdir()
    lines = ["Metadata-Version: 2.1", f"Name: {name}", "Version: 1.0"]
    lines += [f"Requires-Dist: {need}" for need in needs]
    (info / "METADATA").write_text("\n".join(lines) + "\n")
    (info / "entry_points.txt").write_text(entry.format(name=name))
    return info


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder whose distributions count as installed."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    return folder


@pytest.mark.parametrize(
    ("entry", "check", "status", "found", "advice"),
    [
        (
            "[cvn_harness.models.v1]\nlightgbm = rival\n",
            "lightgbm",
            "problem",
            "conflict: cvn-model-lightgbm and rival both offer the model 'lightgbm'",
            "uninstall one, or block it",
        ),
        (
            "[cvn_harness.models.v2]\nrival = rival\n",
            "rival",
            "problem",
            "it is written for contract v2",
            "install a release of rival for v1",
        ),
        (
            "[cvn_harness.models.v1]\nrival = not a module\n",
            "rival",
            "problem",
            "its entry point 'not a module' is not of the form",
            "pip install --upgrade rival, or uninstall it",
        ),
    ],
)
def test_a_plugin_that_cannot_be_used_is_a_problem(
    entry: str, check: str, status: str, found: str, advice: str, site: Path, tmp_path: Path
) -> None:
    distribution(site, "rival", entry=entry)
    done = cvn("doctor", "--json", cwd=tmp_path)
    assert done.returncode == 1
    rows = [r for r in json.loads(done.stdout)["findings"] if r["subject"] == "plugins"]
    told = [r for r in rows if r["check"] == check]
    assert told
    for row in told:
        assert row["status"] == status
        assert found in row["found"]
        assert advice in row["advice"]


def test_a_blocked_plugin_is_what_somebody_wanted(tmp_path: Path) -> None:
    code, rows = doctor(cwd=tmp_path, CVN_PLUGINS_BLOCK="catboost")
    assert code == 0
    assert rows["catboost"]["status"] == "warning"
    assert rows["catboost"]["advice"] == "take it off to use it"
    assert rows["plugins"]["facts"]["model"] == ["lightgbm", "xgboost"]


def test_a_listed_name_that_nothing_has_is_a_warning(tmp_path: Path) -> None:
    code, rows = doctor(cwd=tmp_path, CVN_PLUGINS_BLOCK="catbost")
    assert (code, rows["CVN_PLUGINS_BLOCK"]["status"]) == (0, "warning")
    assert "lists 'catbost', and no installed" in rows["CVN_PLUGINS_BLOCK"]["found"]


def test_without_any_model_the_first_step_is_told(tmp_path: Path) -> None:
    _, rows = doctor(cwd=tmp_path, CVN_PLUGINS="blend_avg")
    assert rows["plugins"]["status"] == "warning"
    assert rows["plugins"]["advice"] == "pip install cvn-model-lightgbm"


@pytest.mark.parametrize(
    ("need", "found", "advice"),
    [
        ("nosuch-library>=2", "nosuch-library>=2 is not installed", '"nosuch-library>=2"'),
        ("numpy>=99", "is installed, not >=99", '"numpy>=99"'),
        ("cvn-harness-core[dag]<0.1", "is installed, not <0.1", '"cvn-harness-core[dag]<0.1"'),
        ('nosuch; python_version < "3"', None, None),
        ('nosuch; extra == "more"', None, None),
    ],
)
def test_what_a_plugin_needs_and_has_not_is_a_problem(
    need: str, found: str | None, advice: str | None, site: Path, tmp_path: Path
) -> None:
    distribution(site, "outsider", need)
    code, rows = doctor(cwd=tmp_path)
    assert code == (1 if found else 0)
    row = rows["outsider"]
    assert row["status"] == ("problem" if found else "ok")
    if found:
        assert found in row["found"]
        assert row["advice"] == f"pip install {advice}"


def test_two_distributions_in_one_package_are_told(site: Path, tmp_path: Path) -> None:
    info = distribution(site, "lightgbm-gpu", entry="")
    (info / "RECORD").write_text("lightgbm/__init__.py,,\nlightgbm/engine.py,,\n")
    code, rows = doctor(cwd=tmp_path)
    row = rows["cvn-model-lightgbm"]
    assert (code, row["status"]) == (0, "warning")
    assert "lightgbm and lightgbm-gpu are both installed" in row["found"]
    assert row["advice"].startswith("pip uninstall -y lightgbm lightgbm-gpu && pip install")
    assert rows["cvn-model-catboost"]["status"] == "ok"


def test_damaged_metadata_hide_nothing_else(site: Path, tmp_path: Path) -> None:
    (distribution(site, "outsider", "numpy >>> 3") / "RECORD").write_text("xgboost/__init__.py,,")
    (distribution(site, "hollow", entry="") / "METADATA").unlink()
    (site / "hollow-1.0.dist-info" / "RECORD").write_text("xgboost/__init__.py,,\n")
    code, rows = doctor(cwd=tmp_path)
    assert code == 1
    assert rows["outsider"]["status"] == "problem"
    assert "InvalidRequirement" in rows["outsider"]["found"]
    assert rows["cvn-model-catboost"]["status"] == "ok"
    assert rows["cvn-model-xgboost"]["facts"]["version"] == "0.1.0"


# --- threads and memory ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value", "found", "advice"),
    [
        ("OMP_NUM_THREADS", "9999", "oversubscribe", f"export OMP_NUM_THREADS={THREADS}"),
        ("OMP_NUM_THREADS", "9999,2", "oversubscribe", f"export OMP_NUM_THREADS={THREADS}"),
        ("MKL_NUM_THREADS", "9999", "oversubscribe", f"export MKL_NUM_THREADS={THREADS}"),
        ("OMP_NUM_THREADS", "all", "no number of threads", "unset OMP_NUM_THREADS"),
        ("OMP_NUM_THREADS", "0", "no number of threads", "unset OMP_NUM_THREADS"),
        ("CVN_THREADS", "9999", "never taken", f"export CVN_THREADS={THREADS}"),
    ],
)
def test_a_variable_that_oversubscribes_is_a_warning(
    name: str, value: str, found: str, advice: str, tmp_path: Path
) -> None:
    code, rows = doctor(cwd=tmp_path, **{name: value})
    row = rows["threads" if name == "CVN_THREADS" else name]
    assert (code, row["status"], row["advice"]) == (0, "warning", advice)
    assert found in row["found"]


@pytest.mark.skipif(THREADS < 2, reason="one thread starves nobody")
def test_a_variable_that_starves_xgboost_is_a_warning(tmp_path: Path) -> None:
    _, rows = doctor(cwd=tmp_path, OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
    assert rows["OMP_NUM_THREADS"]["status"] == "warning"
    assert "XGBoost takes no more than 1 a fit" in rows["OMP_NUM_THREADS"]["found"]
    assert rows["OPENBLAS_NUM_THREADS"]["status"] == "ok"
    _, rows = doctor(cwd=tmp_path, OMP_NUM_THREADS="1", CVN_THREADS="1")
    assert rows["OMP_NUM_THREADS"]["status"] == "ok"


@pytest.mark.parametrize(("name", "check"), [("CVN_THREADS", "threads"), ("CVN_MEMORY", "memory")])
def test_a_budget_that_is_none_is_a_problem_and_the_other_is_still_told(
    name: str, check: str, tmp_path: Path
) -> None:
    code, rows = doctor(cwd=tmp_path, **{name: "plenty"})
    assert code == 1
    assert rows[check]["status"] == "problem"
    assert "'plenty'" in rows[check]["found"]
    assert rows[check]["advice"] == f"unset {name}"
    other = {"threads": "memory", "memory": "threads"}[check]
    assert "plenty" not in rows[other]["found"]
    assert rows[other]["facts"]


def test_little_memory_is_told_with_what_decides(tmp_path: Path) -> None:
    code, rows = doctor(cwd=tmp_path, CVN_MEMORY="1M")
    assert (code, rows["memory"]["status"]) == (1, "problem")
    assert rows["memory"]["facts"]["free_bytes"] == 0
    assert rows["memory"]["advice"] == "raise CVN_MEMORY, or unset it"


def told(check: Any, root: Path, **environ: str) -> dict[str, Finding]:
    asked = Asked(
        Path("s"), "r", store_named=False, results_named=False, environ=environ, root=root
    )
    return {finding.check: finding for finding in check(asked)}


GROUPS = {
    "version 2, a group above": {
        "proc/self/cgroup": "0::/job/step\n",
        "proc/self/mountinfo": "30 24 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
        "sys/fs/cgroup/job/step/cpu.max": "max 100000\n",
        "sys/fs/cgroup/job/cpu.max": "50000 100000\n",
    },
    "version 1": {
        "proc/self/cgroup": "4:cpu,cpuacct:/job\n3:memory:/other\n",
        "proc/self/mountinfo": "31 24 0:27 / /sys/fs/cgroup/cpu rw - cgroup c rw,cpu,cpuacct\n",
        "sys/fs/cgroup/cpu/job/cpu.cfs_quota_us": "50000\n",
        "sys/fs/cgroup/cpu/job/cpu.cfs_period_us": "100000\n",
        "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
        "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
    },
    "a group outside the mount": {
        "proc/self/cgroup": "0::/../elsewhere\n",
        "proc/self/mountinfo": "30 24 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
        "sys/fs/cgroup/cpu.max": "50000 100000\n",
    },
}


@pytest.mark.parametrize("kind", GROUPS)
def test_the_budget_is_what_a_control_group_gives(kind: str, tmp_path: Path) -> None:
    for name, text in GROUPS[kind].items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    row = told(threads.check, tmp_path)["threads"]
    assert (row.status, row.facts["cgroup_cores"], row.facts["budget"]) == ("ok", 0.5, 1)
    assert told(threads.check, tmp_path / "none")["threads"].facts["cgroup_cores"] is None


def test_memory_that_the_kernel_does_not_tell_is_a_warning(tmp_path: Path) -> None:
    row = told(memory.check, tmp_path)["memory"]
    assert row.status == "warning"
    assert "not known" in row.found


def test_a_limit_on_the_process_is_told(tmp_path: Path) -> None:
    limit = 8 << 30
    code = (
        "import resource, sys\n"
        f"resource.setrlimit(resource.RLIMIT_DATA, ({limit}, {limit}))\n"
        "from cvn_orchestrator.cli import main\nsys.exit(main(['doctor', '--json']))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    rows = {row["check"]: row for row in json.loads(done.stdout)["findings"]}
    assert rows["RLIMIT_DATA"]["status"] == "warning"
    assert rows["RLIMIT_DATA"]["facts"] == {"bytes": limit}
    assert rows["RLIMIT_DATA"]["advice"] == "ulimit -d unlimited"


# --- the store ------------------------------------------------------------------------------


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / ".cvn-store")
    for seed in range(3):
        store.put(key_of("model", {"seed": seed}), {}, {"model.txt": bytes(5000)})
    return store


def test_a_sound_store_is_tried_and_left_as_it_was(store: Store, tmp_path: Path) -> None:
    before = tree(store.path)
    code, rows = doctor(cwd=tmp_path)
    assert code == 0
    assert rows["store"]["facts"]["entries"] == 3
    assert rows["store writing"]["status"] == "ok"
    assert rows["store entries"]["found"] == "3 of 3 read, 0 damaged"
    assert rows["store disk"]["facts"]["free_bytes"] > 0
    assert tree(store.path) == before


@pytest.mark.parametrize("by", ["option", "variable"])
def test_a_store_that_is_not_there_is_not_made(by: str, tmp_path: Path) -> None:
    where = tmp_path / "deep" / "store"
    given = ["--store", where] if by == "option" else []
    code, rows = doctor(*given, cwd=tmp_path, CVN_STORE="/no" if given else str(where))
    assert code == 0
    assert rows["store"]["facts"] == {"path": str(where), "exists": False}
    assert rows["store writing"]["status"] == "ok"
    assert list(tmp_path.iterdir()) == []


def test_a_store_that_is_a_file_or_something_else_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("years of work")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "thesis.txt").write_text("years of work")
    before = tree(tmp_path)
    for name, said in {
        "file": "it is no folder",
        "folder": "it holds other things, such as 'thesis.txt'",
    }.items():
        code, rows = doctor("--store", name, cwd=tmp_path)
        assert (code, rows["store"]["status"]) == (1, "problem")
        assert said in rows["store"]["found"]
        assert "--store DIR" in rows["store"]["advice"]
    code, rows = doctor("--store", "file/store", cwd=tmp_path)
    assert (code, rows["store writing"]["status"]) == (1, "problem")
    assert tree(tmp_path) == before


def test_a_place_where_no_store_can_be_made_is_a_problem(tmp_path: Path) -> None:
    code, rows = doctor("--store", "/proc/store", cwd=tmp_path)
    assert (code, rows["store writing"]["status"]) == (1, "problem")
    assert "cannot be written" in rows["store writing"]["found"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
@pytest.mark.parametrize("part", ["", "locks", "entries"])
def test_a_store_without_the_right_to_write_is_a_problem(
    part: str, store: Store, tmp_path: Path
) -> None:
    (store.path / part).chmod(0o500)
    try:
        code, rows = doctor(cwd=tmp_path)
    finally:
        (store.path / part).chmod(0o700)
    assert (code, rows["store writing"]["status"]) == (1, "problem")
    assert "Permission denied" in rows["store writing"]["found"]
    assert rows["store writing"]["advice"].startswith("chmod -R u+rwX ")


def test_a_read_only_disk_is_a_problem(store: Store, tmp_path: Path) -> None:
    where = store.path
    script = (
        f"mount --bind {where} {where} && mount -o remount,ro,bind {where} || exit 77; "
        f"{CVN} doctor --json"
    )
    try:
        done = subprocess.run(
            ["unshare", "-m", "sh", "-c", script],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        pytest.skip("this machine has no unshare")
    if done.returncode != 1 or not done.stdout:
        pytest.skip("this machine lets nobody mount a disk")
    rows = {row["check"]: row for row in json.loads(done.stdout)["findings"]}
    assert rows["store writing"]["status"] == "problem"
    assert "Read-only file system" in rows["store writing"]["found"]
    assert "--store DIR" in rows["store writing"]["advice"]
    assert rows["store entries"]["found"] == "3 of 3 read, 0 damaged"


def test_damaged_entries_are_counted_and_stay(store: Store, tmp_path: Path) -> None:
    damaged = store.ls()[1].digest
    (store.path / "entries" / damaged / "model.txt").write_bytes(b"x")
    code, rows = doctor(cwd=tmp_path)
    row = rows["store entries"]
    assert (code, row["status"], row["facts"]["damaged"]) == (1, "problem", [damaged])
    assert row["advice"].startswith("cvn store verify")
    assert list(store.verify()) == [damaged], "it was not put aside"
    assert store.get(key_of("model", {"seed": 9})) is None
    for seed in range(3):
        store.get(key_of("model", {"seed": seed}))
    code, rows = doctor(cwd=tmp_path)
    assert (code, rows["store quarantine"]["status"]) == (0, "warning")
    assert rows["store quarantine"]["advice"] == "cvn store gc"


def test_no_more_entries_are_read_than_is_quick(store: Store) -> None:
    def n_read(**most: float) -> tuple[int, int]:
        found = survey_store(store.path, **most)  # type: ignore[arg-type]
        assert found is not None
        return found.n_read, found.n_entries

    assert n_read() == (3, 3)
    assert n_read(most_bytes=13_000) == (2, 3)
    assert n_read(most_seconds=-1) == (0, 3)


def test_it_does_not_wait_for_a_fit(store: Store, tmp_path: Path) -> None:
    with hold(Layout(store.path).lock(store.ls()[0].digest)):
        done = subprocess.run(
            [CVN, "doctor", "--json"], cwd=tmp_path, capture_output=True, check=True, timeout=60
        )
    rows = {row["check"]: row for row in json.loads(done.stdout)["findings"]}
    assert rows["store entries"]["facts"]["read"] == 3


# --- the results ----------------------------------------------------------------------------


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "cvn-results.db"
    open_results(f"sqlite:///{path}").close()
    return path


def set_version(path: Path, version: str) -> None:
    connection = sqlite3.connect(path)
    with connection:
        connection.execute("UPDATE cvn_alembic_version SET version_num = ?", (version,))
    connection.close()


def test_a_database_of_this_release_is_sound_and_left_alone(database: Path, tmp_path: Path) -> None:
    before = tree(tmp_path)
    for given in ([], ["--results", f"sqlite:///{database}"]):
        code, rows = doctor(*given, cwd=tmp_path)
        assert (code, rows["results"]["facts"]["schema"]) == (0, "current")
    assert tree(tmp_path) == before


def test_a_newer_schema_is_a_problem(database: Path, tmp_path: Path) -> None:
    set_version(database, "99")
    before = tree(tmp_path)
    code, rows = doctor(cwd=tmp_path)
    row = rows["results"]
    assert (code, row["status"], row["facts"]["schema"]) == (1, "problem", "newer")
    assert row["advice"].startswith("pip install --upgrade cvn-orchestrator")
    assert tree(tmp_path) == before


def test_what_a_writer_has_not_checkpointed_is_seen(database: Path, tmp_path: Path) -> None:
    writer = sqlite3.connect(database)
    writer.execute("PRAGMA wal_autocheckpoint=0")
    with writer:
        writer.execute("UPDATE cvn_alembic_version SET version_num = '99'")
    code, rows = doctor(cwd=tmp_path)
    writer.close()
    assert (code, rows["results"]["facts"]["schema"]) == (1, "newer")


def test_an_older_schema_is_a_warning_and_not_migrated(
    database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrating, "HEAD", "2")
    before = tree(tmp_path)
    code, rows = doctor(cwd=tmp_path)
    row = rows["results"]
    assert (code, row["status"], row["facts"]["schema"]) == (0, "warning", "older")
    assert tree(tmp_path) == before


def test_a_file_without_results_and_one_that_is_not_there(tmp_path: Path) -> None:
    sqlite3.connect(tmp_path / "empty.db").execute("CREATE TABLE mine (x)").connection.close()
    before = tree(tmp_path)
    code, rows = doctor("--results", "sqlite:///empty.db", cwd=tmp_path)
    assert (code, rows["results"]["facts"]["schema"]) == (0, "none")
    code, rows = doctor("--results", "sqlite:///new.db", cwd=tmp_path)
    assert (code, rows["results"]["facts"]["schema"]) == (0, None)
    assert "not there yet" in rows["results"]["found"]
    assert tree(tmp_path) == before


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("nonsense", "cannot be read"),
        ("mysql://me@host/name", "not in mysql"),
        ("sqlite://", "kept in a file"),
        ("sqlite:///nowhere/r.db", "there is no folder"),
        ("sqlite:///letter.db", "file is not a database"),
        ("sqlite:///folder", "unable to open database file"),
    ],
)
def test_a_url_of_no_database_is_a_problem(url: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "letter.db").write_text("Dear Sir or Madam, " * 100)
    (tmp_path / "folder").mkdir()
    code, rows = doctor("--results", url, cwd=tmp_path)
    assert (code, rows["results"]["status"]) == (1, "problem")
    assert said in rows["results"]["found"]
    assert "--results URL" in rows["results"]["advice"]


@pytest.fixture(params=["closed", "silent"])
def port(request: pytest.FixtureRequest) -> Iterator[int]:
    """Return a port at which nobody listens, or somebody who never says anything."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        if request.param == "silent":
            one.listen()
        yield one.getsockname()[1]


def test_a_server_that_does_not_answer_is_a_problem(port: int, tmp_path: Path) -> None:
    url = f"postgresql+psycopg://me:hush@127.0.0.1:{port}/name"
    code, rows = doctor(cwd=tmp_path, CVN_RESULTS=url)
    row = rows["results"]
    assert (code, row["status"], row["facts"]["code"]) == (1, "problem", "results_unavailable")
    assert f"127.0.0.1:{port}/name cannot be used" in row["found"]
    assert "hush" not in json.dumps(row)


# --- whatever happens -----------------------------------------------------------------------


@pytest.mark.parametrize("error", [RuntimeError("the\nsky fell"), MemoryError(), KeyError("x")])
def test_a_check_that_fails_is_a_row_and_the_others_are_made(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def check(asked: Asked) -> Iterator[Finding]:
        yield Finding("first", "ok", "found before")
        raise error

    monkeypatch.setattr(threads, "check", check)
    code, rows = doctor(cwd=tmp_path)
    assert code == 1
    assert rows["first"]["status"] == "ok"
    assert rows["threads"]["status"] == "problem"
    assert type(error).__name__ in rows["threads"]["found"]
    assert {row["subject"] for row in rows.values()} == set(SUBJECTS)


def test_a_path_that_no_terminal_shows_is_spelt_out(tmp_path: Path) -> None:
    name = os.fsdecode(b"bad\xff\x1bname")
    (tmp_path / name).write_text("")
    done = cvn("doctor", "--store", name, cwd=tmp_path)
    assert done.returncode == 1
    assert r"bad\udcff\x1bname" in done.stdout.encode().decode()


def test_a_terminal_without_these_letters_gets_them_spelt_out(tmp_path: Path) -> None:
    done = subprocess.run(
        [CVN, "doctor", "--store", "gr\u00f6\u00dfe"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )
    assert r"gr\xf6\xdfe" in done.stdout


def test_a_folder_that_is_gone_is_told(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    script = f"mkdir {gone} && cd {gone} && rmdir {gone} && exec {CVN} doctor --json --store s"
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=False)
    rows = {row["check"]: row for row in json.loads(done.stdout)["findings"]}
    assert (done.returncode, rows["store"]["status"]) == (1, "problem")
    assert rows["memory"]["facts"]
