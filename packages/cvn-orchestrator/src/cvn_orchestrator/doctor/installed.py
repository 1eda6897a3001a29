"""Python, our distributions, and the libraries that they stand on."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator
from importlib import import_module

from packaging.utils import canonicalize_name

from cvn_harness_core import discover
from cvn_orchestrator.doctor.examination import failed
from cvn_orchestrator.doctor.finding import Asked, Finding
from cvn_orchestrator.doctor.requirements import (
    Need,
    Providers,
    extras_asked,
    needs,
    providers,
    version_of,
)

_OURS = {"cvn-harness-core": "cvn_harness_core", "cvn-orchestrator": "cvn_orchestrator"}


def check(asked: Asked) -> Iterator[Finding]:  # noqa: ARG001
    """Yield a finding for Python, and one for each of our distributions and each plugin's."""
    yield _python()
    plugins = {
        record.distribution
        for record in discover()
        if record.kind != "unknown" and version_of(record.distribution)
    }
    distributions = [*_OURS, *sorted(plugins - set(_OURS))]
    there = [name for name in distributions if version_of(name) is not None]
    extras, offered = extras_asked(there), providers()
    for name in distributions:
        try:
            yield _distribution(name, extras.get(canonicalize_name(name), set()), offered)
        except Exception as error:  # noqa: BLE001  metadata may be damaged in any way
            yield failed(name, error)


def _python() -> Finding:
    version, system = platform.python_version(), platform.system()
    found = f"{version} ({platform.python_implementation()}, {system} {platform.machine()})"
    facts = {"version": version, "executable": sys.executable, "platform": platform.platform()}
    if system != "Linux":
        return Finding(
            "python",
            "warning",
            f"{found}; only Linux is tested",
            "run it on Linux, for instance in a container",
            facts,
        )
    return Finding("python", "ok", found, facts=facts)


def _distribution(name: str, extras: set[str], offered: Providers) -> Finding:
    version = version_of(name)
    if version is None:
        return Finding(
            name,
            "problem",
            "it runs, and its metadata are not installed: nothing knows what it needs",
            f"pip install {name}",
        )
    found = list(needs(name, extras, offered))
    libraries = [n for n in found if n.version is not None and n.name not in _OURS]
    facts: dict[str, object] = {
        "version": version,
        "libraries": {n.name: {"version": n.version, "provider": n.provider} for n in libraries},
    }
    unfit = [n for n in found if not n.fits]
    if unfit:
        said = "; ".join(_lacking(n) for n in unfit)
        wanted = " ".join(f'"{n.wanted}"' for n in unfit)
        return Finding(name, "problem", f"{version}; {said}", f"pip install {wanted}", facts)
    own = _running(name)
    if own not in (None, version):
        return Finding(
            name,
            "warning",
            f"{own} runs, and its metadata are of {version}",
            "install it again: `uv sync` in a checkout, else pip install --force-reinstall",
            facts,
        )
    doubled = next((n for n in libraries if n.rivals), None)
    if doubled is not None:
        return _doubled(name, version, doubled, facts)
    listed = ", ".join(n.shown for n in libraries)
    return Finding(name, "ok", f"{version} with {listed}" if listed else version, facts=facts)


def _lacking(need: Need) -> str:
    if need.version is None:
        return f"{need.wanted} is not installed"
    return f"{need.shown} is installed, not {need.requirement.specifier}"


def _running(name: str) -> str | None:
    """Return the version that our own code says of itself."""
    if name not in _OURS:
        return None
    version: str = import_module(f"{_OURS[name]}.__about__").__version__
    return version


def _doubled(name: str, version: str, need: Need, facts: dict[str, object]) -> Finding:
    both = [need.provider or need.name, *need.rivals]
    return Finding(
        name,
        "warning",
        f"{version}; {' and '.join(both)} are both installed and write over one another",
        f"pip uninstall -y {' '.join(both)} && pip install {both[0]}",
        facts,
    )
