"""Whether each ensemble did better than the best of its bases, on the same test rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from cvn_orchestrator.demo.pooled import EARNED, LOG_LOSS, Estimate, difference
from cvn_orchestrator.table import aligned

_HEADER = ("measure", "ensemble", "best base", "verdict", "ensemble", "base", "difference", "95 %")


@dataclass(frozen=True)
class Measure:
    """A figure of a test row whose mean is compared; ``sign`` is -1 where less is better.

    ``form`` is how a mean is written.
    """

    name: str
    figure: pl.Expr
    sign: int
    form: str


MEASURES = (Measure("net / 1,000", EARNED, 1, "+.1f"), Measure("log loss", LOG_LOSS, -1, ".4f"))


@dataclass(frozen=True)
class Comparison:
    """An ensemble against whichever of its bases did best, by one measure; means over rows."""

    measure: Measure
    ensemble: str
    base: str
    ensemble_mean: float
    base_mean: float
    difference: Estimate

    @property
    def verdict(self) -> str:
        """What the interval of the difference bears."""
        _, low, high = self.difference
        worst, best = sorted((self.measure.sign * low, self.measure.sign * high))
        if worst > 0:
            return "beats its best base"
        return "falls behind its best base" if best < 0 else "no difference beyond chance"


def comparisons(rows: Sequence[dict[str, Any]], tested: pl.DataFrame) -> list[Comparison]:
    """Return each ensemble's comparison by each measure; arguments are as ``run`` returns them."""
    ensembles = {row["model"]: row["bases"] for row in rows if row["role"] == "ensemble"}
    parts = dict(tested.group_by("role", "model"))
    return [
        _with_best(measure, name, parts["ensemble", name], {b: parts["base", b] for b in bases})
        for measure in MEASURES
        for name, bases in ensembles.items()
    ]


def _with_best(
    measure: Measure, name: str, own: pl.DataFrame, bases: dict[str, pl.DataFrame]
) -> Comparison:
    means = {base: _mean(measure, part) for base, part in bases.items()}
    best = max(means, key=lambda base: measure.sign * means[base])
    return Comparison(
        measure=measure,
        ensemble=name,
        base=best,
        ensemble_mean=_mean(measure, own),
        base_mean=means[best],
        difference=difference(own, bases[best], measure.figure),
    )


def _mean(measure: Measure, tested: pl.DataFrame) -> float:
    return float(tested.select(measure.figure.mean()).item())


def comparison_table(found: Sequence[Comparison]) -> str:
    """Return a line for each comparison; nothing where there is none."""
    lines = []
    for c in found:
        form, signed = c.measure.form, f"+{c.measure.form.removeprefix('+')}"
        means = (format(mean, form) for mean in (c.ensemble_mean, c.base_mean))
        value, low, high = (format(figure, signed) for figure in c.difference)
        names = (c.measure.name, c.ensemble, c.base, c.verdict)
        lines.append((*names, *means, value, f"{low} to {high}"))
    return aligned(_HEADER, lines, left=4) if lines else ""


HOW = (
    "An ensemble's best base is the one that did best on these very test rows, which nobody knew "
    "beforehand: that favours the base. Differences are ensemble less base, on the same rows. Net "
    "hangs on the rows that were bought; log loss, where less is better, uses every row. Bases are "
    "trained once for all ensembles: as the models above, but calibrated, and with theta picked on "
    "the forward out-of-fold scores that the ensembles learn from."
)
"""What the comparisons mean."""
