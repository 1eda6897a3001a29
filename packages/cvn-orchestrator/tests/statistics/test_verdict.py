"""The ladder: one rung after another, and what documents say of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cvn_harness_core import InputError
from cvn_orchestrator.statistics import LADDER, Comparison, Coverage, Estimate, Rules, Signals
from cvn_orchestrator.statistics.verdict import VERDICTS, Evidence, decide

ENOUGH = Signals(300, ((1, 150), (2, 150)))
FEW = Signals(179, ((1, 150), (2, 29)))
TINY = Signals(62, ((1, 31), (2, 31)))


def metric(name: str, gain: float, p: float | None = 0.001, d: float | None = None) -> Comparison:
    return Comparison(
        variant="other",
        metric=name,
        gain=gain,
        interval=None,
        p=p,
        adjusted_p=p,
        d=gain if d is None else d,
        n_cells=18,
    )


def money(net_return: float, expectancy: float) -> tuple[Comparison, ...]:
    """Return gains in money that chance could have brought about."""
    return metric("net_return", net_return, p=0.6), metric("expectancy", expectancy, p=0.6)


BETTER = tuple(metric(name, 0.5) for name in ("net_return", "expectancy"))
SCORES = tuple(metric(name, 0.5) for name in ("log_loss", "brier"))
WORSE = tuple(metric(name, -0.5) for name in ("net_return", "expectancy"))
STRONG = Evidence(
    coverage=Coverage(36, 36),
    signals=ENOUGH,
    baseline=ENOUGH,
    expectancy=Estimate(0.1, (0.05, 0.15), 0.001),
    tradable_p=0.002,
    comparisons=BETTER,
    deflated_sharpe=0.99,
    rules=Rules(),
)
LOSES = Estimate(-0.1, (-0.15, -0.05), 0.001)
UNSURE = Estimate(0.01, (-0.05, 0.07), 0.7)


@pytest.mark.parametrize(
    ("change", "verdict", "said"),
    [
        ({}, "LOCK", "better than the baseline in net_return and expectancy"),
        ({"coverage": Coverage(36, 35)}, "INCONCLUSIVE", "holes: 35 of 36"),
        ({"coverage": Coverage(36, 36, (), ("x",))}, "INCONCLUSIVE", "no cell at all of x"),
        ({"signals": FEW}, "INCONCLUSIVE", "29 signals in fold 2, 30 are needed"),
        ({"signals": TINY}, "INCONCLUSIVE", "62 signals in all, 63 are needed"),
        ({"signals": FEW, "expectancy": LOSES}, "INCONCLUSIVE", "29 signals"),
        ({"baseline": FEW}, "INCONCLUSIVE", "the baseline has 29 signals"),
        ({"expectancy": LOSES}, "NOT_TRADABLE", "loses money"),
        ({"expectancy": LOSES, "baseline": FEW}, "NOT_TRADABLE", "loses money"),
        ({"comparisons": WORSE}, "ABANDON", "worse than the baseline in net_return"),
        (
            {"comparisons": WORSE, "expectancy": UNSURE, "tradable_p": 0.7},
            "ABANDON",
            "worse than the baseline",
        ),
        ({"tradable_p": 0.06}, "INCONCLUSIVE", "not proved above zero (adjusted p 0.060), though"),
        (
            {"tradable_p": None, "expectancy": Estimate(0.1, reason="it does not vary")},
            "INCONCLUSIVE",
            "it does not vary",
        ),
        ({"deflated_sharpe": 0.94}, "KEEP_AVAILABLE", "but deflated Sharpe ratio 0.940"),
        ({"deflated_sharpe": None}, "KEEP_AVAILABLE", "ratio undefined"),
        (
            {"deflated_sharpe": 0.5, "rules": Rules(deflated_sharpe=None)},
            "LOCK",
            "better than the baseline",
        ),
        (
            {"comparisons": BETTER[:1]},
            "KEEP_AVAILABLE",
            "in net_return (adjusted p 0.001, d +0.50)",
        ),
        ({"comparisons": ()}, "KEEP_AVAILABLE", "neither better nor worse"),
        ({"comparisons": WORSE[:1]}, "INCONCLUSIVE", "tradable, but worse"),
        (
            {"comparisons": (*BETTER, metric("brier", -0.4))},
            "INCONCLUSIVE",
            "worse than the baseline in brier (adjusted p 0.001, d -0.40) and better in",
        ),
        (
            {"comparisons": (*money(0.0, 0.0), *SCORES)},
            "KEEP_AVAILABLE",
            "d +0.50 or more), but no better money (net return the same)",
        ),
        (
            {"comparisons": (*money(1e-17, -1e-17), *SCORES)},
            "KEEP_AVAILABLE",
            "(net return the same)",
        ),
        (
            {"comparisons": (*money(-0.2, -0.1), *SCORES)},
            "KEEP_AVAILABLE",
            "no better money (net return -0.2, expectancy -0.1)",
        ),
        (
            {"comparisons": (*money(0.2, -0.1), *SCORES)},
            "KEEP_AVAILABLE",
            "no better money (expectancy -0.1)",
        ),
        (
            {"comparisons": (*money(0.0, 0.0), *SCORES), "deflated_sharpe": 0.5},
            "KEEP_AVAILABLE",
            "(net return the same) and deflated Sharpe ratio 0.500, 0.95 is needed",
        ),
        ({"comparisons": (*money(0.2, 0.0), *SCORES)}, "LOCK", "in log_loss and brier"),
        ({"comparisons": SCORES}, "LOCK", "in log_loss and brier"),
        ({"baseline": None, "comparisons": ()}, "KEEP_AVAILABLE", "measured by it"),
    ],
)
def test_the_first_rung_that_holds_decides(change: dict[str, Any], verdict: str, said: str) -> None:
    found, reason = decide(replace(STRONG, **change))
    assert found == verdict
    assert said in reason


@pytest.mark.parametrize(
    "weak",
    [
        metric("expectancy", 0.5, p=0.05),
        metric("expectancy", 0.29),
        metric("expectancy", 0.5, p=None),
        metric("expectancy", 0.5, d=-0.5),
    ],
)
def test_a_metric_counts_by_p_and_effect_and_one_direction(weak: Comparison) -> None:
    verdict, _ = decide(replace(STRONG, comparisons=(BETTER[0], weak)))
    assert verdict == "KEEP_AVAILABLE"


def test_every_verdict_stands_on_the_ladder_and_in_the_document() -> None:
    assert {rung.verdict for rung in LADDER} == set(VERDICTS)
    document = Path(__file__).parents[4] / "docs" / "statistics.md"
    if document.exists():  # an installed package comes without its documents
        rows = [line for line in document.read_text().splitlines() if line.startswith("| `")]
        assert rows == [f"| `{rung.verdict}` | {rung.when} |" for rung in LADDER]


def test_rules_that_make_no_sense_are_refused() -> None:
    for wrong in ({"alpha": 0.0}, {"effect": -0.1}, {"metrics": 0}):
        with pytest.raises(InputError, match="alpha must lie"):
            Rules(**wrong)  # type: ignore[arg-type]
