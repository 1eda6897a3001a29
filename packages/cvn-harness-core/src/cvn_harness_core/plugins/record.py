"""A plugin as a listing shows it: what its metadata say, and whether it may be loaded."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple, TypeAlias

Kind: TypeAlias = Literal["model", "ensemble", "observer", "theta-rule", "unknown"]
Status: TypeAlias = Literal[
    "available", "blocked", "conflict", "incompatible", "malformed",
    "contract", "dependency_missing", "import_failed",
]  # fmt: skip
"""What an error's code says after ``plugin_``; the last three are known only after an import."""

CONTRACT_VERSION = 1
"""The version of the plugin contract that this core honours, as in ``cvn_harness.models.v1``."""


class PluginRecord(NamedTuple):
    """One entry point, and whether it may be loaded.

    ``error`` says why not, and ``advice`` what to do, whenever ``status`` is not ``available``.
    Advice without an error is a note on a plugin that can be used.
    """

    name: str
    kind: Kind
    distribution: str
    version: str
    target: str
    origin: Literal["installed", "editable"]
    contract: int
    status: Status = "available"
    error: str | None = None
    advice: str | None = None

    @property
    def identity(self) -> frozenset[str]:
        """The names by which an allow-list or a block-list knows it."""
        return frozenset({self.name, canonical(self.distribution)})

    @property
    def package(self) -> str:
        """The top-level module that its entry point leads into."""
        return re.split(r"[.:\s\[]", self.target.strip(), maxsplit=1)[0]

    def as_dict(self) -> dict[str, str | int | None]:
        """Return the record as JSON-like values."""
        return self._asdict()


def canonical(distribution: str) -> str:
    """Return a distribution's name as pip compares it."""
    return re.sub(r"[-_.]+", "-", distribution).lower()


def malformed(record: PluginRecord, error: str, first: str = "") -> PluginRecord:
    """Return a record of what its author has to mend; ``first`` is advice before the common one."""
    advice = f"pip install --upgrade {record.distribution}, or uninstall it and tell its author"
    return record._replace(status="malformed", error=error, advice=f"{first}{advice}")
