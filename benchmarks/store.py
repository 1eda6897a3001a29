"""What a hit in the store costs, beside the fit that it saves and the digests that were considered.

A hit is a whole ``train_one`` with a store that has the artifact: the data are in memory, and
hashing them is part of it, and so are planning, the lock, the verified read of the bundle and the
library's parsing of its model. Medians. The data are synthetic.

    python benchmarks/store.py [--runs 9] [--threads 2] [--model lightgbm] [--size 50000x100]
"""

from __future__ import annotations

import argparse
import hashlib
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from blake3 import blake3

from cvn_harness_core import Datasets, HPOParams, Store, train_one

sys.path.insert(0, str(Path(__file__).parent))
from overhead import N_ESTIMATORS, SEED, synthetic


def main() -> None:
    """Print the fit, the hit and the digests, each with its ratio."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--model", default="lightgbm")
    parser.add_argument("--size", default="50000x100")
    options = parser.parse_args()
    rows, width = map(int, options.size.split("x"))
    data = Datasets.from_arrays(
        **synthetic(rows, width), feature_names=[f"f{i}" for i in range(width)]
    )
    name = "iterations" if options.model == "catboost" else "n_estimators"
    hpo = HPOParams(params={name: N_ESTIMATORS}, seed=SEED, n_threads=options.threads)

    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder) / "store")
        fit = seconds(lambda: train_one(options.model, data, hpo), 3)
        train_one(options.model, data, hpo, store=store)
        hit = seconds(lambda: train_one(options.model, data, hpo, store=store), options.runs)
    print(f"{options.model} {options.size}: fit {fit:.3f} s, hit {hit * 1e3:.1f} ms", end="")
    print(f", ratio {fit / hit:.0f}")
    arrays = [split.X.data.cast("B") for _, split in data.splits()]
    digests: dict[str, Callable[[], Any]] = {
        "sha256": hashlib.sha256,
        "blake2b": hashlib.blake2b,
        "blake3": blake3,
        "blake3, all threads": lambda: blake3(max_threads=blake3.AUTO),
    }
    base = None
    for name, digest in digests.items():
        taken = seconds(lambda digest=digest: [digest().update(a) for a in arrays], options.runs)
        base = base or taken
        print(f"{name:>20}: {taken * 1e3:6.1f} ms, ratio {taken / base:.2f}")


def seconds(work: Callable[[], Any], runs: int) -> float:
    """Return the median seconds of some runs."""
    taken = []
    for _ in range(runs):
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)


if __name__ == "__main__":
    main()
