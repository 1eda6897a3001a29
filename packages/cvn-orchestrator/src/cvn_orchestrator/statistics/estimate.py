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
