"""What the harness costs on top of a plain script that does the same job.

The plain scripts are those of `tests/parity`: the same native calls, scores on three splits, the
same figures by scikit-learn and numpy, the same grid for theta. Runs are interleaved after a
warm-up, data in memory, and medians of seconds compared. Building ``Datasets`` (validation and
content hash) counts for the harness. Peak memory is that of a fresh process each, whole:
interpreter, libraries, data and fit. The data are synthetic.

    python benchmarks/overhead.py [--runs 7] [--threads 2] [--models lightgbm] [--sizes 5000x50]
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

N_ESTIMATORS = 300
ROUNDS = 50
SEED = 7
PAYOFF = (1.5, 0.5, 0.05)
SAME_CALLS = {"xgboost": {"quantised": True}}
"""Options of the plain scripts that make their native calls those of the harness."""

Parts = dict[str, tuple[np.ndarray, np.ndarray]]


def synthetic(rows: int, width: int) -> Parts:
    """Return (X, y) for train (``rows``), val and test (a quarter each); a learnable signal."""
    rng = np.random.default_rng(0)
    parts = {}
    for name, n in {"train": rows, "val": rows // 4, "test": rows // 4}.items():
        X = rng.normal(size=(n, width))
        signal = X[:, 0] * X[:, 1] + np.sin(2 * X[:, 2]) + X[:, 3:13].sum(axis=1) / 3
        parts[name] = (X, (signal + rng.logistic(size=n) > 1.5).astype(np.int8))
    return parts


def harness(model: str, parts: Parts, threads: int) -> float:
    """Train through the harness; return theta."""
    from cvn_harness_core import Datasets, HPOParams, Payoff, TrainingPolicy, train_one

    names = [f"f{i}" for i in range(parts["train"][0].shape[1])]
    datasets = Datasets.from_arrays(
        **parts, feature_names=names, payoff=Payoff(*PAYOFF[:2], cost=PAYOFF[2])
    )
    name = "iterations" if model == "catboost" else "n_estimators"
    hpo = HPOParams(params={name: N_ESTIMATORS}, seed=SEED, n_threads=threads)
    theta = train_one(model, datasets, hpo, policy=TrainingPolicy.adr0089()).theta
    assert theta is not None
    return theta


def script(model: str, parts: Parts, threads: int) -> float:
    """Train by the plain script; return theta."""
    import importlib

    from tests.parity.plain_figures import Part

    take_profit, stop_loss, cost = PAYOFF
    plain = importlib.import_module(f"tests.parity.plain_{model}")
    rows = {
        name: Part(X, y, np.where(y == 1, take_profit, -stop_loss) - cost)
        for name, (X, y) in parts.items()
    }
    result = plain.train(
        rows,
        params={},
        n_estimators=N_ESTIMATORS,
        rounds=ROUNDS,
        weigh_positives=True,
        seed=SEED,
        threads=threads,
        **SAME_CALLS.get(model, {}),
    )
    return float(result.theta)


SIDES: dict[str, Callable[[str, Parts, int], float]] = {"harness": harness, "script": script}


def seconds(model: str, parts: Parts, *, runs: int, threads: int) -> dict[str, list[float]]:
    """Return the seconds of each run by side, in pairs whose order alternates."""
    taken: dict[str, list[float]] = {name: [] for name in SIDES}
    for run in range(-1, runs):
        thetas = set()
        for name in sorted(SIDES, reverse=bool(run % 2)):
            started = time.perf_counter()
            thetas.add(SIDES[name](model, parts, threads))
            if run >= 0:
                taken[name].append(time.perf_counter() - started)
        assert len(thetas) == 1, thetas
    return taken


def peak_megabytes(side: str, model: str, size: str, threads: int) -> float:
    """Return the peak resident memory of a fresh process that trains once."""
    command = [sys.executable, __file__, "--child", side, "--models", model, "--sizes", size]
    done = subprocess.run(
        [*command, "--threads", str(threads)], capture_output=True, text=True, check=True
    )
    return float(done.stdout)


def main() -> None:
    """Print one line a size and model."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--models", nargs="+", default=["xgboost", "lightgbm", "catboost"])
    parser.add_argument("--sizes", nargs="+", default=["5000x50", "50000x100"])
    parser.add_argument("--child", choices=sorted(SIDES), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        rows, width = map(int, options.sizes[0].split("x"))
        SIDES[options.child](options.models[0], synthetic(rows, width), options.threads)
        # Not getrusage: its maximum is inherited from the parent across fork and exec.
        status = Path("/proc/self/status").read_text()
        print(int(status.partition("VmHWM:")[2].split()[0]) / 1024)
        return
    print("      size     model  script s harness s  ratio          MB  ratio")
    for size in options.sizes:
        rows, width = map(int, size.split("x"))
        parts = synthetic(rows, width)
        for model in options.models:
            taken = seconds(model, parts, runs=options.runs, threads=options.threads)
            plain, ours = (statistics.median(taken[name]) for name in ("script", "harness"))
            peak = {name: peak_megabytes(name, model, size, options.threads) for name in SIDES}
            memory = f"{peak['script']:.0f}/{peak['harness']:.0f}"
            print(
                f"{size:>10} {model:>9} {plain:9.3f} {ours:9.3f} {ours / plain:6.3f} "
                f"{memory:>11} {peak['harness'] / peak['script']:6.3f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
