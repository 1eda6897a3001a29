"""Check that a tag may be released: `python tools/release.py cvn-harness-core-v0.1.0`.

Prints what the workflow's next steps need to know (`package=...`, `version=...`, `flags=...` of
`gh release create`); with --notes, the release's part of the changelog.
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
TAG = re.compile(r"(?P<package>[a-z][a-z-]*)-v(?P<version>\d+\.\d+\.\d+((a|b|rc)\d+)?)")
SETTINGS = tomllib.loads((ROOT / "towncrier.toml").read_text())["tool"]["towncrier"]
KINDS = [kind["directory"] for kind in SETTINGS["type"]]
FRAGMENT = re.compile(rf"(\+[a-z0-9-]+|\d+)\.({'|'.join(KINDS)})(\.\d+)?\.md")


def declared_version(package: Path) -> str:
    """Return the version in a package's ``__about__.py``."""
    about = package / "src" / package.name.replace("-", "_") / "__about__.py"
    found = re.search(r'^__version__ = "(.+)"$', about.read_text(), re.MULTILINE)
    if found is None:
        message = f"{about} has no line __version__ = '...'"
        raise ValueError(message)
    return found[1]


def fragments(package: Path) -> list[Path]:
    """Return a package's news fragments, whatever they are called."""
    return sorted(path for path in (package / "changes").iterdir() if path.name != ".gitkeep")


def notes(package: Path, version: str) -> str | None:
    """Return what the changelog says of a version with a date; of the first, the workspace's."""
    for changelog in (package / "CHANGELOG.md", package.parents[1] / "CHANGELOG.md"):
        heading = rf"^## {re.escape(version)} \(\d{{4}}-\d\d-\d\d\)$"
        found = re.search(
            heading + r"(.*?)(?=^## |\Z)", changelog.read_text(), re.MULTILINE | re.DOTALL
        )
        if found:
            return found[1].strip()
    return None


def flags(package: str, version: str) -> str:
    """Return what `gh release create` must be told: one page shows every package's releases.

    Only the core's may be "Latest" there; an alpha, a beta or a candidate is said to be one.
    """
    told = [] if package == "cvn-harness-core" else ["--latest=false"]
    return " ".join([*told, *(["--prerelease"] if re.search(r"(a|b|rc)\d+$", version) else [])])


def problems(tag: str, root: Path = ROOT) -> list[str]:
    """Return what keeps a tag from being released."""
    parts = TAG.fullmatch(tag)
    if parts is None:
        return [f"{tag!r} is not PACKAGE-vX.Y.Z"]
    package, version = root / "packages" / parts["package"], parts["version"]
    if not (package / "pyproject.toml").is_file():
        return [f"there is no packages/{package.name}"]
    found = []
    if (declared := declared_version(package)) != version:
        found.append(
            f"{package.name} says it is {declared}: hatch version {version}, or another tag"
        )
    if left := [path.name for path in fragments(package)]:
        found.append(
            f"news not yet in the changelog ({', '.join(left)}): nox -s news -- {package.name}"
        )
    if notes(package, version) is None:
        found.append(f"no changelog has the line '## {version} (YYYY-MM-DD)'")
    return found


def main(arguments: list[str]) -> int:
    """Check the tag; print its package and version, or its notes."""
    tag = next((text for text in arguments if not text.startswith("--")), "")
    for problem in (found := problems(tag)):
        print(problem, file=sys.stderr)
    parts = TAG.fullmatch(tag)
    if found or parts is None:
        return 1
    if "--notes" in arguments:
        print(notes(ROOT / "packages" / parts["package"], parts["version"]))
    else:
        package, version = parts["package"], parts["version"]
        print(f"package={package}\nversion={version}\nflags={flags(package, version)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
