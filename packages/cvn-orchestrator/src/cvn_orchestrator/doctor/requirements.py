"""What an installed distribution needs, and what is there for it. Imports none of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Set
from contextlib import suppress
from dataclasses import dataclass
from importlib import metadata

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion

Providers = Mapping[str, list[str]]
"""The distributions that put files into an importable package, by the package's name."""

UNREADABLE = "of unreadable metadata"
"""What stands for the version of a distribution whose metadata are damaged."""

_PACKAGE = re.compile(r"^(\w+)/__init__\.", re.MULTILINE)


@dataclass(frozen=True)
class Need:
    """A requirement of an installed distribution.

    Parameters
    ----------
    requirement
        What it asks for, for instance ``xgboost<4,>=2.1``.
    version
        The version that is installed, by its own metadata; None if there is none.
    provider
        The distribution that offers it, where that has another name: ``xgboost-cpu``.
    rivals
        More distributions that put files into the same package.
    fits
        Whether the version is one that is asked for.
    """

    requirement: Requirement
    version: str | None
    provider: str | None
    rivals: tuple[str, ...]
    fits: bool

    @property
    def name(self) -> str:
        """The distribution that is asked for."""
        return self.requirement.name

    @property
    def shown(self) -> str:
        """The name, the version and, where it has another name, the distribution."""
        of = f" ({self.provider})" if self.provider else ""
        return f"{self.name} {self.version}{of}"

    @property
    def wanted(self) -> str:
        """What ``pip install`` takes."""
        extras = f"[{','.join(sorted(self.requirement.extras))}]" if self.requirement.extras else ""
        return f"{self.name}{extras}{self.requirement.specifier}"


def requirements(distribution: str, extras: Set[str]) -> list[Requirement]:
    """Return what a distribution needs here, with these of its extras."""
    found = []
    for text in metadata.requires(distribution) or []:
        requirement = Requirement(text)
        marker = requirement.marker
        if marker is None or any(marker.evaluate({"extra": e}) for e in ("", *extras)):
            found.append(requirement)
    return found


def extras_asked(distributions: Iterable[str]) -> dict[str, set[str]]:
    """Return the extras that distributions ask of one another, by canonical name."""
    asked: dict[str, set[str]] = {}
    for distribution in distributions:
        with suppress(Exception):  # damaged metadata are told of where they are read for themselves
            for requirement in requirements(distribution, frozenset()):
                extras = asked.setdefault(canonicalize_name(requirement.name), set())
                extras.update(requirement.extras)
    return asked


def providers() -> Providers:
    """Return which distributions list files of which packages, damaged ones left out.

    ``importlib.metadata.packages_distributions`` takes longer, and raises if one is damaged.
    """
    found: dict[str, list[str]] = {}
    for distribution in metadata.distributions():
        with suppress(Exception):
            packages = set(_PACKAGE.findall(distribution.read_text("RECORD") or ""))
            name = distribution.metadata["Name"] if packages else ""
            for package in packages if name else ():
                found.setdefault(package, []).append(name)
    return found


def needs(distribution: str, extras: Set[str], offered: Providers) -> Iterator[Need]:
    """Yield what a distribution needs, with what is installed for it."""
    for requirement in requirements(distribution, extras):
        yield need(requirement, offered)


def need(requirement: Requirement, offered: Providers) -> Need:
    """Return what is installed for a requirement.

    A distribution of another name counts if it brings the package of the name that is asked for.
    """
    name = canonicalize_name(requirement.name)
    package = name.replace("-", "_")
    others = sorted({d for d in offered.get(package, ()) if canonicalize_name(d) != name})
    version, provider = version_of(requirement.name), None
    if version is None and others:
        provider = others.pop(0)
        version = version_of(provider)
    fits = version is not None and _fits(requirement, version)
    return Need(requirement, version, provider, tuple(others), fits)


def version_of(distribution: str) -> str | None:
    """Return a distribution's version; None if it is not installed."""
    try:
        return metadata.version(distribution) or UNREADABLE
    except metadata.PackageNotFoundError:
        return None
    except Exception:  # noqa: BLE001  metadata may be damaged in any way
        return UNREADABLE


def _fits(requirement: Requirement, version: str) -> bool:
    try:
        return requirement.specifier.contains(version, prereleases=True)
    except InvalidVersion:
        return version != UNREADABLE  # a version that is none tells nothing
