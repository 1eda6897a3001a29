"""From the results of a sweep to a verdict on each variant."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

import polars as pl

from cvn_harness_core import InputError
from cvn_orchestrator.statistics.by_date import daily
from cvn_orchestrator.statistics.comparison import compare
from cvn_orchestrator.statistics.coverage import coverage, signals
from cvn_orchestrator.statistics.family import family_figures
from cvn_orchestrator.statistics.judgement import AtCost, Judgement, VariantJudgement
from cvn_orchestrator.statistics.luck import luck
from cvn_orchestrator.statistics.multiple import benjamini_hochberg
from cvn_orchestrator.statistics.resampling import (
    Draws,
    block_length,
    draw_dates,
    estimate,
    standard_error,
)
from cvn_orchestrator.statistics.results import Dates, SweepResults, read_results
from cvn_orchestrator.statistics.sentences import figures, overall
from cvn_orchestrator.statistics.verdict import Evidence, Rules, decide

DRAWS = 999


def judge(
    cells: pl.DataFrame,
    trades: pl.DataFrame,
    dates: Dates,
    *,
    baseline: str,
    n_trials: int,
    costs: Sequence[float] = (0.0,),
    required: Iterable[str] = (),
    rules: Rules | None = None,
    draws: int = DRAWS,
    block: int | None = None,
    seed: int = 0,
) -> Judgement:
    """Return the verdict on each variant of a sweep, with all statistics behind it.

    Only cells (symbol x fold) that every variant finished enter the figures.

    Parameters
    ----------
    cells, trades, dates
        As `cvn_orchestrator.statistics.results` describes them.
    baseline
        The variant that all others are compared with.
    n_trials
        How many configurations were ever tried for this end, in all sweeps so far: variants, and
        the trials of each one's search. Only who ran them can tell.
    costs
        Costs of a signal to take off ``gross``, one at a time; verdicts are made at the first.
    required
        Variants without which there is no verdict, such as each model by itself.
    rules
        The limits; the documented ones by default.
    draws
        Samples of the bootstrap.
    block
        Mean length of a block in dates; by default as long as the data ask for.
    seed
        Of the draws; equal input and seed give equal figures.

    Raises
    ------
    InputError
        As `read_results`; ``setting_invalid`` for no cost or one that is not finite, fewer trials
        than variants, or draws or a block that make no bootstrap.
    """
    rules = Rules() if rules is None else rules
    results = read_results(cells, trades, dates, baseline=baseline)
    _check(results, n_trials, costs, draws, block)
    variants, cost = results.variants, costs[0]
    whole = coverage(results, required)
    counted = [signals(results, variant) for variant in variants]

    results = _in_common(results)
    by_date = daily(results)
    drawn = draw_dates(
        by_date,
        block=block_length(by_date, cost) if block is None else block,
        draws=draws,
        seed=seed,
    )
    compared = compare(results, drawn, cost)
    at_costs = [_at_costs(drawn, index, costs) for index in range(len(variants))]
    tradable = benjamini_hochberg([one[0].expectancy.p for one in at_costs])
    net, daily_means = by_date.net(cost), drawn.drawn.net_return(cost)

    judged: list[VariantJudgement] = []
    for index, variant in enumerate(variants):
        chance = luck(net[:, index], standard_error(drawn, daily_means[:, index]), n_trials)
        evidence = Evidence(
            coverage=whole,
            signals=counted[index],
            baseline=counted[0] if index else None,
            expectancy=at_costs[index][0].expectancy,
            tradable_p=tradable[index],
            comparisons=tuple(one for one in compared if one.variant == variant),
            deflated_sharpe=None if chance is None else chance.deflated,
            rules=rules,
        )
        verdict, reason = decide(evidence)
        reasons = (reason, *figures(evidence, cost, n_trials))
        judged.append(
            VariantJudgement(
                variant=variant,
                verdict=verdict,
                sentence=f"{variant}: {verdict}, {'; '.join(reasons)}.",
                reasons=reasons,
                signals=evidence.signals,
                comparisons=evidence.comparisons,
                at_costs=at_costs[index],
                tradable_p=tradable[index],
                luck=chance,
            )
        )
    family = family_figures(net, variants, block=drawn.block, seed=seed)
    return Judgement(
        sentence=overall(tuple(judged), whole, family, cost, n_trials),
        baseline=baseline,
        variants=tuple(judged),
        coverage=whole,
        n_trials=n_trials,
        rules=rules,
        cost=cost,
        n_dates=len(results.dates),
        block=drawn.block,
        draws=len(drawn.drawn.signals),
        family=family,
    )


def _check(
    results: SweepResults, n_trials: int, costs: Sequence[float], draws: int, block: int | None
) -> None:
    n_dates, n_variants = len(results.dates), len(results.variants)
    problem = None
    if not costs or not all(math.isfinite(cost) for cost in costs):
        problem = f"costs={costs!r}; there must be one or more finite costs."
    elif n_trials < n_variants:
        problem = f"n_trials={n_trials}, but {n_variants} variants are trials already."
    elif draws < 100:
        problem = f"draws={draws}; fewer than 100 tell no standard error."
    elif block is not None and not 1 <= block <= max(1, n_dates // 2):
        problem = f"block={block}; it must lie between 1 and half of the {n_dates} test dates."
    if problem:
        message = f"judge got {problem}"
        raise InputError("setting_invalid", message)


def _in_common(results: SweepResults) -> SweepResults:
    """Return the symbols x folds that every variant finished, so that all sums are paired."""
    done = results.cells.filter(pl.col("state") == "done")
    where = ["symbol", "fold"]
    common = done.group_by(where).len().filter(pl.col("len") == len(results.variants))
    return replace(
        results,
        cells=done.join(common, on=where, how="semi"),
        trades=results.trades.join(common, on=where, how="semi"),
    )


def _at_costs(draws: Draws, index: int, costs: Sequence[float]) -> tuple[AtCost, ...]:
    found = []
    for cost in costs:
        seen, drawn = draws.observed.expectancy(cost), draws.drawn.expectancy(cost)
        found.append(AtCost(cost, estimate(draws, float(seen[index]), drawn[:, index])))
    return tuple(found)
