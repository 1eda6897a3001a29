"""What is needed for some things only, and whether it is there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from packaging.requirements import Requirement

from cvn_orchestrator.doctor.finding import Asked, Finding
from cvn_orchestrator.doctor.requirements import need, requirements


class _Optional(NamedTuple):
    distribution: str
    extra: str
    name: str
    what_for: str


_ALL = (
    _Optional("cvn-orchestrator", "postgresql", "psycopg", "results in PostgreSQL"),
    _Optional("cvn-harness-core", "venn-abers", "venn-abers", "--calibrate venn_abers"),
    _Optional("cvn-orchestrator", "ray", "ray", "cvn sweep --engine ray"),
)


def check(asked: Asked) -> Iterator[Finding]:  # noqa: ARG001
    """Yield a finding for each; one that is not installed is no fault."""
    for one in _ALL:
        yield _finding(one)


def _finding(one: _Optional) -> Finding:
    asked = [r for r in requirements(one.distribution, {one.extra}) if r.name == one.name]
    found = need(asked[0] if asked else Requirement(one.name), {})
    install = (
        f'pip install "{one.distribution}[{one.extra}]"' if asked else f"pip install {one.name}"
    )
    if found.version is None:
        said = f"not installed; only for {one.what_for}"
        return Finding(one.name, "ok", said, facts={"version": None, "install": install})
    facts = {"version": found.version, "install": install}
    if not found.fits:
        said = f"{found.version} is installed, not {found.requirement.specifier}: {one.what_for}"
        return Finding(one.name, "warning", said, install, facts)
    return Finding(one.name, "ok", f"{found.version}, for {one.what_for}", facts=facts)
