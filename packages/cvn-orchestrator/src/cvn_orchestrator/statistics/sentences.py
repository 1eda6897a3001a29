"""Verdicts in words."""

from __future__ import annotations

from collections import Counter

from cvn_orchestrator.statistics.coverage import Coverage
from cvn_orchestrator.statistics.family import Family
from cvn_orchestrator.statistics.judgement import VariantJudgement
from cvn_orchestrator.statistics.verdict import VERDICTS, Evidence


def overall(
    variants: tuple[VariantJudgement, ...],
    coverage: Coverage,
    family: Family,
    cost: float,
    n_trials: int,
) -> str:
    """Return the sentence on the whole sweep."""
    if not coverage.full:
        return f"No verdict: {coverage.sentence}."
    count = Counter(one.verdict for one in variants)
    locked = [one.variant for one in variants if one.verdict == "LOCK"]
    head = f"Lock {', '.join(locked)}" if locked else "Nothing to lock"
    head += f", after a cost of {cost:g}"
    tally = ", ".join(f"{count[verdict]} {verdict}" for verdict in VERDICTS if count[verdict])
    proof = [f"{n_trials} trials ever run"]
    if family.superior_p is not None:
        proof.append(f"p {family.superior_p:.3f} that none earns more than {variants[0].variant}")
    if family.overfitting is not None:
        risk = family.overfitting.probability
        proof.append(f"probability of backtest overfitting {risk:.2f}")
    return f"{head}: {tally}, of {len(variants)} variants; {', '.join(proof)}."


def figures(evidence: Evidence, cost: float, n_trials: int) -> tuple[str, ...]:
    """Return the figures that stand beside every verdict."""
    found = [f"{evidence.signals.total} signals"]
    expectancy = evidence.expectancy
    if expectancy.value is not None:
        text = f"net expectancy {expectancy.value:+.4g} a signal after a cost of {cost:g}"
        if expectancy.interval is not None:
            low, high = expectancy.interval
            text += f" (95 % {low:+.4g} to {high:+.4g})"
        found.append(text)
    if evidence.deflated_sharpe is not None:
        text = f"deflated Sharpe ratio {evidence.deflated_sharpe:.3f} of {n_trials} trials"
        found.append(text)
    return tuple(found)
