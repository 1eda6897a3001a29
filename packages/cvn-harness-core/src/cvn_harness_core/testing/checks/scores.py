"""Checks of the scores, and of the figures made from them."""

from __future__ import annotations

import numpy as np

from cvn_harness_core.contracts.metrics import metric_names
from cvn_harness_core.testing.subject import ModelUnderTest
from cvn_harness_core.testing.synthetic import UNSEEN_ROWS
from cvn_harness_core.testing.verdict import largest_gap, require


class ScoreChecks(ModelUnderTest):
    """Scores are probabilities of a buy, row by row."""

    def test_probabilities_are_probabilities(self) -> None:
        """(n, 2) float64 within [0, 1], each row with sum 1, and not all alike."""
        scores = self.artifact.predict_proba(UNSEEN_ROWS)
        require(
            (scores.shape, scores.dtype) == ((len(UNSEEN_ROWS), 2), np.dtype(np.float64)),
            f"scores of shape ({len(UNSEEN_ROWS)}, 2), float64",
            (scores.shape, scores.dtype),
            "return (n,) or (n, 2) from ModelAdapter.predict_proba",
        )
        far = float(np.abs(scores.sum(axis=1) - 1.0).max())
        require(
            scores.min() >= 0.0 and scores.max() <= 1.0 and far < 1e-12,
            "scores within [0, 1] whose rows have the sum 1",
            f"{scores.min()} to {scores.max()}, sums {far} from 1",
            "return probabilities from ModelAdapter.predict_proba, not margins",
        )
        distinct = np.unique(scores[:, 1])
        require(
            distinct.size > 10,
            "scores that differ from row to row",
            distinct,
            "check that fit passes the features, and that the default parameters let it learn",
        )

    def test_a_higher_score_means_a_likelier_buy(self) -> None:
        """Column 1 is the positive class, and a signal that is there is found."""
        auc = self.artifact.metrics["train"].roc_auc or 0.0
        require(
            auc > 0.6,
            "a ROC AUC above 0.6 on the rows it was trained on",
            auc,
            "return the probability of label 1 from ModelAdapter.predict_proba",
        )

    def test_a_row_alone_scores_as_in_a_batch(self) -> None:
        """Live scoring, one row at a time, agrees with the backtest."""
        alone = [self.artifact.predict_proba(UNSEEN_ROWS[i : i + 1]) for i in range(50)]
        gap = largest_gap(np.concatenate(alone), self.artifact.predict_proba(UNSEEN_ROWS)[:50])
        require(
            gap < 1e-12,
            "the same score for a row alone and in a batch",
            f"a difference of {gap}",
            "do nothing in predict_proba that depends on the other rows",
        )

    def test_every_split_has_every_figure(self) -> None:
        """``metrics`` has the same parts and, flat, the same names for every model."""
        metrics = self.artifact.metrics
        require(
            {name: tuple(m.figures()) for name, m in metrics.items()}
            == dict.fromkeys(("train", "val", "test"), metric_names()),
            f"SplitMetrics of train, val and test: {metric_names()}",
            metrics,
            "do not replace the node eval_metrics",
        )
