"""Figures of scores and of signals against labels."""

from __future__ import annotations

import numpy as np

from cvn_harness_core.contracts.split import Array

ECE_BINS = 10
ONE_CLASS = "only one class among the labels"
NO_SIGNALS = "no signals"

Figures = dict[str, float | None]
Reasons = dict[str, str]


def score_figures(scores: Array, y: Array) -> tuple[Figures, Reasons]:
    """Return roc_auc, pr_auc, log_loss, brier and ece, and reasons for those that are None.

    ``scores`` (n,) are probabilities of the positive class, ``y`` (n,) labels in {0, 1}.
    """
    from sklearn import config_context, metrics  # heavy: imported when needed

    one_class = y.min() == y.max()
    with config_context(assume_finite=True, skip_parameter_validation=True):  # checked long ago
        figures: Figures = {
            "log_loss": float(metrics.log_loss(y, scores, labels=[0, 1] if one_class else None)),
            "brier": float(metrics.brier_score_loss(y, scores, pos_label=1)),
            "ece": expected_calibration_error(scores, y),
        }
        figures |= {"roc_auc": None, "pr_auc": None} if one_class else _areas(scores, y)
    return figures, dict.fromkeys(("roc_auc", "pr_auc"), ONE_CLASS) if one_class else {}


def _areas(scores: Array, y: Array) -> Figures:
    """Return the areas under the ROC curve, and under precision over recall.

    They are scikit-learn's figures to the last bit, from one of its curves for both:
    ``roc_auc_score`` and ``average_precision_score`` each make their own, after checking everything
    twice, and are a part of every cell of a sweep.
    """
    from sklearn import metrics

    false_rate, recall, _ = metrics.roc_curve(y, scores, drop_intermediate=False)
    n_positive = int(np.count_nonzero(y))
    false, true = np.rint(false_rate * (y.size - n_positive)), np.rint(recall * n_positive)
    corners = np.ones(false.size, dtype=bool)
    corners[2:-1] = (np.diff(false[1:], 2) != 0) | (np.diff(true[1:], 2) != 0)
    precision = true[1:] / (true[1:] + false[1:])
    return {
        "roc_auc": float(metrics.auc(false_rate[corners], recall[corners])),
        "pr_auc": float(-np.sum(np.diff(recall[::-1]) * precision[::-1])),
    }


def signal_figures(signals: Array, y: Array) -> tuple[Figures, Reasons]:
    """Return precision_buy, recall_buy and f1_buy of boolean signals (n,), and reasons."""
    n_right = int(np.count_nonzero(signals & (y == 1)))
    n_signals, n_positive = int(np.count_nonzero(signals)), int(np.count_nonzero(y))
    figures: Figures = {
        "precision_buy": n_right / n_signals if n_signals else None,
        "recall_buy": n_right / n_positive if n_positive else None,
        "f1_buy": 2 * n_right / (n_signals + n_positive) if n_signals + n_positive else None,
    }
    why = {"precision_buy": NO_SIGNALS, "recall_buy": ONE_CLASS, "f1_buy": NO_SIGNALS}
    return figures, {name: why[name] for name, value in figures.items() if value is None}


def expected_calibration_error(scores: Array, y: Array) -> float:
    """Return the ECE over ten bins of equal width, in [0, 1].

    The mean over bins of |mean label - mean score|, weighted by the rows in each (Naeini, Cooper
    and Hauskrecht, 2015, "Obtaining well calibrated probabilities using Bayesian binning").
    """
    bins = np.minimum((scores * ECE_BINS).astype(np.intp), ECE_BINS - 1)
    excess = np.bincount(bins, weights=y - scores, minlength=ECE_BINS)
    return float(np.abs(excess).sum() / scores.size)
