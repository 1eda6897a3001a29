"""A figure with its interval and p value, or the reason why there is none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

LEVEL = 0.95
Interval: TypeAlias = tuple[float, float]


@dataclass(frozen=True)
class Estimate:
    """A figure, its 95 % interval and the two-sided p value of zero.

    The interval excludes zero where p is below 0.05. All are None with a ``reason`` where the
    figure is undefined; interval and p alone where it does not vary, or there is too little of it.
    """

    value: float | None = None
    interval: Interval | None = None
    p: float | None = None
    reason: str | None = None


def by_t(value: float, error: float, free: float) -> Estimate:
    """Return the estimate of a figure whose error has ``free`` degrees of freedom (Student's t)."""
    from scipy.stats import t

    if error <= 1e-12 * max(1.0, abs(value)):
        return Estimate(value, reason="it does not vary")
    half = float(t.ppf((1 + LEVEL) / 2, free)) * error
    p = float(2 * t.sf(abs(value) / error, free))
    return Estimate(value, (value - half, value + half), p)
