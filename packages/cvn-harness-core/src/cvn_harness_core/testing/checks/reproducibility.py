"""Checks of the seed and of the threads."""

from __future__ import annotations

import numpy as np

from cvn_harness_core import TrainingPolicy
from cvn_harness_core.testing.check import check
from cvn_harness_core.testing.cores import MUST_BE_FREE, cores_kept_busy, two_cores_free
from cvn_harness_core.testing.model_subject import ModelUnderTest
from cvn_harness_core.testing.subject import TO_THE_CEILING, Subject
from cvn_harness_core.testing.synthetic import synthetic_datasets, unseen_rows
from cvn_harness_core.testing.verdict import largest_gap, require, skip


@check()
def same_seed(subject: Subject) -> None:
    """The same question has the same answer to the bit, whatever else was trained in between."""
    weighed = TrainingPolicy(class_balance=3.0, early_stopping=None)
    for between in (TO_THE_CEILING, weighed):
        subject.train(policy=between)
        gap = largest_gap(subject.train().predict_proba(unseen_rows()), subject.scores)
        require(
            gap == 0.0,
            "the same bits from the same data, parameters, seed and threads",
            f"a difference of {gap:g}",
            "pass request.seed to every source of chance, and keep no state between fits",
        )


@check("same_seed")
def thread_invariance(model: ModelUnderTest) -> None:
    """``thread_invariant`` is a promise: results do not depend on the machine."""
    if not model.spec.thread_invariant:
        skip(f"{model.name} does not declare thread_invariant")
    datasets, few = synthetic_datasets(n=3000), {model.ceiling: 10} if model.ceiling else {}
    one, two = (
        model.train(datasets, params=few, n_threads=n).predict_proba(unseen_rows()) for n in (1, 2)
    )
    require(
        largest_gap(one, two) == 0.0,
        "the same bits for one thread and two",
        f"a difference of {largest_gap(one, two):g}",
        "set ModelSpec.thread_invariant=False, or pin the library's deterministic mode",
    )


@check()
def one_thread(model: ModelUnderTest) -> None:
    """Fitting and scoring with ``n_threads=1`` keep no second core busy."""
    if two_cores_free() < MUST_BE_FREE:
        skip("a second thread would not show: there are no two cores free here, or now")
    datasets = synthetic_datasets(n=12_000)
    artifact, many = model.train(datasets), np.tile(datasets.train.X, (8, 1))
    for what, work, mend in (
        ("fit", lambda: model.train(datasets), "pass request.n_threads on in prepare and fit"),
        ("score", lambda: artifact.predict_proba(many), "pass n_threads on in predict_proba"),
    ):
        busy = cores_kept_busy(work)
        require(busy < 1.3, f"to {what} on one core", f"{busy:.2f} cores busy", mend)
