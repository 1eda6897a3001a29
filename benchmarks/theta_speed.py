"""What the economic rule for theta costs, as ratios within one run. The scores are synthetic.

    python benchmarks/theta_speed.py [--runs 9]

Three ratios: the exact rule, without its bootstrap, on 1,000,000 rows against `np.argsort` of the
same scores; its bootstrap, 200 draws on 10,000 rows, against a LightGBM fit of 50,000 x 100; and
the exact sweep of F1 over every cut of 100,000 rows against a loop over 19 thresholds with
scikit-learn's `f1_score`.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
from sklearn.metrics import f1_score

from cvn_harness_core import (
    Bootstrap,
    Datasets,
    ExpectedValue,
    F1Capped,
    HPOParams,
    Payoff,
    ThetaEvidence,
    TrainingPolicy,
    train_one,
)

PAYOFF = Payoff(1.5, 0.5, cost=0.05)


def rows(n: int, *, with_returns: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Return scores, labels and perhaps realised returns of a weak signal."""
    rng = np.random.default_rng(0)
    scores = 1 / (1 + np.exp(1.6 - 0.5 * rng.normal(size=n)))
    y = (rng.random(n) < scores).astype(np.int8)
    realised = np.where(y == 1, 1.45, -0.55) + 0.1 * rng.normal(size=n)
    return scores, y, realised if with_returns else None


def medians(runs: int, *jobs: Callable[[], object]) -> list[float]:
    """Return the median seconds of each job, run in turn after a warm-up."""
    taken: list[list[float]] = [[] for _ in jobs]
    for run in range(-1, runs):
        for seconds, job in zip(taken, jobs, strict=True):
            started = time.perf_counter()
            job()
            if run >= 0:
                seconds.append(time.perf_counter() - started)
    return [statistics.median(seconds) for seconds in taken]


def report(what: str, ours: float, other: float, limit: str) -> None:
    """Print one line."""
    ratio = ours / other
    print(
        f"{what:64} {ours * 1e3:9.1f} ms {other * 1e3:9.1f} ms {ratio:8.3f}  ({limit})", flush=True
    )


def exact_rule(runs: int) -> None:
    """Time the rule without bootstrap against one sort."""
    rule = ExpectedValue(bootstrap=None)
    for with_returns in (False, True):
        scores, y, returns = rows(1_000_000, with_returns=with_returns)

        def decide() -> object:
            evidence = ThetaEvidence(scores, y, returns=returns, payoff=PAYOFF, n_train=50_000)  # noqa: B023
            return rule.decide(evidence)

        ours, sort = medians(runs, decide, lambda: np.argsort(scores))  # noqa: B023
        name = "returns" if with_returns else "payoff"
        report(f"exact rule by {name}, 1,000,000 rows / np.argsort", ours, sort, "at most 3")


def bootstrap(runs: int) -> None:
    """Time the bootstrap against a fit."""
    scores, y, returns = rows(10_000, with_returns=True)
    evidence = ThetaEvidence(scores, y, returns=returns, payoff=PAYOFF, n_train=50_000)
    evidence.cuts  # noqa: B018 - counted before, as in a fit
    with_it, without = ExpectedValue(bootstrap=Bootstrap(draws=200)), ExpectedValue(bootstrap=None)
    rng = np.random.default_rng(0)
    X = rng.normal(size=(75_000, 100))
    label = (X[:, :10].sum(axis=1) / 3 + rng.logistic(size=75_000) > 1.5).astype(np.int8)
    parts = [(X[a:b], label[a:b]) for a, b in ((0, 50_000), (50_000, 62_500), (62_500, 75_000))]
    datasets = Datasets.from_arrays(
        *parts, feature_names=[f"f{i}" for i in range(100)], payoff=PAYOFF
    )
    hpo = HPOParams({"n_estimators": 300}, n_threads=2)
    fit = medians(3, lambda: train_one("lightgbm", datasets, hpo, policy=TrainingPolicy.adr0089()))[
        0
    ]
    both, alone = medians(runs, lambda: with_it.decide(evidence), lambda: without.decide(evidence))
    report(
        "bootstrap, 200 draws, 10,000 rows / LightGBM 50,000 x 100", both - alone, fit, "under 0.05"
    )


def sweep(runs: int) -> None:
    """Time every cut against nineteen."""
    scores, y, _ = rows(100_000, with_returns=False)
    rule = F1Capped(bootstrap=None)
    grid = np.linspace(0.05, 0.95, 19)
    ours, loop = medians(
        runs,
        lambda: rule.decide(ThetaEvidence(scores, y)),
        lambda: max(f1_score(y, scores >= theta, zero_division=0.0) for theta in grid),
    )
    report("every cut, 100,000 rows / 19-point f1_score loop", ours, loop, "at most 0.1")


def main() -> None:
    """Print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=9)
    runs = parser.parse_args().runs
    print(f"{'':64} {'harness':>12} {'other':>12} {'ratio':>8}")
    exact_rule(runs)
    bootstrap(runs)
    sweep(runs)


if __name__ == "__main__":
    main()
