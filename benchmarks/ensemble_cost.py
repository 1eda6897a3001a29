"""What ensembles over the same bases cost together, beside the dearest of them alone.

Four ways, each in fresh processes and from an empty store, interleaved; wall seconds, medians:

- each ensemble alone;
- a driver per ensemble that retrains its bases: the same, without a store, one after the other;
- a sweep of all of them in one process;
- a process for each, started together.

A process begins to count when its libraries are imported and its data are there. Fits of the bases
are counted where they happen, in their adapters. The data are synthetic. Exit code 1 if a demand is
missed.

    python benchmarks/ensemble_cost.py [--runs 3] [--size 20000x50] [--threads 2] [--trees 300]
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from overhead import synthetic

ENSEMBLES = ("blend_avg", "stack_logreg", "stack_xgb_meta")
TREES = {"xgboost": "n_estimators", "lightgbm": "n_estimators", "catboost": "iterations"}
HOUR = np.timedelta64(1, "h")
DEAREST, RETRAINED = 1.10, 2.5


def main() -> int:
    """Print seconds and fits of each way, and the ratios demanded."""
    options = arguments()
    if options.worker is not None:
        work(options)
        return 0
    alone: dict[str, list[float]] = {name: [] for name in ENSEMBLES}
    retrained, together, sweep, fits = [], [], [], set()
    for _ in range(options.runs):
        for name in ENSEMBLES:
            alone[name].append(run(options, [[name]]).seconds)
        ways = (
            (retrained, [list(ENSEMBLES)], False),
            (sweep, [list(ENSEMBLES)], True),
            (together, [[name] for name in ENSEMBLES], True),
        )
        counts = []
        for seconds, processes, kept in ways:
            ran = run(options, processes, kept=kept)
            seconds.append(ran.seconds)
            counts.append(ran.fits)
        fits.add(tuple(counts))
    each = {name: statistics.median(seconds) for name, seconds in alone.items()}
    dearest = max(each, key=lambda name: each[name])
    for name, seconds in each.items():
        print(f"{name:>28}: {seconds:6.2f} s alone")
    rows = (
        ("a driver each, retraining", retrained),
        ("one process, one store", sweep),
        ("three processes, one store", together),
    )
    for (name, seconds), count in zip(rows, zip(*sorted(fits), strict=True), strict=True):
        said = " or ".join(map(str, sorted(set(count))))
        print(f"{name:>28}: {statistics.median(seconds):6.2f} s, {said} fits of bases")
    missed = 0
    for what, ratio, ok in (
        ratio_of("one process / dearest alone", sweep, alone[dearest], at_most=DEAREST),
        ratio_of("three processes / dearest alone", together, alone[dearest], at_most=DEAREST),
        ratio_of("retraining / one process", retrained, sweep, at_least=RETRAINED),
    ):
        missed += not ok
        print(f"{what:>32}: {ratio:.2f} {'ok' if ok else 'MISSED'}")
    exact = all(3 * once == 3 * shared == every for every, once, shared in fits)
    print(f"{'every base and fold fitted once':>32}: {'ok' if exact else 'MISSED'}")
    return int(missed > 0 or not exact)


class Ran:
    """The longest of some processes started together, and the fits of all."""

    def __init__(self, reports: list[dict[str, float]]) -> None:
        begun = min(report["begun"] for report in reports)
        self.seconds = max(report["ended"] for report in reports) - begun
        self.fits = int(sum(report["fits"] for report in reports))


def ratio_of(
    what: str,
    over: list[float],
    under: list[float],
    *,
    at_most: float = float("inf"),
    at_least: float = 0.0,
) -> tuple[str, float, bool]:
    """Return a ratio of medians, and whether it is as demanded."""
    ratio = statistics.median(over) / statistics.median(under)
    return what, ratio, at_least <= ratio <= at_most


def run(options: argparse.Namespace, processes: list[list[str]], *, kept: bool = True) -> Ran:
    """Start a process for each list of ensembles, let them begin at once, and wait for all."""
    with tempfile.TemporaryDirectory() as folder:
        store = str(Path(folder) / "store") if kept else "-"
        settings = [f"--size={options.size}", f"--threads={options.threads}"]
        command = [sys.executable, __file__, *settings, f"--trees={options.trees}"]
        running = [
            subprocess.Popen(
                [*command, f"--worker={store}", *names],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for names in processes
        ]
        for process in running:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in running:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        printed = [process.communicate()[0] for process in running]
    return Ran([json.loads(text) for text in printed])


def work(options: argparse.Namespace) -> None:
    """Train some ensembles, in one process; print when it began, when it ended, and the fits."""
    from cvn_harness_core import Datasets, HPOParams, Payoff, Store, train_ensemble
    from cvn_harness_core.plugins.adapters import adapter_of

    data = datasets(options.size, Datasets, Payoff(1.5, 0.5, cost=0.05))
    params = {
        name: HPOParams({trees: options.trees}, seed=7, n_threads=options.threads)
        for name, trees in TREES.items()
    }
    fits = 0
    for adapter in (type(adapter_of(name)) for name in TREES):

        def counted(self, *given, own=adapter.fit):  # noqa: ANN001, ANN002, ANN202
            nonlocal fits
            fits += 1
            return own(self, *given)

        adapter.fit = counted  # type: ignore[method-assign]
    train_ensemble("stack_xgb_meta", datasets("400x4", Datasets, None))  # imports everything
    fits = 0
    store = None if options.worker == "-" else Store(options.worker)
    print("ready", flush=True)
    sys.stdin.readline()
    begun = time.monotonic()
    for name in options.names:
        train_ensemble(name, data, params, store=store)
    print(json.dumps({"begun": begun, "ended": time.monotonic(), "fits": fits}))


def datasets(size: str, kind, payoff):  # noqa: ANN001, ANN201
    """Return hourly rows whose labels take three hours to be decided."""
    rows, width = map(int, size.split("x"))
    parts, start = {}, np.datetime64("2022-01-01", "h")
    for name, (X, y) in synthetic(rows, max(width, 4)).items():
        moments = start + np.arange(len(y)) * HOUR
        parts[name] = {"X": X, "y": y, "time": moments, "label_end": moments + 3 * HOUR}
        start = moments[-1] + 10 * HOUR
    names = [f"f{i}" for i in range(parts["train"]["X"].shape[1])]
    return kind.from_arrays(**parts, feature_names=names, payoff=payoff)


def arguments() -> argparse.Namespace:
    """Return the command line's options; ``--worker`` is this script's own."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--size", default="20000x50")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--trees", type=int, default=300)
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    parser.add_argument("names", nargs="*", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
