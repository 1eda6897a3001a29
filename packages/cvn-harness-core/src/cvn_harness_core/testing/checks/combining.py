"""Checks of a combiner, which sees nothing but its bases' scores."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from cvn_harness_core import MetaRows, check_leaks
from cvn_harness_core.contracts.split import Array
from cvn_harness_core.scoring import as_probabilities
from cvn_harness_core.testing.check import check
from cvn_harness_core.testing.ensemble_subject import EnsembleUnderTest, made_up_rows
from cvn_harness_core.testing.verdict import expecting, largest_gap, require, skip


@check()
def any_bases(ensemble: EnsembleUnderTest) -> None:
    """One base, two or five: a caller may choose others than those that are declared."""
    for n_bases in (1, 2, 5):
        with expecting(f"scores from {n_bases} bases", "let fit and combine take any number"):
            _combined(ensemble, made_up_rows(n_bases=n_bases))


@check()
def extreme_scores(ensemble: EnsembleUnderTest) -> None:
    """Bases that are sure of themselves, with scores of 0 and 1, still give probabilities."""
    rows = made_up_rows()
    sure = np.repeat([[0.0], [1.0], [0.5]], rows.scores.shape[1], axis=1)
    with expecting("probabilities from scores of 0 and 1", "clip scores before taking log odds"):
        as_probabilities(_combiner(ensemble, rows)(sure), len(sure))
        _combined(ensemble, replace(rows, scores=np.round(rows.scores)))


@check()
def few_rows(ensemble: EnsembleUnderTest) -> None:
    """Eight rows, two of them positive, are enough to be fitted on, if not to learn from."""
    rows = made_up_rows(8)
    rows = replace(rows, y=np.array([0, 1, 0, 0, 0, 1, 0, 0], dtype=np.int8))
    with expecting("a fit on eight rows", "let fit cope with few rows and few positives"):
        _combined(ensemble, rows)


@check()
def learns_as_declared(ensemble: EnsembleUnderTest) -> None:
    """``learns`` is true: other labels, other scores. Rows are kept for it that theta then lacks.

    One that does not learn is given no rows.
    """
    if not ensemble.spec.learns:
        skip(f"{ensemble.name} declares that it does not learn")
    rows = made_up_rows()
    turned = replace(rows, y=1 - rows.y)
    gap = largest_gap(_combined(ensemble, rows), _combined(ensemble, turned))
    require(
        gap > 0.0,
        "other scores from other labels",
        "the same bits",
        "set EnsembleSpec.learns=False, or learn from the rows that fit is given",
    )


@check("learns_as_declared")
def weights_in_learning(ensemble: EnsembleUnderTest) -> None:
    """Other weights of the rows, other scores."""
    if not ensemble.spec.learns:
        skip(f"{ensemble.name} declares that it does not learn")
    rows = made_up_rows()
    weight = np.random.default_rng(8).uniform(0.1, 3.0, rows.y.size)
    gap = largest_gap(_combined(ensemble, rows), _combined(ensemble, replace(rows, weight=weight)))
    require(gap > 0.0, "other scores from other weights", "the same bits", "use rows.weight in fit")


@check()
def rows_untouched(ensemble: EnsembleUnderTest) -> None:
    """Neither fitting nor combining writes into what it is given."""
    rows = made_up_rows(weight=np.linspace(0.5, 2.0, 400))
    given = [rows.scores, rows.y, np.asarray(rows.weight), made_up_rows(200, seed=1).scores]
    copies = [array.copy() for array in given]
    with expecting("rows to be read only", "copy before changing"):
        _combiner(ensemble, rows)(given[-1])
    changed = [i for i, (a, b) in enumerate(zip(given, copies, strict=True)) if (a != b).any()]
    require(
        not changed,
        "rows that are never written to",
        f"{len(changed)} of {len(given)} arrays changed",
        "copy before changing in Combiner.fit and combine",
    )


@check()
def base_weights(ensemble: EnsembleUnderTest) -> None:
    """What each base weighs is said as one number a base, not negative, or not at all."""
    rows, combiner = made_up_rows(), ensemble.author()
    learnt = combiner.fit(rows if ensemble.spec.learns else None, ensemble.request())
    said = combiner.base_weights(learnt, 3)
    if said is None:
        skip(f"{ensemble.name} has no base_weights; implement them to have dominance reported")
    weights = np.asarray(said)
    require(
        weights.shape == (3,) and bool(np.isfinite(weights).all()) and weights.min() >= 0.0,
        "three weights of three bases, finite and not negative",
        weights,
        "return the size of each base's influence from Combiner.base_weights, or None",
    )


@check("label_leak")
def out_of_fold_proof(ensemble: EnsembleUnderTest) -> None:
    """``check_leaks`` finds nothing: what was learnt is what the out-of-fold rows give."""
    data = ensemble.datasets()
    report = check_leaks(ensemble.train(data), data)
    mend = "do not replace the nodes that say whose rows are whose; fit on what fit is given"
    require(report.sound, "no fault in check_leaks(artifact, datasets)", report.faults, mend)


def _combiner(ensemble: EnsembleUnderTest, rows: MetaRows) -> Callable[[Array], Array]:
    """Return what combines scores, fitted on rows where the ensemble learns."""
    combiner = ensemble.author()
    request = ensemble.request(rows.scores.shape[1])
    learnt = combiner.fit(rows if ensemble.spec.learns else None, request)
    return lambda scores: combiner.combine(learnt, scores)


def _combined(ensemble: EnsembleUnderTest, rows: MetaRows) -> Array:
    scores = made_up_rows(200, rows.scores.shape[1], seed=1).scores
    return as_probabilities(_combiner(ensemble, rows)(scores), len(scores))
