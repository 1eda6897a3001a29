"""Runs as they come: whole, under way, with failures, without money; rows really trained."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from cvn_orchestrator.results.rows import CellRow, RunRow

from . import made

N_FOLDS = 3
Rows = Sequence[CellRow]
Scene = tuple[RunRow, list[CellRow]]

HOSTILE = (
    '<img src=x onerror="document.documentElement.dataset.pwned=1"></script>'
    '<script>document.documentElement.dataset.pwned=1</script><a href="http://evil.example">x</a>'
)


def failed(row: CellRow, message: str = "no memory left\nand a second line") -> CellRow:
    return CellRow(
        run=row.run,
        cell=row.cell,
        symbol=row.symbol,
        fold=row.fold,
        variant=row.variant,
        state="failed",
        attempt=2,
        finished=row.finished,
        seconds=1.0,
        error_type="FitError",
        error_code="fit_failed",
        error_message=message,
    )


def idle(row: CellRow) -> CellRow:
    """Return the row as if no theta had been feasible."""
    assert row.trades is not None
    assert row.trades.net is not None
    money = dict.fromkeys(("win_rate", "expectancy", "profit_factor", "sortino", "max_drawdown"))
    test = {**row.metrics["test"], **money, "precision_buy": None, "n_signals": 0, "buy_rate": 0.0}
    theta = {**row.facts["theta"], "reason": "precision_not_above_break_even"}
    return replace(
        row,
        theta=None,
        tradability="not_tradable",
        metrics={**row.metrics, "test": test},
        by_cost={},
        facts={**row.facts, "theta": theta},
        trades=replace(row.trades, time=row.trades.time[:0], net=row.trades.net[:0]),
    )


def moneyless(row: CellRow) -> CellRow:
    assert row.trades is not None
    test = {**row.metrics["test"], "expectancy": None, "sortino": None}
    curve = {**row.facts["theta"]["curve"], "costs": [], "expectancy": []}
    theta = {**row.facts["theta"], "curve": curve, "break_even": None}
    return replace(
        row,
        metrics={**row.metrics, "test": test},
        by_cost={},
        facts={**row.facts, "payoff": None, "theta": theta},
        trades=replace(row.trades, net=None),
    )


def _whole(rows: Rows) -> Scene:
    return made.run_row(N_FOLDS), list(rows)


def _failures(rows: Rows) -> Scene:
    return made.run_row(N_FOLDS), [failed(r) if n % 7 == 3 else r for n, r in enumerate(rows)]


def _variant_failed(rows: Rows) -> Scene:
    return made.run_row(N_FOLDS), [failed(r) if r.variant == "xgb" else r for r in rows]


def _baseline_failed(rows: Rows) -> Scene:
    return made.run_row(N_FOLDS), [failed(r) if r.variant == "lgbm" else r for r in rows]


def _all_failed(rows: Rows) -> Scene:
    return made.run_row(N_FOLDS), [failed(r) for r in rows]


def _under_way(rows: Rows) -> Scene:
    return made.run_row(N_FOLDS), list(rows)[:7]


def _begun(rows: Rows) -> Scene:
    return made.run_row(N_FOLDS), []


def _no_trade(rows: Rows) -> Scene:
    return made.run_row(N_FOLDS), [idle(r) if r.variant != "lgbm" else r for r in rows]


def _never_trades(rows: Rows) -> Scene:
    return made.run_row(N_FOLDS), [idle(r) for r in rows]


def _one_variant(rows: Rows) -> Scene:
    return made.run_row(N_FOLDS, ("lgbm",)), [r for r in rows if r.variant == "lgbm"]


def _without_money(rows: Rows) -> Scene:
    return made.run_row(N_FOLDS, costs=()), [moneyless(r) for r in rows]


def _without_facts(rows: Rows) -> Scene:
    return made.run_row(N_FOLDS), [replace(r, facts={"of": "another release"}) for r in rows]


def _hostile(rows: Rows) -> Scene:
    names = {"blend": f"blend{HOSTILE}"}
    plan: dict[str, Any] = {"sweep": {"name": HOSTILE}}
    run = made.run_row(
        N_FOLDS,
        tuple(names.get(name, name) for name in made.VARIANTS),
        name=HOSTILE,
        plan=plan,
        environment={HOSTILE: HOSTILE},
    )
    changed = []
    for row in rows:
        symbol = f"{row.symbol}{HOSTILE}"
        variant = names.get(row.variant, row.variant)
        health = {**row.facts["health"], "worst_psi": {HOSTILE: 0.5}}
        params = {"user": {HOSTILE: HOSTILE}}
        searches = [{**one, "model": HOSTILE} for one in row.facts["searches"]]
        facts = {**row.facts, "health": health, "params": params, "searches": searches}
        changed.append(replace(row, symbol=symbol, variant=variant, facts=facts))
    changed[3] = failed(changed[3], HOSTILE * 3)
    return run, changed


SCENES: dict[str, Callable[[Rows], Scene]] = {
    "whole": _whole,
    "failures": _failures,
    "variant_failed": _variant_failed,
    "baseline_failed": _baseline_failed,
    "all_failed": _all_failed,
    "under_way": _under_way,
    "begun": _begun,
    "no_trade": _no_trade,
    "never_trades": _never_trades,
    "one_variant": _one_variant,
    "without_money": _without_money,
    "without_facts": _without_facts,
    "hostile": _hostile,
}
