"""Checks of early stopping and of the best iteration, for models that boost."""

from __future__ import annotations

import math
from typing import get_args

import pytest

from cvn_harness_core import EarlyStopping, InputError, Split, TrainedArtifact, TrainingPolicy
from cvn_harness_core.contracts.model import StoppingMetric
from cvn_harness_core.testing.subject import TO_THE_CEILING, ModelUnderTest
from cvn_harness_core.testing.synthetic import synthetic_datasets
from cvn_harness_core.testing.verdict import require


class StoppingChecks(ModelUnderTest):
    """Training stops when, and only when, the policy says so; scores are of the best iteration."""

    @pytest.mark.parametrize("metric", get_args(StoppingMetric))
    def test_early_stopping_is_obeyed_and_recorded(self, metric: StoppingMetric) -> None:
        """Against validation labels that are turned over, learning only hurts: it must stop."""
        rounds, ceiling = 5, 400
        self._needs_stopping()
        policy = TrainingPolicy(early_stopping=EarlyStopping(rounds, metric))
        if metric not in self.spec.stopping_metrics:
            with pytest.raises(InputError, match=metric):
                self.train(policy=policy)
            return
        curve = self._train_against_validation(policy, ceiling).learning_curve
        best, run = curve.best_iteration or 0, curve.n_iterations or 0
        require(
            1 <= best <= run < ceiling,
            f"1 <= best_iteration <= n_iterations < {ceiling}, the ceiling",
            curve,
            "return both in Fitted, counted from 1, and obey request.stopping",
        )
        require(
            rounds <= run - best <= rounds + 1,
            f"{rounds} iterations after the best one",
            curve,
            "stop when stopping.rounds iterations have not improved on the best one",
        )
        said = (curve.stopping_rounds, curve.ceiling, curve.metric or "")
        require(
            said in {(rounds, ceiling, self.spec.stopping_metrics[metric]), (rounds, ceiling, "")},
            f"rounds {rounds}, ceiling {ceiling}, {self.spec.stopping_metrics[metric]}",
            curve,
            "watch request.stopping.metric, and correct ModelSpec.iterations_param",
        )

    def test_without_early_stopping_it_trains_to_the_ceiling(self) -> None:
        """``early_stopping=None`` keeps every iteration, even those that hurt validation."""
        self._needs_stopping()
        curve = self._train_against_validation(TO_THE_CEILING, 40).learning_curve
        require(
            (curve.best_iteration, curve.n_iterations, curve.stopping_rounds) == (40, 40, None),
            "best_iteration 40, n_iterations 40, stopping_rounds None",
            curve,
            "where stopping.rounds is None, neither stop nor cut the model to its best iteration",
        )

    def test_the_least_improvement_is_obeyed_or_refused(self) -> None:
        """No iteration improves by ten, so the first one stays the best."""
        self._needs_stopping()
        policy = TrainingPolicy(early_stopping=EarlyStopping(3, min_delta=10.0))
        if not self.spec.stopping_min_delta:
            with pytest.raises(InputError, match="min_delta"):
                self.train(policy=policy)
            return
        curve = self.train(policy=policy).learning_curve
        require(
            curve.best_iteration == 1,
            "best_iteration 1 with min_delta=10",
            curve,
            "pass stopping.min_delta on, or set ModelSpec.stopping_min_delta=False",
        )

    @pytest.mark.parametrize("metric", ["log_loss", "roc_auc"])
    def test_prediction_uses_the_best_iteration(self, metric: StoppingMetric) -> None:
        """What the learning curve says at the best iteration is true of the scores."""
        self._needs_stopping()
        if metric not in self.spec.stopping_metrics:
            pytest.skip(f"{self.model} does not stop on {metric}")
        policy = TrainingPolicy(early_stopping=EarlyStopping(5, metric))
        artifact = self.train(policy=policy, params={self._ceiling: 200})
        said, seen = artifact.learning_curve.val_best, artifact.metrics["val"].figures()[metric]
        if said is None:
            pytest.skip(f"{self.model} keeps no learning curve")
        require(
            math.isclose(said, seen or 0.0, rel_tol=1e-4),
            f"{metric} {said} on validation, as the learning curve says",
            seen,
            "predict with the first Fitted.best_iteration iterations only",
        )

    def _needs_stopping(self) -> None:
        if not self.spec.stopping_metrics:
            pytest.skip(f"{self.model} declares no stopping_metrics")

    def _train_against_validation(self, policy: TrainingPolicy, ceiling: int) -> TrainedArtifact:
        datasets = synthetic_datasets(lambda name, X, y: Split(X, 1 - y if name == "val" else y))
        return self.train(datasets, policy, {self._ceiling: ceiling})
