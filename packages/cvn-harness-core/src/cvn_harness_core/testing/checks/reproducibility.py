"""Checks of the seed and of the threads."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable

import numpy as np
import pytest

from cvn_harness_core import TrainingPolicy
from cvn_harness_core.testing.subject import ModelUnderTest
from cvn_harness_core.testing.synthetic import UNSEEN_ROWS, synthetic_datasets
from cvn_harness_core.testing.verdict import largest_gap, require


class ReproducibilityChecks(ModelUnderTest):
    """The same question has the same answer, on as many threads as were granted."""

    def test_the_same_seed_gives_the_same_bits(self) -> None:
        """Whatever else was trained in between: an adapter has no memory."""
        first = self.train().predict_proba(UNSEEN_ROWS)
        self.train(policy=TrainingPolicy(class_balance=3.0))
        gap = largest_gap(self.train().predict_proba(UNSEEN_ROWS), first)
        require(
            gap == 0.0,
            "the same bits from the same data, parameters, seed and threads",
            f"a difference of {gap}",
            "pass request.seed to every source of chance, and keep no state in the adapter",
        )

    def test_threads_do_not_change_bits_if_it_says_so(self) -> None:
        """``thread_invariant`` is a promise: results do not depend on the machine."""
        if not self.spec.thread_invariant:
            pytest.skip(f"{self.model} does not declare thread_invariant")
        datasets = synthetic_datasets(n=3000)
        one, two = (self.train(datasets, n_threads=n).predict_proba(UNSEEN_ROWS) for n in (1, 2))
        require(
            largest_gap(one, two) == 0.0,
            "the same bits for one thread and two",
            f"a difference of {largest_gap(one, two)}",
            "set ModelSpec.thread_invariant=False, or pin the library's deterministic mode",
        )

    def test_it_keeps_to_one_thread_when_told_to(self) -> None:
        """Fitting and scoring with ``n_threads=1`` keep no second core busy."""
        if (os.cpu_count() or 1) == 1:
            pytest.skip("one core: a second thread would not show")
        datasets = synthetic_datasets(n=12_000)
        artifact, many = self.train(datasets), np.tile(datasets.train.X, (8, 1))
        for what, work, mend in (
            ("fit", lambda: self.train(datasets), "pass request.n_threads on in prepare and fit"),
            ("score", lambda: artifact.predict_proba(many), "pass n_threads on in predict_proba"),
        ):
            busy = _cores_kept_busy(work)
            require(busy < 1.3, f"to {what} on one core", f"{busy:.2f} cores busy", mend)


def _cores_kept_busy(work: Callable[[], object]) -> float:
    """Return processor time over elapsed time of some work, at least: the least of three tries."""
    least = math.inf
    for _ in range(3):
        wall, processor = time.perf_counter(), time.process_time()
        while time.perf_counter() - wall < 0.3:
            work()
        busy = (time.process_time() - processor) / (time.perf_counter() - wall)
        least = min(least, busy)
        if least < 1.3:
            break
    return least
