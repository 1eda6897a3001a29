"""Renew `[tool.uv] constraint-dependencies` in pyproject.toml from a fresh resolution."""

from __future__ import annotations

import subprocess
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import tomlkit

ROOT = Path(__file__).parent.parent


BUILD = {"hatchling", "packaging", "pathspec", "pluggy", "trove-classifiers"}


def main() -> None:
    """Resolve without the old pins, and write the names and versions that come out."""
    renew(ROOT)


def renew(root: Path) -> None:
    """Do so for the workspace in ``root``; if it cannot be resolved, leave its files as they were.

    Raises ``subprocess.CalledProcessError`` then; what uv said of it is on standard error.
    """
    path, lock = root / "pyproject.toml", root / "uv.lock"
    before = {file: file.read_bytes() for file in (path, lock) if file.exists()}
    document = tomlkit.parse(path.read_text())
    settings: Any = document["tool"]["uv"]
    settings["constraint-dependencies"] = []
    try:
        path.write_text(tomlkit.dumps(document))
        subprocess.run(["uv", "lock", "--upgrade", "--quiet"], cwd=root, check=True)  # noqa: S607
    except BaseException:  # Ctrl-C, too
        for file, content in before.items():
            file.write_bytes(content)
        raise
    locked = tomllib.loads(lock.read_text())["package"]
    published = [package for package in locked if "registry" in package["source"]]
    settings["constraint-dependencies"] = _lines(_pin(package) for package in published)
    settings["build-constraint-dependencies"] = _lines(
        _pin(package) for package in published if package["name"] in BUILD
    )
    path.write_text(tomlkit.dumps(document))


def _lines(pins: Iterable[str]) -> tomlkit.items.Array:
    array = tomlkit.array().multiline(multiline=True)
    array.extend(pins)
    return array


def _pin(package: dict[str, Any]) -> str:
    """Return name and version; where Python 3.11 needs another one, with a marker."""
    pin = f"{package['name']}=={package['version']}"
    markers = package.get("resolution-markers")
    if not markers:
        return pin
    oldest = any("< '3.12'" in marker for marker in markers)
    return f"{pin} ; python_full_version {'<' if oldest else '>='} '3.12'"


if __name__ == "__main__":
    main()
