"""Synthetic data with a weak signal, and what rules for theta do on them.

The log odds of a positive are linear in 4 of 12 standard normal features; about 0.18 of the rows
are positive. One fit is scored on two test sets: one from the same distribution, and one that has
drifted since validation (the coefficients turned by 20 degrees, the features moved by about 0.1
standard deviations, the prevalence a twentieth lower).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cvn_harness_core import (
    Datasets,
    EarlyStopping,
    F1Grid,
    HPOParams,
    Payoff,
    ThetaEvidence,
    ThetaRule,
    TrainedArtifact,
    TrainingPolicy,
    decide_theta,
    train_one,
)

PAYOFF = Payoff(take_profit=1.5, stop_loss=0.5, cost=0.05)
GAIN, LOSS = PAYOFF.take_profit - PAYOFF.cost, -PAYOFF.stop_loss - PAYOFF.cost
WEAK, STRONG = 0.48, 1.85
"""Standard deviation of the log odds: the best possible ROC AUC is 0.63 and 0.87."""

LEVEL = {WEAK: -1.60, STRONG: -2.25}
N_TRAIN = {WEAK: 12_000, STRONG: 30_000}
N_VAL = {WEAK: 839, STRONG: 5_000}
N_TEST = 10_000

N_FEATURES, N_USED = 12, 4
TURN = np.deg2rad(20)
WEIGHT = 4.7

PARAMS = {
    "xgboost": {
        "max_depth": 3,
        "learning_rate": 0.05,
        "min_child_weight": 20,
        "n_estimators": 1000,
    },
    "lightgbm": {
        "num_leaves": 8,
        "learning_rate": 0.05,
        "min_child_samples": 100,
        "n_estimators": 1000,
    },
    "catboost": {"depth": 4, "learning_rate": 0.05, "iterations": 1000},
}

Rows = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class World:
    """One seed's data: what is trained on, and two futures."""

    train: Rows
    val: Rows
    stationary: Rows
    drift: Rows


def world(seed: int, strength: float = WEAK) -> World:
    """Return one seed's data."""
    rng = np.random.default_rng(seed)
    used = _unit(rng.normal(size=N_USED))
    other = rng.normal(size=N_USED)
    other = _unit(other - used * (other @ used))
    turned = np.cos(TURN) * used + np.sin(TURN) * other
    level = LEVEL[strength]

    def draw(n: int, direction: np.ndarray, mean: np.ndarray, level: float) -> Rows:
        X = rng.normal(size=(n, N_FEATURES)) + mean
        odds = level + strength * (X[:, :N_USED] @ direction)
        return X, (rng.random(n) < 1 / (1 + np.exp(-odds))).astype(np.int8)

    still = np.zeros(N_FEATURES)
    moved = still.copy()
    moved[:N_USED] = rng.normal(size=N_USED) * 0.1
    return World(
        train=draw(N_TRAIN[strength], used, still, level),
        val=draw(N_VAL[strength], used, still, level),
        stationary=draw(N_TEST, used, still, level),
        drift=draw(N_TEST, turned, moved, level - 0.06),
    )


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)


@dataclass(frozen=True)
class Fit:
    """One fit's scores on validation and on both futures, with its artifact."""

    artifact: TrainedArtifact
    val: ThetaEvidence
    futures: dict[str, Rows]


def fit(data: World, model: str, policy: TrainingPolicy, seed: int) -> Fit:
    """Train through the entry point that users call."""
    datasets = Datasets.from_arrays(
        data.train,
        data.val,
        data.stationary,
        feature_names=[f"f{i}" for i in range(N_FEATURES)],
        payoff=PAYOFF,
    )
    artifact = train_one(
        model, datasets, HPOParams(PARAMS[model], seed=seed, n_threads=1), policy=policy
    )
    futures = {
        name: (artifact.predict_proba(X)[:, 1], y)
        for name, (X, y) in {"stationary": data.stationary, "drift": data.drift}.items()
    }
    evidence = ThetaEvidence(
        artifact.predict_proba(data.val[0])[:, 1],
        data.val[1],
        payoff=PAYOFF,
        probability=artifact.probability,
        n_train=len(data.train[1]),
    )
    return Fit(artifact, evidence, futures)


def weighted(*, corrected: bool) -> TrainingPolicy:
    """Return a policy with the incident's class weight: as it was, or corrected for."""
    if corrected:
        return TrainingPolicy(class_balance=WEIGHT)
    return TrainingPolicy(
        name="incident",
        theta=F1Grid(),
        class_balance=WEIGHT,
        prior_correction=False,
        early_stopping=EarlyStopping(),
    )


@dataclass(frozen=True)
class Result:
    """What one rule did in one future."""

    predicted: float
    buy_rate: float
    net: float
    """Net return per 1,000 rows."""
    f1: float
    no_trade: bool


def result(theta: float | None, predicted: float, future: Rows) -> Result:
    """Return what a theta does in a future."""
    scores, y = future
    signals = np.zeros(y.size, bool) if theta is None else scores >= theta
    right = int(y[signals].sum())
    bought = int(signals.sum())
    net = 1000 * (right * GAIN + (bought - right) * LOSS) / y.size
    return Result(
        predicted, bought / y.size, net, 2 * right / (bought + int(y.sum())), theta is None
    )


def by_rule(rule: ThetaRule, done: Fit) -> dict[str, Result]:
    """Return what a rule, deciding on the fit's validation rows, does in each future."""
    decision = decide_theta(rule, done.val)
    return {
        name: result(decision.theta, decision.buy_rate, future)
        for name, future in done.futures.items()
    }


def best_in_hindsight(future: Rows) -> float:
    """Return the largest net return per 1,000 rows of any cut."""
    scores, y = future
    order = np.argsort(-scores)
    return float(1000 * np.cumsum(np.where(y[order] == 1, GAIN, LOSS)).max() / y.size)
