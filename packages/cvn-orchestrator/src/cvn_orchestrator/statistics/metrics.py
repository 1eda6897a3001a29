"""The metrics that variants are compared by: one family of hypotheses with the variants."""

from __future__ import annotations

from types import MappingProxyType

MONEY = ("net_return", "expectancy")
"""Net return of a test date (the sum over its signals, one unit each) and of a signal."""

SCORES = MappingProxyType({"pr_auc": 1, "roc_auc": 1, "log_loss": -1, "brier": -1})
"""Figures of a cell's scores; -1 where less is better."""
