"""Check that what is installed is what the packages' metadata allow at least.

Of use in the session `minimums` only. A bound that is not what gets installed there was never
tested: a dependency of a dependency, or another package here, asks for more.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from importlib.metadata import distributions, requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]
INSTEAD_OF = {"xgboost": "xgboost-cpu"}  # the same library without 680 MB of GPU code


def untested(needs: Iterable[str], installed: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """Return the needs whose lower bound is not what is installed, and the extras' not installed.

    The bound holds for as many numbers as it has: 1.4.1 is the minimum of ``>=1.4`` where there
    never was a 1.4.0.
    """
    wrong, absent = [], []
    for need in map(Requirement, needs):
        extra = need.marker is not None and "extra" in str(need.marker)
        if need.marker and not extra and not need.marker.evaluate():
            continue
        name = canonicalize_name(need.name)
        version = installed.get(name) or installed.get(INSTEAD_OF.get(name, name))
        bounds = [Version(s.version).release for s in need.specifier if s.operator == ">="]
        if version is None and extra:
            absent.append(str(need))
        elif version is None or len(bounds) != 1:
            wrong.append(f"{need}: {'not installed' if version is None else 'no one lower bound'}")
        elif _padded(Version(version).release, len(bounds[0])) != bounds[0]:
            wrong.append(f"{need}: installed is {version}")
    return wrong, absent


def _padded(release: tuple[int, ...], length: int) -> tuple[int, ...]:
    return (*release, *(0,) * length)[:length]


def main() -> int:
    """Check every package; print each bound that is not tested, and whose fault it may be."""
    installed = {str(canonicalize_name(d.name)): d.version for d in distributions()}
    packages = sorted(path.parent.name for path in ROOT.glob("packages/*/pyproject.toml"))
    failed = False
    for package in packages:
        needs = [n for n in requires(package) or () if Requirement(n).name not in packages]
        wrong, absent = untested(needs, installed)
        failed = failed or bool(wrong)
        for line in wrong:
            print(f"{package} needs {line}; raise the bound, or lower what asks for more")
        for line in absent:
            print(f"{package}: not checked, since not installed: {line}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
