"""Verdicts on sweeps of pure noise, and of noise with one real edge: how often each is given.

A simulated sweep has 8 symbols, 12 folds of 63 test dates and 6 variants, the baseline among them.
A row is won with probability 1/4 and earns 1.5 then, and -0.5 otherwise: 0 on average before cost.
Outcomes share a market (correlation 0.3 within a date) and overlap over 5 dates; the scores of
variants share half their variance and persist from date to date. Each variant buys its highest
sixth, and every figure of a cell is computed from its scores and labels. In the planted sweeps
one variant's scores correlate with the outcome.

    python benchmarks/null_study.py [--sweeps 200] [--planted-sweeps 80] [--edge 0.3]
        [--first-seed 0]
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import time
from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import polars as pl
from scipy.stats import beta, norm, rankdata

from cvn_orchestrator.statistics import Judgement, VariantJudgement, judge

SYMBOLS, FOLDS, DAYS, VARIANTS = 8, 12, 63, 6
MARKET, OVERLAP = 0.3, 5
SHARED, PERSISTENCE = 0.5, 0.8
BUY_RATE = 1 / 6
TAKE_PROFIT, STOP_LOSS = 1.5, 0.5
N_TRIALS = 100
BASELINE, PLANTED = "variant_0", "variant_1"
QUIET = {"INCONCLUSIVE", "NOT_TRADABLE"}
LEVEL = 0.05


@dataclass(frozen=True)
class World:
    """One kind of sweep."""

    name: str
    cost: float
    edge: float = 0.0


def sweep(world: World, seed: int) -> tuple[pl.DataFrame, pl.DataFrame, list[date]]:
    """Return the cells, trades and dates of one simulated sweep."""
    rng = np.random.default_rng(seed)
    n = FOLDS * DAYS
    shape = (VARIANTS, SYMBOLS, n)
    outcome = math.sqrt(MARKET) * overlapping(rng.normal(size=(1, n + OVERLAP - 1)))
    outcome = outcome + math.sqrt(1 - MARKET) * overlapping(
        rng.normal(size=(SYMBOLS, n + OVERLAP - 1))
    )
    label = outcome > norm.ppf(0.75)
    score = math.sqrt(SHARED) * persistent(rng.normal(size=shape[1:]))
    score = score + math.sqrt(1 - SHARED) * persistent(rng.normal(size=shape))
    if world.edge:
        score[1] = world.edge * outcome + math.sqrt(1 - world.edge**2) * score[1]
    bought = score > norm.ppf(1 - BUY_RATE)
    gross = np.where(label, TAKE_PROFIT, -STOP_LOSS)

    dates = [date(2020, 1, 1) + timedelta(days=day) for day in range(n)]
    variant, symbol, day = np.nonzero(bought)
    trades = pl.DataFrame(
        {
            "symbol": symbol,
            "fold": day // DAYS,
            "variant": [f"variant_{v}" for v in variant],
            "time": pl.Series(dates).gather(day),
            "gross": gross[symbol, day],
        }
    )
    return cells(score, label, bought), trades, dates


def cells(score: np.ndarray, label: np.ndarray, bought: np.ndarray) -> pl.DataFrame:
    """Return a row for each cell, with figures of its scores."""
    cut = (VARIANTS, SYMBOLS, FOLDS, DAYS)
    scores, labels = score.reshape(cut), np.broadcast_to(label, score.shape).reshape(cut)
    positive = labels.sum(axis=-1)
    negative = DAYS - positive
    p = norm.cdf(norm.ppf(0.25) + 0.1 * scores)
    with np.errstate(divide="ignore", invalid="ignore"):
        ranks = (rankdata(scores, axis=-1) * labels).sum(axis=-1)
        roc_auc = (ranks - positive * (positive + 1) / 2) / (positive * negative)
        falling = np.take_along_axis(labels, np.argsort(-scores, axis=-1), axis=-1)
        precision = falling.cumsum(axis=-1) / np.arange(1, DAYS + 1)
        pr_auc = (precision * falling).sum(axis=-1) / positive
    index = np.indices(cut[:3]).reshape(3, -1)
    return pl.DataFrame(
        {
            "symbol": index[1],
            "fold": index[2],
            "variant": [f"variant_{v}" for v in index[0]],
            "state": "done",
            "pr_auc": pr_auc.ravel(),
            "roc_auc": roc_auc.ravel(),
            "log_loss": -np.log(np.where(labels, p, 1 - p)).mean(axis=-1).ravel(),
            "brier": ((p - labels) ** 2).mean(axis=-1).ravel(),
            "n_signals": bought.reshape(cut).sum(axis=-1).ravel(),
        }
    ).with_columns(pl.col("pr_auc", "roc_auc").fill_nan(None))


def overlapping(noise: np.ndarray) -> np.ndarray:
    """Return moving sums over the horizon of a label, of variance 1."""
    windows = np.lib.stride_tricks.sliding_window_view(noise, OVERLAP, axis=-1)
    return windows.sum(axis=-1) / math.sqrt(OVERLAP)


def persistent(noise: np.ndarray) -> np.ndarray:
    """Return an autoregression of variance 1 over the last axis."""
    for at in range(1, noise.shape[-1]):
        fresh = math.sqrt(1 - PERSISTENCE**2) * noise[..., at]
        noise[..., at] = PERSISTENCE * noise[..., at - 1] + fresh
    return noise


def judged(world: World, seeds: range) -> list[Judgement]:
    """Return the judgements on a sweep for each seed."""
    return [
        judge(
            *sweep(world, seed),
            baseline=BASELINE,
            n_trials=N_TRIALS,
            costs=(world.cost,),
            seed=seed,
        )
        for seed in seeds
    ]


def tally(judgements: list[Judgement]) -> str:
    """Return how often each verdict was given, over sweeps and variants."""
    count = Counter(one.verdict for each in judgements for one in each.variants)
    total = sum(count.values())
    return ", ".join(f"{name} {n / total:.1%}" for name, n in count.most_common())


def share(flags: list[bool]) -> str:
    """Return a share with its exact 95 % interval (Clopper and Pearson, 1934)."""
    k, n = sum(flags), len(flags)
    low = beta.ppf(0.025, k, n - k + 1) if k else 0.0
    high = beta.ppf(0.975, k + 1, n - k) if k < n else 1.0
    return f"{k / n:6.1%} of {n} (95 % {low:.1%} to {high:.1%})"


def report(world: World, judgements: list[Judgement]) -> None:
    """Print what became of the null sweeps: verdicts, and the size of each test."""
    verdicts = [{one.verdict for one in each.variants} for each in judgements]
    family = [each.family for each in judgements]
    overfit = [each.overfitting.probability for each in family if each.overfitting]
    blocks = [each.block for each in judgements]
    variants = [one for each in judgements for one in each.variants]
    deflated = [(one.luck.deflated if one.luck else 0.0) >= 0.95 for one in variants]
    truth = -world.cost
    held = [
        interval[0] <= truth <= interval[1]
        for one in variants
        if (interval := one.at_costs[0].expectancy.interval)
    ]
    locks = [any(map(held_back, each.variants)) for each in judgements]
    print(f"\n{world.name}: cost {world.cost:g}, {len(judgements)} sweeps of {VARIANTS} variants")
    print(f"  verdicts on variants      {tally(judgements)}")
    for verdict in ("LOCK", "KEEP_AVAILABLE", "ABANDON"):
        print(f"  sweeps with {verdict:14}{share([verdict in each for each in verdicts])}")
    print(f"  sweeps with any of these  {share([bool(each - QUIET) for each in verdicts])}")
    print(f"  LOCK but for the trials   {share(locks)}")
    print(f"  sweeps with any discovery {share([discovered(each) for each in judgements])}")
    print(
        f"  SPA p < 0.05              {share([(each.superior_p or 1) < LEVEL for each in family])}"
    )
    print(f"  PBO                       {np.mean(overfit):.2f} on average")
    print(f"  deflated Sharpe >= 0.95   {np.mean(deflated):6.2%} of {len(deflated)}")
    print(f"  interval of expectancy    holds the truth in {np.mean(held):.1%} of {len(held)}")
    print(f"  block length              {np.median(blocks):.0f} dates (median)")
    print("  single tests at p < 0.05, before adjustment:")
    compared = [one for variant in variants for one in variant.comparisons]
    for metric in dict.fromkeys(one.metric for one in compared):
        flags = [(one.p or 1) < LEVEL for one in compared if one.metric == metric]
        print(f"    {metric:23} {np.mean(flags):6.1%} of {len(flags)}")


def held_back(variant: VariantJudgement) -> bool:
    """Return whether a variant was locked, or only the number of trials kept it from that."""
    return variant.verdict == "LOCK" or "but deflated Sharpe" in variant.reasons[0]


def discovered(judgement: Judgement) -> bool:
    """Return whether any adjusted p value is below 0.05."""
    family = [one for each in judgement.variants for one in each.comparisons]
    return any((one.adjusted_p or 1) < LEVEL for one in family)


def main() -> int:
    """Print the three worlds, then whether the verdicts are as honest as they must be."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sweeps", type=int, default=200, help="of pure noise, at each cost")
    parser.add_argument("--planted-sweeps", type=int, default=80, help="with a real edge")
    parser.add_argument("--edge", type=float, default=0.3, help="correlation with the outcome")
    parser.add_argument("--first-seed", type=int, default=0)
    options = parser.parse_args()
    first = options.first_seed
    start = time.perf_counter()

    reached: list[tuple[bool, str]] = []
    for world in (World("noise, free to trade", 0.0), World("noise, with a cost", 0.05)):
        judgements = judged(world, range(first, first + options.sweeps))
        report(world, judgements)
        verdicts = [{one.verdict for one in each.variants} for each in judgements]
        for said, flags in (
            ("LOCK in", ["LOCK" in each for each in verdicts]),
            ("neither NOT_TRADABLE nor INCONCLUSIVE in", [bool(v - QUIET) for v in verdicts]),
        ):
            reached.append(
                (np.mean(flags) <= 0.05, f"{world.name}: {said} {share(flags)}, at most 5 %")
            )

    world = World("a real edge", 0.05, options.edge)
    judgements = judged(world, range(first, first + options.planted_sweeps))
    mine = [each.of(PLANTED) for each in judgements]
    others = [[v.verdict for v in each.variants if v.variant != PLANTED] for each in judgements]
    found, wrong = [v.verdict == "LOCK" for v in mine], ["LOCK" in each for each in others]
    net = [v.at_costs[0].expectancy.value or 0.0 for v in mine]
    ratio = [v.luck.sharpe.value for v in mine if v.luck]
    overfit = [j.family.overfitting.probability for j in judgements if j.family.overfitting]
    superior = [(j.family.superior_p or 1) < LEVEL for j in judgements]
    print(f"\n{world.name}: cost {world.cost:g}, {len(mine)} sweeps, correlation {world.edge:g}")
    print(f"  verdicts on it            {dict(Counter(v.verdict for v in mine))}")
    print(f"  LOCK but for the trials   {share([held_back(v) for v in mine])}")
    print(f"  its net expectancy        {np.mean(net):+.3f} a signal")
    print(f"  its Sharpe ratio          {np.mean(ratio):.3f} a date")
    print(f"  SPA p < 0.05              {share(superior)}")
    print(f"  PBO                       {np.mean(overfit):.2f} on average")
    reached.append((np.mean(found) > 0.5, f"{world.name}: LOCK in {share(found)}, most"))
    said = f"{world.name}: LOCK of another in {share(wrong)}, at most 5 %"
    reached.append((np.mean(wrong) <= 0.05, said))

    print(f"\n{time.perf_counter() - start:.0f} s")
    for ok, sentence in reached:
        print(f"{'ok  ' if ok else 'MISS'} {sentence}")
    return 0 if all(ok for ok, _ in reached) else 1


if __name__ == "__main__":
    sys.exit(main())
