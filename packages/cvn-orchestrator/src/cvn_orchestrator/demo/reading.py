"""What the demo's figures say, and what they do not: the tables and a few paragraphs."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from cvn_orchestrator.demo.pooled import difference, pooled
from cvn_orchestrator.table import aligned

Row = dict[str, Any]

OVER_TRADING = 0.4
"""The share of test rows above which a cell is said to over-trade."""

VERDICTS = ("tradable", "unproven", "not_tradable")

_CELL = ("symbol", "fold", "test from", "model")
_POLICY = ("theta", "buy rate", "precision", "net")
_TOTAL = (
    "policy",
    "model",
    "NO_TRADE",
    "over-trading",
    "gaining",
    "signals",
    "buy rate",
    "f1_buy",
    "precision",
    "net",
    "net / 1,000",
    "seconds",
)
_WIDTH = 100


@dataclass(frozen=True)
class Total:
    """One policy, with one model or all, over all of its cells, on test rows.

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


def reading(rows: Sequence[Row], tested: pl.DataFrame) -> str:
    """Return all that the demo prints of its results; ``tested`` is as ``run`` returns it."""
    parts = [table(rows), total_table(rows), *paragraphs(rows, tested), untraded(rows)]
    return "\n\n".join(part for part in parts if part)


def table(rows: Sequence[Row]) -> str:
    """Return a line for each symbol, fold and model, with the figures of each policy on test."""
    cells: dict[tuple[str, ...], list[tuple[str, ...]]] = {}
    for row in rows:
        cell = (row["symbol"], str(row["fold"]), row["test_from"], row["model"])
        cells.setdefault(cell, []).append(_figures(row))
    policies = _policies(rows)
    header = (*_CELL, *(name for _ in policies for name in ("|", *_POLICY)))
    lines = [
        (*cell, *(part for figures in each for part in ("|", *figures)))
        for cell, each in cells.items()
    ]
    body = aligned(header, lines, left=len(_CELL))
    heads = body.partition("\n")[0]
    above, at = "", -1
    for policy in policies:
        at = heads.index("|", at + 1)
        above = f"{above:{at}}| {policy}"
    return f"{above}\n{body}"


def untraded(rows: Sequence[Row]) -> str:
    """Return what each cell says of itself that does not trade."""
    return "\n".join(
        textwrap.fill(
            f"NO_TRADE in {row['symbol']} fold {row['fold']}, {row['model']}. "
            f"{row['tradability']['sentence']}",
            width=100,
            subsequent_indent="  ",
        )
        for row in rows
        if row["theta"] is None
    )


def total_table(rows: Sequence[Row]) -> str:
    """Return a line for each policy and model, over all of its cells."""
    found = [total for policy in _policies(rows) for total in totals(rows, policy)]
    lines = [
        (
            total.policy,
            total.model,
            f"{total.no_trade}/{total.cells}",
            f"{total.over_trading}/{total.cells}",
            f"{total.gaining}/{total.cells}",
            f"{total.signals:,}",
            f"{total.buy_rate:.1%}",
            f"{total.f1:.3f}",
            _figure(total.precision),
            _signed(total.expectancy),
            f"{total.earned:+.1f}",
            f"{total.seconds:.1f}",
        )
        for total in found
    ]
    return aligned(_TOTAL, lines, left=2)


def totals(rows: Sequence[Row], policy: str) -> list[Total]:
    """Return the figures of one policy: of each of its models, then of all of them."""
    own = [row for row in rows if row["policy"]["name"] == policy]
    models = list(dict.fromkeys(row["model"] for row in own))
    each = [_total(policy, name, [row for row in own if row["model"] == name]) for name in models]
    return [*each, _total(policy, "all", own)]


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


def paragraphs(rows: Sequence[Row], tested: pl.DataFrame) -> list[str]:
    """Return what the tables say, in words that the figures bear."""
    first, *others = _policies(rows)
    said = [_setting(rows), _of_policy(rows, tested, first)]
    for other in others:
        said += [_of_policy(rows, tested, other), _difference(tested, first, other)]
    said.append(_caveats(rows, edge=_edge(rows, tested, first)))
    return [textwrap.fill(paragraph, width=_WIDTH) for paragraph in said]


def _setting(rows: Sequence[Row]) -> str:
    symbols = " and ".join(sorted({row["symbol"] for row in rows}))
    first, last = min(r["test_from"] for r in rows), max(r["test_to"] for r in rows)
    windows = {(row["symbol"], row["fold"]): row for row in rows}.values()
    n = sum(row["metrics"]["test"]["n"] for row in windows)
    every = _every(rows)
    return (
        f"Tested on {first} to {last} of {symbols}: {n:,} rows, unseen when the models were fitted "
        f"and theta was picked. Net is in ATR a trade, after a cost of {rows[0]['cost']:g}. "
        f"Break-even precision is {rows[0]['break_even']:.3f} if every loser loses the whole stop; "
        "trades that run out of time end in between, so judge by net. Buying every row would have "
        f"earned {every:+.3f} a trade, {1000 * every:+.1f} per 1,000 rows."
    )


def _of_policy(rows: Sequence[Row], tested: pl.DataFrame, policy: str) -> str:
    total, view = totals(rows, policy)[-1], pooled(tested, policy)
    counts = ", ".join(f"{n} {name.replace('_', ' ')}" for name, n in total.verdicts.items())
    every = _every(rows)
    earned = "never signals."
    if total.expectancy is not None:
        a_trade = "more" if total.expectancy > every else "less"
        in_all = "more" if total.earned > 1000 * every else "less"
        earned = (
            f"bought {total.buy_rate:.1%} of the rows and earned {total.expectancy:+.3f} a trade "
            f"({a_trade} than buying every row) and {total.earned:+.1f} per 1,000 rows ({in_all})."
        )
    return (
        f"{policy}: {earned} NO_TRADE in {total.no_trade} of {total.cells} cells; "
        f"{total.over_trading} over-trade (buy rate above {OVER_TRADING:.0%}). Verdicts by cell: "
        f"{counts}.{_rising(rows, policy)} All cells pooled: "
        f"{view.sentence(rows[0]['break_even'])}"
    )


def _rising(rows: Sequence[Row], policy: str) -> str:
    """Return how many tradable cells lie where anyone would have gained."""
    tradable = [
        row
        for row in rows
        if row["policy"]["name"] == policy and row["tradability"]["verdict"] == "tradable"
    ]
    if not tradable:
        return ""
    rising = sum(row["buy_every_row"] > 0 for row in tradable)
    return f" In {rising} of the {len(tradable)} tradable cells buying every row gained, too."


def _difference(tested: pl.DataFrame, policy: str, other: str) -> str:
    more, (low, high) = difference(tested, policy, other)
    decided = "which chance alone could give" if low <= 0 <= high else "beyond chance"
    return (
        f"Per 1,000 rows {policy} earned {abs(more):.1f} {'more' if more >= 0 else 'less'} than "
        f"{other} (95 % of the difference {low:+.1f} to {high:+.1f}), {decided}."
    )


def _caveats(rows: Sequence[Row], *, edge: bool) -> str:
    reasons = Counter(reason for row in rows for reason in row["health"]["reasons"])
    claim = (
        f"The {_policies(rows)[0]} policy earned more than zero and than buying every row by more "
        "than chance explains; that is weak evidence of an edge, on one history."
        if edge
        else "This is no evidence of an edge."
    )
    return (
        f"Of {len(rows)} fits, {reasons['shallow']} stopped boosting at once, having learnt "
        "nothing that validation confirms, and in "
        f"{reasons['covariate_shift']} a feature moved between train and validation. {claim} "
        "Intervals are of a bootstrap over days, since trades overlap and the two indices move "
        "together; nothing corrects for the number of models and cells compared, and an index "
        "cannot be bought at its printed open. What it shows is the path: purged folds, every "
        "model under the same policy, and figures that can be traced to their bundles."
    )


def _edge(rows: Sequence[Row], tested: pl.DataFrame, policy: str) -> bool:
    interval = pooled(tested, policy).interval
    return interval is not None and interval[0] > max(0.0, _every(rows))


def _every(rows: Sequence[Row]) -> float:
    """Return what buying every test row would have earned a trade."""
    windows = {(row["symbol"], row["fold"]): row for row in rows}.values()
    n = sum(row["metrics"]["test"]["n"] for row in windows)
    return float(sum(row["buy_every_row"] * row["metrics"]["test"]["n"] for row in windows) / n)


def _policies(rows: Sequence[Row]) -> list[str]:
    return list(dict.fromkeys(row["policy"]["name"] for row in rows))


def _figures(row: Row) -> tuple[str, ...]:
    test = row["metrics"]["test"]
    return (
        "NO_TRADE" if row["theta"] is None else f"{row['theta']:.3f}",
        f"{test['buy_rate']:.1%}",
        _figure(test["precision_buy"]),
        _signed(test["expectancy"]),
    )


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _signed(value: float | None) -> str:
    return "-" if value is None else f"{value:+.3f}"
