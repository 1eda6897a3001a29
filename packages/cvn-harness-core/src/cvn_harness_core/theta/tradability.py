"""Whether it would have paid, said plainly."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from cvn_harness_core.contracts.metrics import SplitMetrics
from cvn_harness_core.contracts.payoff import Payoff
from cvn_harness_core.contracts.split import Array, Split
from cvn_harness_core.contracts.theta import ThetaDecision, ThetaEvidence
from cvn_harness_core.contracts.tradability import Interval, Tradability, Verdict
from cvn_harness_core.metrics.trading import net_returns
from cvn_harness_core.theta.resampling import HELD_AT_ONCE, blocks_of, times_drawn

LEVEL = 0.95
DRAWS = 400
MIN_SIGNALS = 30


def tradability(
    decision: ThetaDecision,
    evidence: ThetaEvidence,
    scores: Array,
    test: Split,
    metrics: SplitMetrics,
) -> Tradability:
    """Return the verdict on a decision.

    Parameters
    ----------
    evidence
        What the decision was made on.
    scores, test, metrics
        The test rows, their scores (n,) and their figures at the decided theta.
    """
    payoff = evidence.payoff
    returns = net_returns(test, payoff)
    if returns is None:
        return Tradability(
            "unknown", "Tradability is unknown: neither returns nor a payoff are known."
        )
    best = _best(evidence)
    frame = Tradability(
        "unproven",
        "",
        break_even=None if payoff is None else payoff.break_even,
        gross_break_even=None if payoff is None else payoff.gross_break_even,
        best_theta=None if best is None else best[0],
        best_expectancy=None if best is None else best[1],
    )
    if decision.theta is None:
        return replace(frame, verdict="not_tradable", sentence=_no_trade(decision, best))
    signals = scores >= decision.theta
    if not metrics.n_signals or metrics.expectancy is None or metrics.precision_buy is None:
        sentence = f"Unproven: at theta {decision.theta:.4g} nothing was bought on test."
        return replace(frame, sentence=sentence)
    precision = _wilson(round(metrics.precision_buy * metrics.n_signals), metrics.n_signals)
    expectancy = _expectancy_interval(test, signals, returns)
    verdict: Verdict = "unproven"
    enough = metrics.n_signals >= MIN_SIGNALS
    if enough and expectancy is not None and expectancy[0] > 0:
        verdict = "tradable"
    elif enough and expectancy is not None and expectancy[1] < 0:
        verdict = "not_tradable"
    return replace(
        frame,
        verdict=verdict,
        sentence=_sentence(verdict, decision.theta, metrics, precision, expectancy, payoff),
        precision=metrics.precision_buy,
        precision_interval=precision,
        expectancy=metrics.expectancy,
        expectancy_interval=expectancy,
    )


def _best(evidence: ThetaEvidence) -> tuple[float, float, int] | None:
    """Return theta, expectancy and signals of the best cut by the evidence alone."""
    cuts = evidence.cuts
    enough = cuts[np.flatnonzero(cuts.n_signals >= min(MIN_SIGNALS, evidence.scores.size))]
    if enough.return_sum is not None:
        net = enough.return_sum / enough.n_signals
    elif evidence.payoff is not None:
        payoff = evidence.payoff
        precision = enough.true_positives / enough.n_signals
        net = precision * payoff.take_profit - (1 - precision) * payoff.stop_loss - payoff.cost
    else:
        return None
    at = int(np.argmax(net))
    return float(enough.theta[at]), float(net[at]), int(enough.n_signals[at])


def _wilson(hits: int, n: int) -> Interval:
    from scipy.stats import binomtest

    interval = binomtest(hits, n).proportion_ci(LEVEL, method="wilson")
    return float(interval.low), float(interval.high)


def _expectancy_interval(test: Split, signals: Array, returns: Array) -> Interval | None:
    """Return the block bootstrap's interval of the signals' mean return; None for too few."""
    blocks = blocks_of(ThetaEvidence(returns, test.y, time=test.time, label_end=test.label_end))
    if not blocks.enough:
        return None
    generator, traded = np.random.default_rng(0), returns[signals]
    at_once = max(1, HELD_AT_ONCE // blocks.n_stamps)
    parts = [
        times_drawn(blocks, generator, min(at_once, DRAWS - done))[:, blocks.stamp[signals]]
        @ np.column_stack([np.ones(traded.size), traded])
        for done in range(0, DRAWS, at_once)
    ]
    bought, earned = np.concatenate(parts).T
    mean = earned[bought > 0] / bought[bought > 0]
    if mean.size < DRAWS / 2 or mean.min() == mean.max():
        return None  # too few signals to vary: an interval of no width would be no interval
    low, high = np.quantile(mean, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def _no_trade(decision: ThetaDecision, best: tuple[float, float, int] | None) -> str:
    said = f"Not tradable at any theta ({decision.reason})"
    if best is None:
        return f"{said}."
    theta, expectancy, n = best
    where = decision.source.replace("_", "-")
    return (
        f"{said}: the best net expectancy on {where} rows is {expectancy:+.4f} a trade at theta "
        f"{theta:.4g}, over {n} signals."
    )


def _sentence(
    verdict: Verdict,
    theta: float,
    metrics: SplitMetrics,
    precision: Interval,
    expectancy: Interval | None,
    payoff: Payoff | None,
) -> str:
    head = {
        "tradable": "Tradable on test",
        "not_tradable": "Not tradable",
        "unproven": "Unproven",
        "unknown": "Unknown",
    }[verdict]
    interval = "" if expectancy is None else f" (95 % {expectancy[0]:+.4f} to {expectancy[1]:+.4f})"
    sentence = (
        f"{head}: at theta {theta:.4g}, {metrics.n_signals} signals earned "
        f"{metrics.expectancy:+.4f} a trade net{interval}, with precision "
        f"{metrics.precision_buy:.3f} ({precision[0]:.3f} to {precision[1]:.3f})"
    )
    if payoff is None:
        return f"{sentence}."
    return (
        f"{sentence} against a break-even of {payoff.break_even:.3f} net, "
        f"{payoff.gross_break_even:.3f} before cost."
    )
