"""What a cell's row keeps of its artifact besides figures: a contract, small and JSON-like.

`cell_facts` writes it, `read_facts` reads it. Keys that are not here are left alone, keys that are
missing have their defaults, so that facts of other releases can be read. Numbers have five digits;
what must be exact stands in the row itself. All of it together takes about 3 to 8 kB.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

POINTS = 60
"""Points of a theta curve."""
BINS = 20
"""Bins of equal width over [0, 1], for reliability."""
VALUES = 150
"""Values of a cell's searches, all of them together."""


class Payoff(Struct, frozen=True, kw_only=True):
    """What money figures assume; ``break_even`` is net of cost."""

    take_profit: float
    stop_loss: float
    cost: float
    break_even: float


class Curve(Struct, frozen=True, kw_only=True):
    """What each theta would have done on the rows that decided; see ``ThetaCurve``."""

    theta: list[float]
    n_signals: list[int]
    buy_rate: list[float]
    precision: list[float | None]
    f1: list[float]
    costs: list[float] = []
    expectancy: list[list[float | None]] = []


class Theta(Struct, frozen=True, kw_only=True):
    """How theta was picked; ``band`` are the least and largest buy rate allowed.

    ``break_even`` is the precision that pays, where the rule weighs money.
    """

    rule: str
    source: str
    n: int
    reason: str | None = None
    break_even: float | None = None
    interval: tuple[float, float] | None = None
    band: tuple[float, float] = (0.0, 1.0)
    curve: Curve | None = None


class Outcome(Struct, frozen=True, kw_only=True):
    """What was predicted for theta and what became of it on test; see ``ThetaOutcome``."""

    predicted_buy_rate: float
    realised_buy_rate: float
    predicted_expectancy: float | None = None
    realised_expectancy: float | None = None
    alarm: str | None = None


class Part(Struct, frozen=True, kw_only=True):
    """Rows of a split, the share of positive labels, first and last time (ISO 8601, UTC)."""

    n: int
    prevalence: float
    first: str | None = None
    last: str | None = None


class Days(Struct, frozen=True, kw_only=True):
    """Days with a test row: from ``first`` on, numbers of days with and without, in turn."""

    first: str
    runs: list[int]


class Reliability(Struct, frozen=True, kw_only=True):
    """Test rows by score, in those of ``BINS`` equal bins that are not empty."""

    n: list[int]
    score: list[float]
    positives: list[int]


class Calibration(Struct, frozen=True, kw_only=True):
    """What became of the calibration that was asked for, and what the scores are now."""

    status: str
    scores: str
    method: str | None = None
    reason: str | None = None
    rows: int = 0


class Health(Struct, frozen=True, kw_only=True):
    """Codes of what is doubtful, the figures behind them, and the features that shifted most."""

    verdict: str
    reasons: list[str] = []
    figures: dict[str, float | None] = {}
    worst_psi: dict[str, float] = {}
    max_psi: float | None = None


class Boosting(Struct, frozen=True, kw_only=True):
    """When boosting stopped."""

    metric: str | None = None
    best_iteration: int | None = None
    ceiling: int | None = None


class Search(Struct, frozen=True, kw_only=True):
    """A search: ``values`` by trial, in order; None where a trial was pruned or failed.

    ``numbers`` are the trials' where some are left out, none of which set a new best unless too
    many did; empty where all are there.
    """

    model: str
    objective: str
    direction: str
    evaluate_on: str
    best: int | None
    value: float | None
    trials: int
    pruned: int
    failed: int
    values: list[float | None]
    numbers: list[int] = []


class Member(Struct, frozen=True, kw_only=True):
    """A base of an ensemble: its share of the weight, where defined, and its figures on test."""

    name: str
    weight: float | None
    test: dict[str, float | None]


class Facts(Struct, frozen=True, kw_only=True):
    """All of it.

    ``params`` are by who chose them (those that the library chose are left out) and then by name;
    ``undefined`` are the figures of test that are None, and why.
    """

    name: str
    kind: str
    theta: Theta
    outcome: Outcome
    tradability: str
    health: Health
    calibration: Calibration
    boosting: Boosting = Boosting()
    payoff: Payoff | None = None
    parts: dict[str, Part] = {}
    test_days: Days | None = None
    reliability: Reliability | None = None
    params: dict[str, dict[str, str]] = {}
    searches: list[Search] = []
    members: list[Member] = []
    undefined: dict[str, str] = {}
    versions: dict[str, str] = {}
    features: int = 0
    feature_version: str = ""
    datasets: str = ""
    seed: int = 0
    threads: int = 1


def read_facts(kept: Mapping[str, Any]) -> Facts | None:
    """Return the facts of a row; None if it has none, or other ones."""
    try:
        return msgspec.convert(kept, Facts)
    except msgspec.ValidationError:
        return None
