"""Build each package of dist/ again, elsewhere and otherwise, and compare every byte.

The second build is of a copy at another path, with other times and permissions of files, another
time zone and hash seed, without SOURCE_DATE_EPOCH, and in this environment, not in hatch's own.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
AFTER_1980 = 500_000_000.0  # zip files know no earlier time


def build_otherwise(package: Path, scratch: Path) -> list[Path]:
    """Build a package's wheel and sdist in conditions of their own, and return their paths."""
    source = scratch / "elsewhere" / package.name
    shutil.copytree(package, source, ignore=shutil.ignore_patterns("__pycache__", ".nox"))
    shutil.copy(ROOT / ".gitignore", source.parent)  # hatchling obeys it, and puts it into sdists
    for path in source.rglob("*"):
        path.chmod(0o700 if path.is_dir() else 0o600)
        os.utime(path, (AFTER_1980, AFTER_1980))
    environment = {k: v for k, v in os.environ.items() if k != "SOURCE_DATE_EPOCH"}
    environment |= {"PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo", "LC_ALL": "C"}
    out = scratch / "out"
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(out)]
    done = subprocess.run(
        command, cwd=source, env=environment, check=False, capture_output=True, text=True
    )
    if done.returncode:
        message = f"{package.name} does not build a second time: {done.stderr}"
        raise RuntimeError(message)
    return sorted(out.iterdir())


def different(package: Path, dist: Path) -> list[str]:
    """Return the names of a package's files that are not in dist/ with the same bytes."""
    with tempfile.TemporaryDirectory() as scratch:
        return [
            again.name
            for again in build_otherwise(package, Path(scratch))
            if not (dist / again.name).is_file() or _sha256(dist / again.name) != _sha256(again)
        ]


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def main() -> int:
    """Compare all packages; print what differs, or how many files are the same."""
    packages = sorted(path.parent for path in ROOT.glob("packages/*/pyproject.toml"))
    found = [name for package in packages for name in different(package, ROOT / "dist")]
    for name in found:
        print(f"dist/{name} is missing, or not what a second build makes; run: nox -s build")
    if not found:
        print(f"{len(packages)} packages built twice, byte for byte the same")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
