"""The rules by which figures become a verdict, as a ladder: the first rung that holds decides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

from cvn_harness_core import InputError
from cvn_orchestrator.statistics.comparison import Comparison
from cvn_orchestrator.statistics.coverage import Coverage, Signals
from cvn_orchestrator.statistics.estimate import Estimate

Verdict: TypeAlias = Literal["LOCK", "KEEP_AVAILABLE", "ABANDON", "INCONCLUSIVE", "NOT_TRADABLE"]
VERDICTS: tuple[Verdict, ...] = (
    "LOCK",
    "KEEP_AVAILABLE",
    "ABANDON",
    "INCONCLUSIVE",
    "NOT_TRADABLE",
)


NOTHING = 1e-12
"""Differences in money that are rounding."""


@dataclass(frozen=True)
class Rules:
    """The limits of the ladder.

    Parameters
    ----------
    alpha
        Adjusted p values below it count.
    effect
        Smallest size of d that counts; Cohen (1988) calls 0.2 small and 0.5 medium.
    metrics
        In how many metrics a variant must differ to be locked or abandoned.
    fold_signals, signals
        Fewest signals in a fold (over all symbols) and in all. 63 signals in each of two samples
        show a difference of d = 0.5 in four cases of five at p < 0.05 (Cohen, 1988).
    deflated_sharpe
        What a variant must reach to be locked; None to lock without.
    """

    alpha: float = 0.05
    effect: float = 0.3
    metrics: int = 2
    fold_signals: int = 30
    signals: int = 63
    deflated_sharpe: float | None = 0.95

    def __post_init__(self) -> None:
        if not 0 < self.alpha < 1 or self.effect < 0 or self.metrics < 1:
            message = f"{self}: alpha must lie in (0, 1), effect be 0 or more, metrics 1 or more."
            raise InputError("setting_invalid", message)


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What the ladder looks at, of one variant.

    Parameters
    ----------
    baseline
        The signals of the baseline; None for the baseline itself.
    expectancy
        Net return of a signal after the main cost.
    tradable_p
        Its p value, adjusted over all variants.
    deflated_sharpe
        None where the Sharpe ratio is undefined.
    """

    coverage: Coverage
    signals: Signals
    baseline: Signals | None
    expectancy: Estimate
    tradable_p: float | None
    comparisons: tuple[Comparison, ...]
    deflated_sharpe: float | None
    rules: Rules

    def differs(self, sign: int) -> tuple[Comparison, ...]:
        """Return the metrics that are better (``sign`` 1) or worse (-1), by p and d."""
        return tuple(
            one
            for one in self.comparisons
            if one.adjusted_p is not None
            and one.d is not None
            and one.gain is not None
            and one.adjusted_p < self.rules.alpha
            and sign * one.d >= self.rules.effect
            and sign * one.gain > 0
        )

    def scarce(self, signals: Signals) -> str | None:
        """Return what is too few of some signals; None if there are enough."""
        fold, fewest = signals.fewest
        if fewest < self.rules.fold_signals:
            return f"{fewest} signals in fold {fold}, {self.rules.fold_signals} are needed"
        if signals.total < self.rules.signals:
            return f"{signals.total} signals in all, {self.rules.signals} are needed"
        return None


Reason: TypeAlias = Callable[[Evidence], str | None]


class Rung(NamedTuple):
    """A verdict, when it is given (for documents), and the reason on some evidence, or None."""

    verdict: Verdict
    when: str
    reason: Reason


def decide(evidence: Evidence) -> tuple[Verdict, str]:
    """Return the verdict on some evidence, and its reason, with figures."""
    for rung in LADDER:
        reason = rung.reason(evidence)
        if reason is not None:
            return rung.verdict, reason
    raise AssertionError


def _holes(seen: Evidence) -> str | None:
    return None if seen.coverage.full else f"the sweep has holes: {seen.coverage.sentence}"


def _scarce(seen: Evidence) -> str | None:
    return seen.scarce(seen.signals)


def _loses(seen: Evidence) -> str | None:
    interval = seen.expectancy.interval
    return "a signal loses money after cost" if interval and interval[1] < 0 else None


def _worse(seen: Evidence) -> str | None:
    worse = seen.differs(-1)
    if len(worse) < seen.rules.metrics or seen.differs(1) or _baseline_scarce(seen):
        return None
    return f"worse than the baseline in {names(worse)}"


def _unproved(seen: Evidence) -> str | None:
    p, value = seen.tradable_p, seen.expectancy.value
    if p is not None and p < seen.rules.alpha and value is not None and value > 0:
        return None
    said = "net expectancy is not proved above zero"
    said += f" ({seen.expectancy.reason})" if p is None else f" (adjusted p {p:.3f})"
    better = seen.differs(1)
    return f"{said}, though it is better than the baseline in {names(better)}" if better else said


def _baseline_scarce(seen: Evidence) -> str | None:
    few = None if seen.baseline is None else seen.scarce(seen.baseline)
    return None if few is None else f"nothing to compare with: the baseline has {few}"


def _better(seen: Evidence) -> str | None:
    better = seen.differs(1)
    if len(better) < seen.rules.metrics or seen.differs(-1) or _poorer(seen) or _lucky(seen):
        return None
    return f"tradable, and better than the baseline in {names(better)}"


def _poorer(seen: Evidence) -> str | None:
    """Return in which money the variant did no better than the baseline; None if it did."""
    nothing = NOTHING * max(1.0, abs(seen.expectancy.value or 0.0))
    gains = {one.metric: one.gain for one in seen.comparisons if one.gain is not None}
    total, each = gains.get("net_return"), gains.get("expectancy")
    found = []
    if total is not None and total <= nothing:
        gained = f"{total:+.2g}" if total < -nothing else "the same"
        found.append(f"net return {gained}")
    if each is not None and each < -nothing:
        found.append(f"expectancy {each:+.2g}")
    return f"no better money ({', '.join(found)})" if found else None


def _lucky(seen: Evidence) -> str | None:
    needed, reached = seen.rules.deflated_sharpe, seen.deflated_sharpe
    if needed is None or (reached is not None and reached >= needed):
        return None
    shown = "undefined" if reached is None else f"{reached:.3f}"
    return f"deflated Sharpe ratio {shown}, {needed:g} is needed"


def _mixed(seen: Evidence) -> str | None:
    worse, better = seen.differs(-1), seen.differs(1)
    if not worse:
        return None
    said = f"tradable, but worse than the baseline in {names(worse)}"
    return f"{said} and better in {names(better)}" if better else said


def _tradable(seen: Evidence) -> str | None:
    if seen.baseline is None:
        return "tradable; the others are measured by it"
    better = seen.differs(1)
    if not better:
        return "tradable, neither better nor worse than the baseline"
    said = f"tradable, and better than the baseline in {names(better)}"
    if len(better) < seen.rules.metrics:
        return f"{said} alone"
    lacks = [lack for lack in (_poorer(seen), _lucky(seen)) if lack]
    return f"{said}, but {' and '.join(lacks)}"


def names(found: tuple[Comparison, ...]) -> str:
    """Return the metrics, with the largest adjusted p and the smallest d among them."""
    metrics = [one.metric for one in found]
    listed = " and ".join([", ".join(metrics[:-1]), metrics[-1]] if metrics[1:] else metrics)
    p = max(one.adjusted_p or 0.0 for one in found)
    d = min((one.d or 0.0 for one in found), key=abs)
    most, least = (" or less", " or more") if metrics[1:] else ("", "")
    return f"{listed} (adjusted p {p:.2g}{most}, d {d:+.2f}{least if d > 0 else most})"


LADDER = (
    Rung("INCONCLUSIVE", "a planned cell or a required variant is missing", _holes),
    Rung("INCONCLUSIVE", "fewer than 30 signals in a fold, or 63 in all", _scarce),
    Rung("NOT_TRADABLE", "the 95 % interval of net expectancy lies below zero", _loses),
    Rung("ABANDON", "worse than the baseline in two metrics or more, better in none", _worse),
    Rung("INCONCLUSIVE", "net expectancy is not above zero at adjusted p < 0.05", _unproved),
    Rung("INCONCLUSIVE", "the baseline has too few signals to compare with", _baseline_scarce),
    Rung(
        "LOCK",
        "better in two metrics or more, worse in none, net return above the baseline's and "
        "expectancy not below it, deflated Sharpe ratio 0.95 or more",
        _better,
    ),
    Rung("INCONCLUSIVE", "worse than the baseline in a metric", _mixed),
    Rung("KEEP_AVAILABLE", "none of these", _tradable),
)
"""A metric is better or worse where adjusted p < 0.05 and d is 0.3 or more in size."""
