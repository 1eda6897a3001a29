"""Checks of the scores, and of the figures made from them."""

from __future__ import annotations

import numpy as np

from cvn_harness_core import Split
from cvn_harness_core.contracts.metrics import metric_names
from cvn_harness_core.contracts.split import Array
from cvn_harness_core.testing.check import check
from cvn_harness_core.testing.subject import Subject
from cvn_harness_core.testing.synthetic import unseen_rows
from cvn_harness_core.testing.verdict import expecting, largest_gap, require


@check("signatures")
def probabilities(subject: Subject) -> None:
    """The plugin's own scores are floats within [0, 1], (n,), or (n, 2) whose rows sum to 1."""
    mend = "return probabilities, not margins: of label 1, or of both labels in their order"
    with expecting("fitting and scoring to go through", "mend what fitting or scoring raises"):
        scores, n = subject.raw_scores()
    scores = np.asarray(scores)
    require(
        scores.shape in {(n,), (n, 2)} and scores.dtype.kind == "f",
        f"floats of shape ({n},) or ({n}, 2)",
        f"{scores.dtype} of shape {scores.shape}",
        mend,
    )
    require(
        bool(np.isfinite(scores).all()) and scores.min() >= 0.0 and scores.max() <= 1.0,
        "scores within [0, 1]",
        f"{scores.min()} to {scores.max()}",
        mend,
    )
    far = float(np.abs(scores.sum(axis=1) - 1.0).max()) if scores.ndim == 2 else 0.0
    require(far < 1e-6, "rows that sum to 1", f"sums that are up to {far:g} off", mend)


@check("probabilities")
def training(subject: Subject) -> None:
    """The harness trains it, and the artifact scores: (n, 2) float64, rows summing to 1."""
    n = len(unseen_rows())
    with expecting(
        "a training from its data to its artifact",
        "mend the plugin's own nodes and diagnostics: fitting and scoring alone do work",
    ):
        scores = subject.scores
    seen = (scores.shape, str(scores.dtype), float(np.abs(scores.sum(axis=1) - 1.0).max()) < 1e-12)
    expected = ((n, 2), "float64", True)
    require(seen == expected, expected, seen, "return one score a row from predict_proba")


@check()
def learning(subject: Subject) -> None:
    """A signal that is there is found: scores differ, and the higher one is the likelier buy."""
    distinct = np.unique(subject.scores[:, 1])
    require(
        distinct.size > 10,
        "scores that differ from row to row",
        distinct,
        "check that fit passes the features, and that the default parameters let it learn",
    )
    auc = subject.artifact.metrics["train"].roc_auc or 0.0
    require(
        auc > 0.6,
        "a ROC AUC above 0.6 on the rows it was trained on",
        auc,
        "return the probability of label 1, and keep rows and labels in one order",
    )


@check()
def row_alone(subject: Subject) -> None:
    """A row alone scores as in a batch: live scoring agrees with the backtest."""
    X = unseen_rows()
    alone = [subject.artifact.predict_proba(X[i : i + 1]) for i in range(50)]
    gap = largest_gap(np.concatenate(alone), subject.artifact.predict_proba(X)[:50])
    require(
        gap < 1e-12,
        "the same score for a row alone and in a batch",
        f"a difference of {gap:g}",
        "do nothing in scoring that depends on the other rows",
    )


@check()
def figures(subject: Subject) -> None:
    """Every part has every figure, under the names that all plugins share."""
    metrics = subject.artifact.metrics
    require(
        {name: tuple(m.figures()) for name, m in metrics.items()}
        == dict.fromkeys(("train", "val", "test"), metric_names()),
        f"SplitMetrics of train, val and test: {metric_names()}",
        metrics,
        "do not replace the node eval_metrics",
    )


@check("same_seed")
def label_leak(subject: Subject) -> None:
    """The canary: no score depends on test, nor, without early stopping, on a label of val."""
    for part, what in {"test": "features and labels", "val": "labels"}.items():

        def other(name: str, X: Array, y: Array, part: str = part) -> Split:
            changed = 2.0 - 3.0 * X if name == part == "test" else X
            return Split(changed, 1 - y if name == part else y)

        turned = subject.datasets(other)
        gap = largest_gap(subject.train(turned).predict_proba(unseen_rows()), subject.scores)
        require(
            gap == 0.0,
            f"the same bits whatever the {what} of {part} are",
            f"a difference of {gap:g} with other {what} there",
            "fit on datasets.train (of an ensemble: on the rows given) and on nothing else",
        )
