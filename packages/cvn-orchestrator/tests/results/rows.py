"""Rows to write, for tests and for the processes that they start."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np

from cvn_orchestrator.results.rows import CellRow, RunRow, Trades

WHEN = datetime(2026, 3, 1, 12, 30, 15, 123456, tzinfo=UTC)


def a_run(run: str = "a" * 64, **changes: Any) -> RunRow:
    known: dict[str, Any] = {
        "name": "demo",
        "plan": {"sweep": {"seed": 7, "costs": [0.1, 0.05]}, "nothing": None},
        "baseline": "lgbm",
        "variants": ("lgbm", "blend"),
        "costs": (0.05, 0.1),
        "cells": 4,
        "environment": {"python": "3.11"},
        "started": WHEN,
    }
    return RunRow(run=run, **{**known, **changes})


def a_cell(cell: str = "c1", **changes: Any) -> CellRow:
    known: dict[str, Any] = {
        "run": "a" * 64,
        "symbol": "ES",
        "fold": 1,
        "variant": "lgbm",
        "state": "done",
        "attempt": 1,
        "finished": WHEN,
        "seconds": 1.25,
        "theta": 0.1 + 0.2,
        "health": "ok",
        "tradability": "tradable",
        "metrics": {
            "train": {"n": 700.0, "pr_auc": 0.61},
            "test": {"n": 200.0, "pr_auc": 1 / 3, "n_signals": 12.0, "sortino": None},
        },
        "by_cost": {
            "0.1": {"expectancy": -0.02, "sortino": None},
            "0.05": {"expectancy": 0.03, "sortino": -0.0},
        },
        "facts": {"params": {"num_leaves": 31, "rate": 0.1}, "bases": []},
        "artifact_key": "k" * 64,
        "cache_hit": False,
        "n_trials": 20,
        "timings": {"fitted": 0.75, "total": 1.25},
        "trades": Trades(
            np.array(["2026-01-02", "2026-01-05"], "datetime64[D]"), np.array([0.1, -0.25])
        ),
    }
    return CellRow(cell=cell, **{**known, **changes})


def a_failure(cell: str = "c9", **changes: Any) -> CellRow:
    known: dict[str, Any] = {
        "state": "failed",
        "error_type": "FitError",
        "error_code": "fit_failed",
        "error_message": "lightgbm: num_leaves is too large\nand more",
        "theta": None,
        "health": None,
        "tradability": None,
        "metrics": {},
        "by_cost": {},
        "facts": {},
        "artifact_key": None,
        "cache_hit": None,
        "n_trials": 1,
        "timings": {},
        "trades": None,
    }
    return a_cell(cell, **{**known, **changes})
