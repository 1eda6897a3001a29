"""The digest of a plugin's code, so that a changed adapter never finds what the old one made."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from blake3 import blake3

from cvn_harness_core.contracts.content import text_digest
from cvn_harness_core.errors import StoreError
from cvn_harness_core.plugins.discovery import distribution_files
from cvn_harness_core.plugins.record import PluginRecord

_CODE = frozenset({".py", ".so", ".pyd"})


@cache
def code_digest(record: PluginRecord) -> str:
    """Return the digest of all code of the distribution that a record names, as 64 hex digits.

    That is every file of code that the distribution lists; for an editable installation, every
    package and module in the folders that it puts on the path; and the package that the entry point
    names, wherever it lies. Where the files lie is not part of the digest, only their names under
    the path are. Imports nothing.

    Taken once in a process: the code that was imported is the code that was there then.

    Raises
    ------
    StoreError
        ``code_not_found`` if there is no file of code to be found.
    """
    top = record.package
    return _digest(
        {*_listed(record.distribution), *_package(top)},
        f"{record.distribution} {record.version} ({record.target})",
    )


@cache
def package_digest(name: str) -> str:
    """Return the digest of all code of one importable top-level package, as 64 hex digits.

    Taken once in a process. Raises StoreError ``code_not_found``.
    """
    return _digest(set(_package(name)), name)


def _digest(sources: set[tuple[str, Path]], whose: str) -> str:
    if not sources:
        message = (
            f"no code of {whose} was found, so its results cannot be kept; install it as files "
            "(not as a zip archive), or use no store and no storage."
        )
        raise StoreError("code_not_found", message)
    files = sorted((name, blake3(path.read_bytes()).hexdigest()) for name, path in sources)
    return text_digest(json.dumps(files))


def _listed(distribution: str) -> Iterator[tuple[str, Path]]:
    for name, path in distribution_files(distribution):
        if path.suffix in _CODE and path.is_file():
            yield name, path.resolve()
        elif path.suffix == ".pth" and path.is_file():
            for line in path.read_text().splitlines():
                if line.strip() and not line.startswith(("#", "import ", "import\t")):
                    yield from _importable(path.parent / line.strip())


def _importable(folder: Path) -> Iterator[tuple[str, Path]]:
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.suffix in _CODE:
            yield path.name, path.resolve()
        elif (path / "__init__.py").is_file():
            yield from _below(path)


def _package(top: str) -> Iterator[tuple[str, Path]]:
    spec = importlib.util.find_spec(top)
    if spec is None:
        return
    for folder in spec.submodule_search_locations or ():
        yield from _below(Path(folder))
    if not spec.submodule_search_locations and spec.origin and Path(spec.origin).is_file():
        yield Path(spec.origin).name, Path(spec.origin).resolve()


def _below(package: Path) -> Iterator[tuple[str, Path]]:
    for path in package.rglob("*"):
        if path.suffix in _CODE and path.is_file():
            yield path.relative_to(package.parent).as_posix(), path.resolve()
