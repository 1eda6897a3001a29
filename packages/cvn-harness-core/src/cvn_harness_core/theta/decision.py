"""From a rule's choice to the decision that is kept: its figures and the whole curve."""

from __future__ import annotations

from typing import Any

import numpy as np

from cvn_harness_core.contracts.checks import real
from cvn_harness_core.contracts.cuts import Cuts, require_finite
from cvn_harness_core.contracts.payoff import Payoff
from cvn_harness_core.contracts.split import Array
from cvn_harness_core.contracts.theta import (
    ThetaChoice,
    ThetaCurve,
    ThetaDecision,
    ThetaEvidence,
    ThetaRule,
)
from cvn_harness_core.errors import InputError
from cvn_harness_core.theta.resampling import spread

COST_STEPS = (0.0, 1.0, 2.0, 3.0)


def decide(
    rule: ThetaRule, evidence: ThetaEvidence, costs: tuple[float, ...] | None = None
) -> ThetaDecision:
    """Ask a rule, and return its choice with the figures and the curve that every rule gets.

    Parameters
    ----------
    costs
        The round-trip costs of the curve's expectancies; see ``costs_of``.

    Raises
    ------
    InputError
        ``scores_not_finite``; ``figure_invalid`` where a rule returns no ``ThetaChoice``, no
        reason for no theta, or a band or ``feasible`` that are none; whatever the rule raises.
    """
    require_finite(evidence.scores)
    choice = rule.decide(evidence)
    if fault := _fault(choice, evidence):
        message = f"the rule {rule.name!r} returned {choice!r}; {fault}."
        raise InputError("figure_invalid", message)
    money = costs_of(evidence, costs)
    low, high = (
        real(f"interval of the rule {rule.name!r}", edge, low=-np.inf)
        for edge in choice.interval or (0.0, 0.0)
    )
    theta = np.inf if choice.theta is None else choice.theta
    at_theta = evidence.cuts.at(np.array([theta]))
    n_signals = int(at_theta.n_signals[0])
    return ThetaDecision(
        rule=rule.name,
        theta=choice.theta,
        reason=choice.reason,
        n=int(evidence.scores.size),
        n_signals=n_signals,
        buy_rate=n_signals / evidence.scores.size,
        f1=float(at_theta.f1[0]),
        precision=int(at_theta.true_positives[0]) / n_signals if n_signals else None,
        expectancy=_expectancy(at_theta, evidence.payoff, _own_cost(evidence))[0],
        source=evidence.source,
        best_theta=_figure(rule, "best_theta", choice.best_theta),
        interval=None if choice.interval is None else (low, high),
        min_buy_rate=real(f"band of the rule {rule.name!r}", choice.band[0], low=0),
        max_buy_rate=real(f"band of the rule {rule.name!r}", choice.band[1], low=0),
        predicted_expectancy=_figure(rule, "predicted_expectancy", choice.predicted_expectancy),
        figures={name: _figure(rule, name, value) for name, value in choice.figures.items()},
        curve=_curve(evidence, choice, money),
    )


def _fault(choice: object, evidence: ThetaEvidence) -> str | None:
    """Return what is wrong with what a rule returned, apart from its figures."""
    if (
        not isinstance(choice, ThetaChoice)
        or (choice.theta is None) == (choice.reason is None)
        or not isinstance(choice.reason, str | None)
    ):
        return "it must return ThetaChoice(theta), or ThetaChoice(None, reason) with a text"
    if not _is_pair(choice.band, rising=choice.theta is not None):
        return (
            "its band must be (least, largest) buy rate; it is empty only where there is no theta"
        )
    if choice.interval is not None and not _is_pair(choice.interval):
        return "its interval must be (5 %, 95 %) point of theta, or None"
    k = evidence.cuts.theta.size
    every = choice.feasible
    if every is not None and (np.shape(every) != (k,) or np.asarray(every).dtype != bool):
        return f"its feasible must be one boolean for each of the {k} cuts, or None"
    return None


def _is_pair(value: Any, *, rising: bool = True) -> bool:
    """Return whether these are two values, the first (if ``rising``) not above the second."""
    try:
        low, high = value
        return not rising or bool(low <= high)
    except (TypeError, ValueError):
        return False


def _figure(rule: ThetaRule, name: str, value: float | None) -> float | None:
    """Return a rule's figure as a float that can be kept; raise for one that is not finite."""
    if value is None:
        return None
    return real(f"{name} of the rule {rule.name!r}", value, low=-np.inf)


def costs_of(evidence: ThetaEvidence, costs: tuple[float, ...] | None) -> tuple[float, ...]:
    """Return the round-trip costs at which a curve shows expectancy; none without money.

    By default none, one, two and three times the payoff's cost. Returns are net of the payoff's
    cost; without a payoff they are taken as they are, and costs come on top.
    """
    own = _own_cost(evidence)
    if own is None:
        return ()
    return tuple(dict.fromkeys(step * own for step in COST_STEPS)) if costs is None else costs


def _own_cost(evidence: ThetaEvidence) -> float | None:
    if evidence.payoff is not None:
        return evidence.payoff.cost
    return None if evidence.returns is None else 0.0


def _curve(evidence: ThetaEvidence, choice: ThetaChoice, costs: tuple[float, ...]) -> ThetaCurve:
    cuts = evidence.cuts
    kept = spread(np.arange(cuts.theta.size), room_for=1)
    theta = cuts.theta[kept]
    if choice.theta is not None:
        theta = np.union1d(theta, [choice.theta])
    points = cuts.at(theta)
    every = np.ones(cuts.theta.size, bool) if choice.feasible is None else choice.feasible
    feasible = np.append(every, False)[np.searchsorted(cuts.theta, theta)]
    bought, right = points.n_signals.tolist(), points.true_positives.tolist()
    return ThetaCurve(
        theta=tuple(theta.tolist()),
        n_signals=tuple(bought),
        buy_rate=tuple(points.buy_rate.tolist()),
        precision=tuple(r / b if b else None for r, b in zip(right, bought, strict=True)),
        recall=tuple((points.true_positives / max(int(cuts.n_positive), 1)).tolist()),
        f1=tuple(points.f1.tolist()),
        feasible=tuple(feasible.tolist()),
        costs=costs,
        expectancy=tuple(tuple(_expectancy(points, evidence.payoff, cost)) for cost in costs),
    )


def _expectancy(points: Cuts, payoff: Payoff | None, cost: float | None) -> list[float | None]:
    """Return the mean net return of a signal at each point, None where there is none."""
    if cost is None:
        return [None] * points.theta.size
    gross: Array
    if points.return_sum is not None:
        gross = points.return_sum + points.n_signals * (0.0 if payoff is None else payoff.cost)
    else:
        assert payoff is not None
        wrong = points.n_signals - points.true_positives
        gross = points.true_positives * payoff.take_profit - wrong * payoff.stop_loss
    return [
        total / n - cost if n else None
        for total, n in zip(gross.tolist(), points.n_signals.tolist(), strict=True)
    ]
