"""What the demo's figures say, and what they do not: the tables and a few paragraphs."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Mapping, Sequence

import polars as pl

from cvn_orchestrator.demo.ensembles import HOW, comparison_table, comparisons
from cvn_orchestrator.demo.pooled import difference, pooled
from cvn_orchestrator.demo.totals import (
    OVER_TRADING,
    Row,
    all_models,
    models_of,
    policies_of,
    totals,
)
from cvn_orchestrator.table import aligned

_CELL = ("symbol", "fold", "test from", "model")
_POLICY = ("theta", "bought", "precision", "net")
_UNTRAINED = ("-",) * len(_POLICY)
_TOTAL = (
    "policy",
    "model",
    "NO_TRADE",
    "over-trade",
    "gaining",
    "signals",
    "bought",
    "f1_buy",
    "precision",
    "net",
    "net / 1,000",
    "secs",
)
_WIDTH = 100


def reading(rows: Sequence[Row], tested: pl.DataFrame) -> str:
    """Return all that the demo prints of its results; ``tested`` is as ``run`` returns it."""
    compared = comparison_table(comparisons(rows, tested))
    shown = [row for row in rows if row["role"] != "base"]
    parts = [table(shown), total_table(shown), compared]
    parts += [*paragraphs(shown, tested), untraded(shown)]
    return "\n\n".join(part for part in parts if part)


def table(rows: Sequence[Row]) -> str:
    """Return a line for each symbol, fold and name, with the figures of each policy on test."""
    policies = policies_of(rows)
    cells: dict[tuple[str, ...], dict[str, tuple[str, ...]]] = {}
    for row in rows:
        cell = (row["symbol"], str(row["fold"]), row["test_from"], row["model"])
        each = cells.setdefault(cell, dict.fromkeys(policies, _UNTRAINED))
        each[row["policy"]["name"]] = _figures(row)
    header = (*_CELL, *(name for _ in policies for name in ("|", *_POLICY)))
    lines = [
        (*cell, *(part for figures in each.values() for part in ("|", *figures)))
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
    """Return a line for each policy with each model, all models and each ensemble."""
    found = [total for policy in policies_of(rows) for total in totals(rows, policy)]
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


def paragraphs(rows: Sequence[Row], tested: pl.DataFrame) -> list[str]:
    """Return what the tables say, in words that the figures bear."""
    models, of_models = models_of(rows), tested.filter(pl.col("role") == "model")
    own = {policy: of_models.filter(pl.col("policy") == policy) for policy in policies_of(rows)}
    first, *others = own
    said = [_setting(rows), _of_policy(models, own[first], first)]
    for other in others:
        said += [_of_policy(models, own[other], other), _difference(own, first, other)]
    if len(models) < len(rows):
        said.append(HOW)
    said.append(_caveats(rows, edge=_edge(rows, own[first])))
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
    total, view = all_models(rows, policy), pooled(tested)
    counts = ", ".join(f"{n} {name.replace('_', ' ')}" for name, n in total.verdicts.items())
    every = _every(rows)
    earned = "its models never signal."
    if total.expectancy is not None:
        a_trade = "more" if total.expectancy > every else "less"
        in_all = "more" if total.earned > 1000 * every else "less"
        earned = (
            f"its models bought {total.buy_rate:.1%} of the rows and earned "
            f"{total.expectancy:+.3f} a trade ({a_trade} than buying every row) and "
            f"{total.earned:+.1f} per 1,000 rows ({in_all})."
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


def _difference(tested: Mapping[str, pl.DataFrame], policy: str, other: str) -> str:
    more, low, high = difference(tested[policy], tested[other])
    decided = "which chance alone could give" if low <= 0 <= high else "beyond chance"
    return (
        f"Per 1,000 rows {policy} earned {abs(more):.1f} {'more' if more >= 0 else 'less'} than "
        f"{other} (95 % of the difference {low:+.1f} to {high:+.1f}), {decided}."
    )


def _caveats(rows: Sequence[Row], *, edge: bool) -> str:
    reasons = Counter(reason for row in rows for reason in row["health"]["reasons"])
    n_models = len(models_of(rows))
    claim = (
        f"The models under {policies_of(rows)[0]} earned more than zero and than buying every row "
        "by more than chance explains; that is weak evidence of an edge, on one history."
        if edge
        else "This is no evidence of an edge."
    )
    return (
        f"Of {n_models} models {reasons['shallow']} stopped boosting at once, having learnt "
        f"nothing that validation confirms, and in {reasons['covariate_shift']} of the {len(rows)} "
        f"trainings shown a feature moved between train and validation. {claim} "
        "Intervals are of a bootstrap over days, since trades overlap and the two indices move "
        "together; nothing corrects for the number of models, ensembles and cells compared, and "
        "an index cannot be bought at its printed open. What it shows is the path: purged folds, "
        "every model under the same policies, ensembles that learn from out-of-fold scores alone, "
        "and figures that can be traced to their bundles."
    )


def _edge(rows: Sequence[Row], tested: pl.DataFrame) -> bool:
    expectancy = pooled(tested).expectancy
    return expectancy is not None and expectancy.low > max(0.0, _every(rows))


def _every(rows: Sequence[Row]) -> float:
    """Return what buying every test row would have earned a trade."""
    windows = {(row["symbol"], row["fold"]): row for row in rows}.values()
    n = sum(row["metrics"]["test"]["n"] for row in windows)
    return float(sum(row["buy_every_row"] * row["metrics"]["test"]["n"] for row in windows) / n)


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
