"""All figures of one split at one theta."""

from __future__ import annotations

import numpy as np

from cvn_harness_core.contracts.metrics import SplitMetrics
from cvn_harness_core.contracts.payoff import Payoff
from cvn_harness_core.contracts.split import Array, Split
from cvn_harness_core.metrics.classification import score_figures, signal_figures
from cvn_harness_core.metrics.trading import net_returns, trading_figures


def split_metrics(
    scores: Array, split: Split, *, theta: float | None, payoff: Payoff | None
) -> SplitMetrics:
    """Return the figures of ``scores`` (n,) on a split; no row signals where theta is None."""
    signals = np.zeros(scores.size, dtype=bool) if theta is None else scores >= theta
    parts = (
        score_figures(scores, split.y),
        signal_figures(signals, split.y),
        trading_figures(signals, net_returns(split, payoff), split.time),
    )
    figures = {name: value for values, _ in parts for name, value in values.items()}
    reasons = {name: why for _, whys in parts for name, why in whys.items()}
    return SplitMetrics(
        n=len(split),
        prevalence=split.prevalence,
        buy_rate=float(signals.mean()),
        n_signals=int(signals.sum()),
        undefined=reasons,
        **figures,
    )
