"""What observers cost: 1,000 events with observers of several tempers, beside none at all.

Every event is published as a training publishes it (with logging off, as a library is used).
Observers are installed as fake distributions. Runs are interleaved in one process; medians of the
seconds for all events are compared. ``in place`` is what `OBSERVERS.including` does: the same
observer called on the caller's thread. The last lines train one model with and without an observer
that hangs, and with one that burns the processor for ever: the first is bounded by what it
declares, the second shares the interpreter with the training, which no thread can prevent: it
is told apart for the training that waits for it and for those after it.

    python benchmarks/observers.py [--events 1000] [--runs 7]
"""

from __future__ import annotations

import argparse
import importlib
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import numpy as np

from cvn_harness_core import Datasets, HPOParams, hookimpl, train_one
from cvn_harness_core.events.log import OBSERVERS, publish
from cvn_harness_core.events.schema import ArtifactSaved

SOURCE = """
import time
from cvn_harness_core import ObserverLimits, hookimpl

def spin():
    while True:
        pass

@hookimpl
def cvn_observer_limits():
    return ObserverLimits(at_exit=0)

@hookimpl
def cvn_event(event):
    {body}
"""
BODIES = {
    "quick": "pass",
    "raises": "raise ValueError",
    "1 ms": "time.sleep(0.001)",
    "hangs": "event.run_id and time.sleep(3600)",
}


class Quick:
    """Sees events in place."""

    @hookimpl
    def cvn_event(self, event: object) -> None:
        """Do nothing."""


class Site:
    """A folder with one observer, or none."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.n = folder, 0

    def put(self, body: str | None) -> None:
        """Install an observer with this body in place of the one before; none for None."""
        for file in sorted(self.folder.rglob("*"), reverse=True):
            if "dist-info" in str(file):
                file.rmdir() if file.is_dir() else file.unlink()
        if body is not None:
            self.n += 1
            module = f"watcher_{self.n}"
            info = self.folder / f"{module}-1.0.dist-info"
            info.mkdir()
            (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
            entry = f"[cvn_harness.plugins.v1]\n{module} = {module}\n"
            (info / "entry_points.txt").write_text(entry)
            (self.folder / f"{module}.py").write_text(SOURCE.format(body=body))
        importlib.invalidate_caches()
        OBSERVERS.refresh()
        publish(ArtifactSaved(path="", size_bytes=0, manifest_sha256=""))  # imports it


def events(n: int) -> float:
    """Publish so many events of one run; return the seconds."""
    started = time.perf_counter()
    for i in range(n):
        publish(ArtifactSaved(run_id="run", path="/b", size_bytes=i, manifest_sha256="0"))
    return time.perf_counter() - started


def training(data: Datasets) -> float:
    """Train once; return the seconds."""
    started = time.perf_counter()
    train_one("lightgbm", data, HPOParams({"n_estimators": 100}, n_threads=1))
    return time.perf_counter() - started


def data() -> Datasets:
    """Return 20,000 rows of noise with a signal."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(20_000, 20))
    y = (X[:, 0] + rng.normal(size=20_000) > 0).astype(int)
    parts = [(X[a:b], y[a:b]) for a, b in ((0, 12_000), (12_000, 16_000), (16_000, 20_000))]
    return Datasets.from_arrays(*parts, feature_names=[f"f{i}" for i in range(20)])


def compare(
    site: Site, bodies: dict[str, str | None], runs: int, take: Callable[[], float]
) -> dict[str, float]:
    """Return the median seconds by name; ``in place`` is told by a name of that kind."""
    taken: dict[str, list[float]] = {name: [] for name in bodies}
    for _ in range(runs):
        for name, body in bodies.items():
            site.put(body)
            own = OBSERVERS.including("own", Quick()) if name == "in place" else nullcontext()
            with own:
                taken[name].append(take())
    return {name: statistics.median(values) for name, values in taken.items()}


def main() -> None:
    """Print a line an observer."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--events", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=7)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        sys.path.insert(0, folder)
        site = Site(Path(folder))
        none = {"none": None, "in place": None}
        found = compare(site, none | BODIES, options.runs, lambda: events(options.events))
        print(f"{options.events} events      seconds   us/event   ratio to none")
        for name, value in found.items():
            per = value / options.events * 1e6
            print(f"{name:>14} {value:12.4f} {per:10.1f} {value / found['none']:9.2f}")
        table = data()
        training(table)
        bodies = {"none": None, "quick": "pass", "hangs": BODIES["hangs"]}
        found = compare(site, bodies, options.runs, lambda: training(table))
        site.put("event.run_id and spin()")
        found["burns, first"], *later = (training(table) for _ in range(1 + options.runs))
        found["burns, later"] = statistics.median(later)
        print("a training         seconds   ratio to none   seconds more")
        for name, value in found.items():
            more = value - found["none"]
            print(f"{name:>14} {value:12.3f} {value / found['none']:10.2f} {more:14.3f}")


if __name__ == "__main__":
    main()
