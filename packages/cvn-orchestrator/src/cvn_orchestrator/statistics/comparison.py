"""Every variant against the baseline in every metric, as one family of hypotheses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from cvn_orchestrator.statistics.estimate import Estimate, Interval
from cvn_orchestrator.statistics.metrics import MONEY
from cvn_orchestrator.statistics.multiple import benjamini_hochberg
from cvn_orchestrator.statistics.paired import (
    cell_figures,
    effect_size,
    mean_over_folds,
    metrics_of,
    paired,
)
from cvn_orchestrator.statistics.resampling import Draws, estimate
from cvn_orchestrator.statistics.results import SweepResults


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """One metric of a variant against the baseline; a gain is positive where it is better.

    Parameters
    ----------
    gain, interval, p
        Of a date for ``net_return`` and of a signal for ``expectancy``, both by the bootstrap over
        dates; the mean over folds for a score, by t over folds, which are not to overlap.
        ``interval`` holds 95 %; ``p`` is two-sided.
    adjusted_p
        By Benjamini and Hochberg over all variants and metrics.
    d
        Effect size of the paired differences over ``n_cells`` cells.
    reasons
        Why a figure is None.
    """

    variant: str
    metric: str
    gain: float | None
    interval: Interval | None
    p: float | None
    adjusted_p: float | None
    d: float | None
    n_cells: int
    reasons: tuple[str, ...] = ()


def compare(results: SweepResults, draws: Draws, cost: float) -> tuple[Comparison, ...]:
    """Return all comparisons, by variant and then metric, with adjusted p values."""
    figures = cell_figures(results, cost)
    found: list[Comparison] = []
    for index, variant in enumerate(results.variants[1:], start=1):
        for metric in metrics_of(results):
            pairs = paired(figures, metric, variant, results.baseline)
            effect = effect_size(pairs)
            if metric in MONEY:
                seen = money_gain(draws, metric, index, cost)
            else:
                seen = mean_over_folds(pairs, overlapping=results.overlapping)
            found.append(
                Comparison(
                    variant=variant,
                    metric=metric,
                    gain=seen.value,
                    interval=seen.interval,
                    p=seen.p,
                    adjusted_p=None,
                    d=effect.d,
                    n_cells=int(pairs.gains.size),
                    reasons=tuple(r for r in (seen.reason, effect.reason) if r),
                )
            )
    return adjusted(found)


def adjusted(family: Sequence[Comparison]) -> tuple[Comparison, ...]:
    """Return the same comparisons with ``adjusted_p``."""
    values = benjamini_hochberg([one.p for one in family])
    return tuple(replace(one, adjusted_p=p) for one, p in zip(family, values, strict=True))


def money_gain(draws: Draws, metric: str, index: int, cost: float) -> Estimate:
    """Return what variant ``index`` gains on the baseline, of a date or of a signal.

    Both sides are taken from the same dates in each sample. Under the hypothesis of no difference
    neither metric depends on which variant is called the baseline.
    """
    mean = "net_return" if metric == "net_return" else "expectancy"
    seen = getattr(draws.observed, mean)(cost)
    drawn = getattr(draws.drawn, mean)(cost)
    return estimate(draws, float(seen[index] - seen[0]), drawn[:, index] - drawn[:, 0])
