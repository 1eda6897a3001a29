"""What the kit found of one plugin."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

Outcome = Literal["passed", "failed", "skipped"]


@dataclass(frozen=True)
class CheckResult:
    """What became of one check.

    Parameters
    ----------
    name, about
        The check's, and what holds of a sound plugin.
    outcome
        ``passed``, ``failed`` or ``skipped``.
    seconds
        Wall time.
    expected, seen, mend
        Of a failure: what was expected, what was seen, and how to mend it.
    reason
        Of a skipped check: why it does not apply, or which other one has to be mended first.
    """

    name: str
    about: str
    outcome: Outcome
    seconds: float
    expected: str | None = None
    seen: str | None = None
    mend: str | None = None
    reason: str | None = None

    def __str__(self) -> str:
        if self.outcome == "failed":
            return (
                f"{self.name}: {self.about}\n  expected  {self.expected}\n"
                f"  saw       {self.seen}\n  mend      {self.mend}"
            )
        return f"{self.name}: {self.outcome}{f', {self.reason}' if self.reason else ''}"


@dataclass(frozen=True)
class Report:
    """What the kit found of one plugin; ``ok`` if no check failed. ``str()`` is for people."""

    name: str
    kind: Literal["model", "ensemble"]
    distribution: str
    version: str
    results: tuple[CheckResult, ...]

    @property
    def passed(self) -> tuple[CheckResult, ...]:
        """The checks that passed."""
        return self._of("passed")

    @property
    def failed(self) -> tuple[CheckResult, ...]:
        """The checks that failed."""
        return self._of("failed")

    @property
    def skipped(self) -> tuple[CheckResult, ...]:
        """The checks that do not apply, each with its reason."""
        return self._of("skipped")

    @property
    def ok(self) -> bool:
        """Whether no check failed."""
        return not self.failed

    @property
    def seconds(self) -> float:
        """Wall time of all checks."""
        return sum(result.seconds for result in self.results)

    def as_dict(self) -> dict[str, Any]:
        """Return the report as JSON-like values."""
        facts = {n: getattr(self, n) for n in ("name", "kind", "distribution", "version", "ok")}
        return facts | {
            "seconds": self.seconds,
            "counts": {n: len(getattr(self, n)) for n in ("passed", "failed", "skipped")},
            "checks": [asdict(result) for result in self.results],
        }

    def summary(self) -> str:
        """Return the verdict in one line."""
        counts = ", ".join(f"{len(getattr(self, n))} {n}" for n in ("passed", "failed", "skipped"))
        who = f"the {self.kind} {self.name} ({self.distribution} {self.version})"
        verdict = "keeps" if self.ok else "does not keep"
        return f"{who} {verdict} the contract: {counts}, in {self.seconds:.1f} s"

    def __str__(self) -> str:
        parts = [str(result) for result in (*self.failed, *self.skipped)]
        return "\n".join([*parts, self.summary()])

    def _of(self, outcome: Outcome) -> tuple[CheckResult, ...]:
        return tuple(result for result in self.results if result.outcome == outcome)
