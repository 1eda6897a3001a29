"""From rows to the values of columns, checked: what is kept comes back the same."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from cvn_orchestrator.errors import ResultsError
from cvn_orchestrator.results.rows import CellRow, RunRow
from cvn_orchestrator.results.trades import pack

_TEXTS = ("run", "cell", "symbol", "variant", "health", "tradability", "artifact_key")
_ERRORS = ("error_type", "error_code", "error_message")


class Columns(NamedTuple):
    """What a cell's row is in each table, without the cell's number."""

    cell: dict[str, Any]
    figures: list[dict[str, Any]]
    trades: dict[str, Any] | None

    @property
    def key(self) -> tuple[str, str]:
        """The digests of run and cell."""
        return self.cell["run"], self.cell["cell"]


def run_columns(row: RunRow) -> dict[str, Any]:
    """Return the columns of a run; raises as ``cell_columns``."""
    try:
        return {
            "run": _text(row.run, "run"),
            "name": _text(row.name, "name"),
            "plan": _json(row.plan, "plan"),
            "baseline": _text(row.baseline, "baseline"),
            "variants": _json(row.variants, "variants"),
            "costs": _json(row.costs, "costs"),
            "cells": int(row.cells),
            "environment": _json(row.environment, "environment"),
            "started": _utc(row.started, "started"),
        }
    except ResultsError as error:
        where = f"run {row.name}"
        raise error.at(where) from None


def cell_columns(row: CellRow) -> Columns:
    """Return the columns of a cell.

    Characters that a database cannot hold (NUL, half a surrogate) are spelt out in the text of an
    error, which is anybody's, and refused elsewhere.

    Raises
    ------
    ResultsError
        ``results_invalid`` for a figure that is no finite number, a time without a zone, or what
        JSON cannot say. A figure that is undefined is None.
    """
    try:
        texts = {name: _optional(getattr(row, name), name) for name in _TEXTS}
        errors = {name: _spelt_out(getattr(row, name)) for name in _ERRORS}
        cell = {
            **texts,
            **errors,
            "fold": int(row.fold),
            "state": _state(row.state),
            "attempt": int(row.attempt),
            "finished": _utc(row.finished, "finished"),
            "seconds": _number(row.seconds, "seconds"),
            "theta": None if row.theta is None else _number(row.theta, "theta"),
            "cache_hit": None if row.cache_hit is None else bool(row.cache_hit),
            "n_trials": int(row.n_trials),
            "timings": _json(row.timings, "timings"),
            "facts": _json(row.facts, "facts"),
        }
        found = [
            {"split": split, "cost": cost, "figure": figure, "value": value}
            for split, cost, figure, value in _figures(row)
        ]
        trades = None
        if row.trades is not None:
            sha256, data = pack(row.trades)
            trades = {"signals": len(row.trades.time), "sha256": sha256, "npz": data}
        return Columns(cell, found, trades)
    except ResultsError as error:
        where = f"cell {row.symbol}, fold {row.fold}, variant {row.variant}"
        raise error.at(where) from None


def _figures(row: CellRow) -> Iterator[tuple[str, str, str, float | None]]:
    by_cost = {("test", cost): named for cost, named in row.by_cost.items()}
    for (split, cost), named in {**{(s, ""): n for s, n in row.metrics.items()}, **by_cost}.items():
        where = f"by_cost[{cost!r}]" if cost else f"metrics[{split!r}]"
        for figure, value in named.items():
            at = f"{where}[{figure!r}]"
            number = None if value is None else _number(value, at)
            yield _text(split, where), _text(cost, where), _text(figure, where), number


def _number(value: Any, where: str) -> float:
    number = float(value)
    if not math.isfinite(number):
        _refuse(where, f"is {number}; it must be finite, or None where it is undefined")
    return number


def _optional(value: str | None, where: str) -> str | None:
    return None if value is None else _text(value, where)


def _text(value: str, where: str) -> str:
    if not value.isascii() or "\0" in value:
        _check_text(value, where)
    return value


def _check_text(value: str, where: str) -> None:
    if _spelt_out(value) != value:
        _refuse(where, f"is {value!r}, which a database cannot hold")


def _spelt_out(value: str | None) -> str | None:
    if value is None:
        return None
    return value.replace("\0", "\\x00").encode("utf-8", "backslashreplace").decode("utf-8")


def _state(value: str) -> str:
    if value not in ("done", "failed"):
        _refuse("state", f"is {value!r}; it must be done or failed")
    return value


def _utc(value: datetime, where: str) -> datetime:
    if value.tzinfo is None:
        _refuse(where, f"is {value}, without a time zone")
    return value


def _json(value: Mapping[str, Any] | tuple[Any, ...], where: str) -> str:
    try:
        return json.dumps(
            dict(value) if isinstance(value, Mapping) else value, allow_nan=False, sort_keys=False
        )
    except (TypeError, ValueError) as error:
        _refuse(where, f"cannot be written as JSON: {error}")
        raise


def _refuse(where: str, fault: str) -> None:
    raise ResultsError("results_invalid", f"{where} {fault}.")
