"""What became of a decision on rows that nobody had seen."""

from __future__ import annotations

import math

from cvn_harness_core.contracts.metrics import SplitMetrics
from cvn_harness_core.contracts.theta import RateAlarm, ThetaDecision, ThetaOutcome

MAX_RATIO = 2.5
NOISE_Z = 3.29
"""Two-sided 0.1 %: below it, a difference of two rates is taken for sampling noise."""


def outcome(decision: ThetaDecision, test: SplitMetrics | None) -> ThetaOutcome:
    """Return predicted and realised buy rate and expectancy, with an alarm where they part.

    Without test rows nothing is realised, and nothing is alarming.
    """
    predicted = decision.predicted_expectancy
    return ThetaOutcome(
        predicted_buy_rate=decision.buy_rate,
        realised_buy_rate=None if test is None else test.buy_rate,
        predicted_expectancy=decision.expectancy if predicted is None else predicted,
        realised_expectancy=None if test is None else test.expectancy,
        alarm=None if decision.theta is None or test is None else _alarm(decision, test),
    )


def _alarm(decision: ThetaDecision, test: SplitMetrics) -> RateAlarm | None:
    predicted, realised = decision.buy_rate, test.buy_rate
    if realised > decision.max_buy_rate:
        return "above_band"
    if realised < decision.min_buy_rate:
        return "below_band"
    pooled = (decision.n_signals + test.n_signals) / (decision.n + test.n)
    error = math.sqrt(pooled * (1 - pooled) * (1 / decision.n + 1 / test.n))
    if abs(realised - predicted) <= NOISE_Z * error:
        return None
    if realised > MAX_RATIO * predicted:
        return "above_predicted"
    return "below_predicted" if realised < predicted / MAX_RATIO else None
