"""What a sweep costs: the overhead of a cell, and cells side by side against one after another.

``overhead``: a model whose fit takes 1 ms, 200 and 2,000 cells, through the ``cvn`` command in a
new folder each; milliseconds of wall time a cell.

``real``: 2 symbols x 5 folds x (3 models + 3 ensembles) on 5,000 x 50 training rows in the last
fold, four ways: the sweep (a thread a fit, a cell a core); the same cells in a plain pool of
threads of one process, which a library's crash would end; there one after another with all threads;
and as scripts do, without a store, so that every ensemble trains its bases anew. Compared are the
cells, the workers' start included; what the command does beside them (the verdict above all) is
printed apart. ``--memory`` samples the proportional set size of the sweep's processes. The data are
synthetic.

    python benchmarks/sweep.py overhead [--workers 2]
    python benchmarks/sweep.py real [--workers 2] [--memory]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from cvn_harness_core import Store
from cvn_orchestrator.plan.reading import read_plan
from cvn_orchestrator.sweep.prepared import Cell, PreparedSweep, prepare

CVN = Path(sys.executable).with_name("cvn")

HEAD = """
[data]
path = "bars.parquet"
symbol = "symbol"
time = "time"
label = "label"
label_end = "label_end"
returns = "returns"
payoff = "1.5/0.5/0.05"
[splits]
kind = "walk_forward"
n_folds = {folds}
val_days = {val}
test_days = {test}
embargo_days = 1
[sweep]
name = "bench"
baseline = "{baseline}"
costs = [0.0, 0.05]
threads = {threads}
"""

TINY = '''
    """A model whose fit takes about 1 ms."""

    import time

    import numpy as np

    import cvn_harness_core as cvn


    class Tiny(cvn.ModelAdapter):
        def fit(self, prepared, request):
            until = time.perf_counter() + 0.001
            X, y = prepared.train.X, prepared.train.y
            slopes = (X * (y - y.mean())[:, None]).mean(axis=0) * request.params["weight"]
            while time.perf_counter() < until:
                pass
            return cvn.Fitted(slopes)

        def predict_proba(self, native, X, *, n_threads):
            return 1 / (1 + np.exp(-(X @ native)))

        def save(self, native):
            return native.tobytes()

        def load(self, payload):
            return np.frombuffer(payload)


    @cvn.hookimpl
    def cvn_model():
        return cvn.ModelSpec(
            name="tiny", adapter=Tiny, libraries=("numpy",), thread_invariant=True,
            params=(cvn.Param("weight", float, default=1.0),),
        )
'''

ENSEMBLES = ("blend_avg", "stack_logreg", "stack_xgb_meta")
MODELS = {"xgboost": "n_estimators", "lightgbm": "n_estimators", "catboost": "iterations"}


def main() -> None:
    """Print what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("what", choices=("overhead", "real"))
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--iterations", type=int, default=300)
    parser.add_argument("--memory", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        {"overhead": overhead, "real": real}[options.what](Path(folder), options)


def bars(path: Path, n_symbols: int, rows: int, width: int) -> None:
    """Write a row an hour for each symbol, with a weak signal in the first feature."""
    rng = np.random.default_rng(0)
    time_ = [datetime(2020, 1, 1) + timedelta(hours=i) for i in range(rows)]  # noqa: DTZ001
    tables = []
    for number in range(n_symbols):
        X = rng.normal(size=(rows, width))
        y = rng.random(rows) < 1 / (1 + np.exp(1.0 - 1.2 * X[:, 0] - X[:, 1]))
        columns = {
            "symbol": f"S{number:03d}",
            "time": time_,
            "label_end": [t + timedelta(hours=4) for t in time_],
            "label": y.astype(int),
            "returns": np.where(y, 1.45, -0.55),
        }
        tables.append(pl.DataFrame(columns | {f"f{i}": X[:, i] for i in range(width)}))
    pl.concat(tables).write_parquet(path)


def overhead(folder: Path, options: argparse.Namespace) -> None:
    """Time 200 and 2,000 cells of a tiny model."""
    info = folder / "path" / "tiny-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[cvn_harness.models.v1]\ntiny = tiny\n")
    (info / "RECORD").write_text("tiny.py,,\n")
    (info.parent / "tiny.py").write_text(textwrap.dedent(TINY))
    env = {**os.environ, "PYTHONPATH": str(info.parent)}
    each: dict[int, float] = {}
    for n_symbols in (5, 50):
        place = folder / f"s{n_symbols}"
        place.mkdir()
        bars(place / "bars.parquet", n_symbols, 24 * 120, 8)
        variants = "".join(
            f'[variants.v{i}]\nmodel = "tiny"\nparams = {{ weight = {1 + i / 10} }}\n'
            for i in range(4)
        )
        head = HEAD.format(folds=10, val=10, test=5, baseline="v0", threads=1)
        (place / "plan.toml").write_text(head + variants)
        started = time.perf_counter()
        facts = sweep(place, options.workers, env)
        seconds = time.perf_counter() - started
        assert facts["failed"] == facts["open"] == 0, facts
        n, cells_s = int(facts["cells"]), facts["seconds"]
        each[n] = 1000 * cells_s / n
        print(
            f"{n} cells: {cells_s:.1f} s, {each[n]:.1f} ms a cell, workers' start included; the "
            f"whole command, with the verdict, {seconds:.1f} s"
        )
    few, many = each.values()
    print(f"a cell of the larger sweep costs {many / few:.2f} times one of the smaller")


def real(folder: Path, options: argparse.Namespace) -> None:
    """Compare the sweep with the same cells one after another."""
    # The last fold trains on 5,000 rows: 5 folds test 20 days of 24 rows, after 50 of validation.
    days = 5000 // 24 + 50 + 20
    bars(folder / "bars.parquet", 2, 24 * days, 50)
    variants = "".join(
        f'[variants.{name}]\nmodel = "{name}"\nparams = {{ {param} = {options.iterations} }}\n'
        for name, param in MODELS.items()
    )
    for name in ENSEMBLES:
        variants += f'[variants.{name}]\nensemble = "{name}"\n'
        for base, param in MODELS.items():
            variants += f"params.{base} = {{ {param} = {options.iterations} }}\n"
    cores = os.cpu_count() or 1
    plans = {}
    for threads in (1, cores):
        head = HEAD.format(folds=5, val=50, test=20, baseline="lightgbm", threads=threads)
        # Models as ensembles train their bases, so that one fit serves both.
        policy = '[policy]\nout_of_fold = 4\ncalibrate = "sigmoid"\n'
        plans[threads] = folder / f"plan{threads}.toml"
        plans[threads].write_text(head + policy + variants)
    work = folder / "work"
    together = prepare(read_plan(plans[1]), work)
    apart = prepare(read_plan(plans[cores]), work)
    started = time.perf_counter()
    facts = sweep(folder, options.workers, dict(os.environ), plans[1])
    beside = time.perf_counter() - started - facts["seconds"]
    print(f"{len(together.cells)} cells, the sweep: {facts['seconds']:.1f} s", flush=True)
    others = {
        "a pool of threads": lambda: pooled(together, Store(folder / "pool"), options.workers),
        "one after another": lambda: one_by_one(apart.cells, apart, Store(folder / "store")),
        "without sharing": lambda: one_by_one(apart.cells, apart, None),
    }
    for name, work_of in others.items():
        seconds = timed(work_of)
        print(
            f"{name}: {seconds:.1f} s, {seconds / facts['seconds']:.2f} times the sweep", flush=True
        )
    print(f"what the command does beside its cells: {beside:.1f} s")
    if options.memory:
        memory(folder, plans[1], options, together)


def one_by_one(cells: Iterable[Cell], prepared: PreparedSweep, store: Store | None) -> None:
    """Train cells in this process."""
    for cell in cells:
        datasets = prepared.datasets(cell.symbol, cell.fold)
        variant = prepared.plan.variant(cell.variant)
        variant = replace(variant, name=f"{variant.name}-again")
        variant.train(datasets, store)


def pooled(prepared: PreparedSweep, store: Store, n_threads: int) -> None:
    """Train every cell in a pool of threads, those of a symbol and fold one after another."""
    groups: dict[tuple[str, int], list[Cell]] = {}
    for cell in prepared.cells:
        groups.setdefault((cell.symbol, cell.fold), []).append(cell)
    with ThreadPoolExecutor(n_threads) as pool:
        list(pool.map(lambda cells: one_by_one(cells, prepared, store), groups.values()))


def sweep(
    folder: Path, workers: int, env: dict[str, str], plan: Path = Path("plan.toml")
) -> dict[str, float]:
    """Run the command in the folder, and return what it says."""
    command = [str(CVN), "sweep", str(plan), "--workers", str(workers), "--json", "--work", "swept"]
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def timed(work: Callable[[], object]) -> float:
    """Return seconds."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def memory(folder: Path, plan: Path, options: argparse.Namespace, prepared: PreparedSweep) -> None:
    """Print the most that the sweep's processes held together, shared pages counted once."""
    place = folder / "again"
    place.mkdir()
    (place / "bars.parquet").symlink_to(folder / "bars.parquet")
    (place / "plan.toml").write_text(plan.read_text())
    command = [
        str(CVN),
        "sweep",
        "plan.toml",
        "--workers",
        str(options.workers),
        "--events",
        "e.jsonl",
    ]
    running = subprocess.Popen(
        command, cwd=place, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    most: dict[int, int] = {}
    drain = threading.Thread(target=running.communicate)
    drain.start()
    total = 0
    while drain.is_alive():
        sizes = {pid: pss(pid) for pid in (running.pid, *children(running.pid))}
        total = max(total, sum(sizes.values()))
        most = {pid: max(size, most.get(pid, 0)) for pid, size in {**most, **sizes}.items()}
        time.sleep(0.05)
    peaks = [json.loads(line).get("peak_bytes") for line in (place / "e.jsonl").open()]
    data = sum(path.stat().st_size for path in prepared.table.folder.rglob("*.npy"))
    print(
        f"memory: {total / 2**20:.0f} MiB at most, all processes together (the command itself "
        f"{most[running.pid] / 2**20:.0f}); arrays on disk {data / 2**20:.1f} MiB; the most that a "
        f"cell held {max(p for p in peaks if p) / 2**20:.0f} MiB"
    )


def children(pid: int) -> list[int]:
    """Return the child processes of a process."""
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return []
    return [int(child) for child in text.split()]


def pss(pid: int) -> int:
    """Return the proportional set size of a process in bytes; 0 if it is gone."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return 1024 * sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


if __name__ == "__main__":
    main()
