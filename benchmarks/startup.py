"""How long `cvn plugins` and `cvn --help` take, beside a bare interpreter.

The environment is made to look like one with 200 installed distributions (metadata folders of no
consequence are put on the path). Runs are interleaved; medians of wall time are compared. The last
column scales the time to a machine whose bare interpreter starts in 10 ms.

    python benchmarks/startup.py [--runs 21]
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import distributions
from pathlib import Path

DISTRIBUTIONS = 200


def fill(folder: Path) -> int:
    """Add metadata folders until 200 distributions are on the path; return how many there are."""
    present = len(list(distributions()))
    for i in range(present, DISTRIBUTIONS):
        info = folder / f"filler_{i}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: filler-{i}\nVersion: 1.0\n")
        if i % 3 == 0:
            (info / "entry_points.txt").write_text(f"[console_scripts]\nfiller{i} = filler:main\n")
    return max(present, DISTRIBUTIONS)


def main() -> None:
    """Print a line a command."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=21)
    runs = parser.parse_args().runs
    cvn = str(Path(sys.executable).with_name("cvn"))
    commands = {
        "python -c pass": [sys.executable, "-c", "pass"],
        "cvn --help": [cvn, "--help"],
        "cvn plugins": [cvn, "plugins"],
    }
    with tempfile.TemporaryDirectory() as folder:
        count = fill(Path(folder))
        env = {**os.environ, "PYTHONPATH": folder}
        env.pop("PYTHONDONTWRITEBYTECODE", None)
        taken: dict[str, list[float]] = {name: [] for name in commands}
        for run in range(-2, runs):
            for name, command in commands.items():
                started = time.perf_counter()
                subprocess.run(command, env=env, check=True, stdout=subprocess.DEVNULL)
                if run >= 0:
                    taken[name].append((time.perf_counter() - started) * 1000)
    median = {name: statistics.median(values) for name, values in taken.items()}
    bare = median["python -c pass"]
    print(f"{count} distributions, {runs} runs")
    for name, value in median.items():
        print(
            f"{name:>16} {value:7.1f} ms   {value / bare:5.2f} x bare   {value / bare * 10:6.1f} ms"
        )


if __name__ == "__main__":
    main()
