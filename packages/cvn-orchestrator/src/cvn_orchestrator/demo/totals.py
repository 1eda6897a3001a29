"""What each policy did over all of its cells: with each model, all models and each ensemble."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Row = dict[str, Any]

OVER_TRADING = 0.4
"""The share of test rows above which a cell is said to over-trade."""

VERDICTS = ("tradable", "unproven", "not_tradable")


@dataclass(frozen=True)
class Total:
    """One policy, with one model, all models or one ensemble, over all of its cells, on test rows.

    Money in ATR, net: ``expectancy`` a signal, ``earned`` for each 1,000 test rows. ``no_trade``,
    ``over_trading``, ``gaining`` and ``verdicts`` count cells.
    """

    policy: str
    model: str
    cells: int
    no_trade: int
    over_trading: int
    gaining: int
    signals: int
    buy_rate: float
    f1: float
    precision: float | None
    expectancy: float | None
    earned: float
    verdicts: dict[str, int]
    seconds: float


def totals(rows: Sequence[Row], policy: str) -> list[Total]:
    """Return the figures of one policy: of each model, of all models, then of each ensemble."""
    own = [row for row in rows if row["policy"]["name"] == policy]
    ensembles = [row for row in own if row["role"] == "ensemble"]
    return [
        *_by_name(policy, models_of(own)),
        all_models(own, policy),
        *_by_name(policy, ensembles),
    ]


def all_models(rows: Sequence[Row], policy: str) -> Total:
    """Return the figures of one policy with all models.

    Ensembles are left out: not every policy has them.
    """
    own = [row for row in models_of(rows) if row["policy"]["name"] == policy]
    return _total(policy, "all models", own)


def models_of(rows: Sequence[Row]) -> list[Row]:
    """Return the rows of models, without those of ensembles and their bases."""
    return [row for row in rows if row["role"] == "model"]


def policies_of(rows: Sequence[Row]) -> list[str]:
    """Return the names of the policies, in the order in which they come."""
    return list(dict.fromkeys(row["policy"]["name"] for row in rows))


def _by_name(policy: str, rows: Sequence[Row]) -> list[Total]:
    names = dict.fromkeys(row["model"] for row in rows)
    return [_total(policy, name, [row for row in rows if row["model"] == name]) for name in names]


def _total(policy: str, model: str, rows: Sequence[Row]) -> Total:
    tests = [row["metrics"]["test"] for row in rows]
    traded = [m for m in tests if m["n_signals"]]
    n, signals = sum(m["n"] for m in tests), sum(m["n_signals"] for m in traded)
    hits = sum(m["precision_buy"] * m["n_signals"] for m in traded)
    earned = sum(m["expectancy"] * m["n_signals"] for m in traded)
    positives = sum(m["prevalence"] * m["n"] for m in tests)
    verdicts = [row["tradability"]["verdict"] for row in rows]
    return Total(
        policy=policy,
        model=model,
        cells=len(rows),
        no_trade=sum(row["theta"] is None for row in rows),
        over_trading=sum(m["buy_rate"] > OVER_TRADING for m in tests),
        gaining=sum(m["expectancy"] > 0 for m in traded),
        signals=signals,
        buy_rate=signals / n,
        f1=2 * hits / (signals + positives),
        precision=hits / signals if signals else None,
        expectancy=earned / signals if signals else None,
        earned=1000 * earned / n,
        verdicts={name: verdicts.count(name) for name in VERDICTS},
        seconds=sum(row["seconds"] for row in rows),
    )
