"""What follows a plain training: a threshold and the figures, by scikit-learn and numpy.

It knows nothing of the harness.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn import metrics


@dataclass(frozen=True)
class Part:
    """Rows of train, validation or test: features, labels, and what a trade of each row earns."""

    X: np.ndarray
    y: np.ndarray
    returns: np.ndarray
    weight: np.ndarray | None = None


@dataclass(frozen=True)
class Result:
    """What one plain training came to; mappings are by part."""

    probability: dict[str, np.ndarray]
    theta: float
    best_iteration: int
    n_iterations: int
    figures: dict[str, dict[str, float | None]]


def negatives_over_positives(y):
    return float((y == 0).sum() / (y == 1).sum())


def first_best_f1(y, probability):
    """The first of nineteen thresholds that maximises F1."""
    best_theta, best_f1 = None, -1.0
    for theta in np.linspace(0.05, 0.95, 19):
        f1 = metrics.f1_score(y, probability >= theta, zero_division=0.0)
        if f1 > best_f1:
            best_theta, best_f1 = float(theta), f1
    return best_theta


def figures(part, probability, theta):
    y, buy = part.y, probability >= theta
    traded = part.returns[buy]
    return {
        "n": len(y),
        "prevalence": float(np.mean(y)),
        "roc_auc": float(metrics.roc_auc_score(y, probability)),
        "pr_auc": float(metrics.average_precision_score(y, probability)),
        "log_loss": float(metrics.log_loss(y, probability)),
        "brier": float(metrics.brier_score_loss(y, probability)),
        "ece": calibration_error(y, probability),
        "f1_buy": float(metrics.f1_score(y, buy)),
        "precision_buy": float(metrics.precision_score(y, buy)) if buy.any() else None,
        "recall_buy": float(metrics.recall_score(y, buy)),
        "buy_rate": float(np.mean(buy)),
        "n_signals": int(np.sum(buy)),
        **trading(traded),
    }


def calibration_error(y, probability):
    """Ten bins of equal width: |labels less probabilities|, summed in each, over all rows."""
    bins = np.clip(np.floor(probability * 10).astype(int), 0, 9)
    gaps = np.bincount(bins, weights=y - probability, minlength=10)
    return float(np.sum(np.abs(gaps)) / len(y))


def trading(traded):
    if traded.size == 0:
        names = ("win_rate", "expectancy", "profit_factor", "sortino", "max_drawdown")
        return dict.fromkeys(names)
    mean = np.mean(traded)
    gains, losses = np.where(traded > 0, traded, 0.0), np.where(traded < 0, -traded, 0.0)
    downside = np.sqrt(np.mean(losses**2))
    equity = np.append(0.0, np.cumsum(traded))
    return {
        "win_rate": float(np.mean(traded > 0)),
        "expectancy": float(mean),
        "profit_factor": float(np.sum(gains) / np.sum(losses)) if losses.any() else None,
        "sortino": float(mean / downside) if losses.any() else None,
        "max_drawdown": float(np.max(np.maximum.accumulate(equity) - equity)),
    }
