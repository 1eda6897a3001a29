"""Signs of a leak that no stamp shows: scores or features that tell labels too well, part by part.

They are thresholds on ROC AUCs, no proof. Found are a score or a single feature that tells a part's
labels almost perfectly, and a single feature that tells them far better than it told those of the
rows that were fitted on before. Not found are: a feature that knows the future everywhere, or from
before the first fold on, but not almost perfectly; one that knows it in a small share of each part;
the future spread over several features; and parts with few rows or few labels that do not overlap.
A feature that came into being at some time, or whose market changed that much, is a false alarm.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from cvn_harness_core.contracts.datasets import Datasets
from cvn_harness_core.contracts.split import Array, Split
from cvn_harness_core.leaks.derived import Derived

MAX_AUC = 0.98
"""The highest ROC AUC that out-of-fold scores, or one feature, are believed to have."""

MAX_GAIN = 0.2
"""How much better than in the rows fitted on one feature may tell the labels of later ones."""

STRICT_Z = 4.0
"""How many standard errors a gain must be, too: 1 in 30,000 features has such by chance."""

MIN_OF_CLASS = 10
"""The least rows of either class that an AUC is looked at of."""


@dataclass(frozen=True, eq=False)
class Part:
    """Some scored rows, and those that the first fit that scored any of them was fitted on."""

    what: str
    rows: Array
    fitted: Array


def parts_of(derived: Derived) -> tuple[Part, ...]:
    """Return each fold's scored rows and those that calibrate, teach and decide, each set once."""
    found: dict[bytes, Part] = {}
    for one in derived.all():
        name = one.artifact.name
        named = [
            (f"the rows that decide theta of {name}", one.theta),
            (f"the rows that {name} learns from", one.learning),
            (f"the rows that calibrate {name}", one.calibration),
            *((f"forward fold {i} of {name}", f.scored) for i, f in enumerate(one.folds, 1)),
        ]
        for what, rows in named:
            if rows is not None:
                found.setdefault(rows.tobytes(), Part(what, rows, _fitted_before(one, rows)))
    return tuple(found.values())


def _fitted_before(one: Derived, rows: Array) -> Array:
    while one.bases:
        one = one.bases[0]
    return next(fold.train for fold in one.folds if np.isin(fold.scored, rows).any())


def score_faults(derived: Derived, datasets: Datasets, max_auc: float) -> Iterator[str]:
    """Yield whose out-of-fold scores tell the labels of a part better than ``max_auc``."""
    y, parts = datasets.train.y, parts_of(derived)
    for one in derived.all():
        scores = np.full(y.size, np.nan)
        scores[one.unseen.rows] = one.unseen.scores
        for part in parts:
            auc = _auc(y[part.rows], scores[part.rows])
            if auc is not None and auc > max_auc:
                yield (
                    f"the out-of-fold scores of {one.artifact.name} have a ROC AUC of {auc:.4f} on "
                    f"{part.what}: it knows the labels that it scores"
                )


def feature_faults(derived: Derived, datasets: Datasets, max_auc: float) -> Iterator[str]:
    """Yield the features that tell a part's labels better than ``max_auc``, or than they did."""
    train = datasets.train
    for part in parts_of(derived):
        spans = independent(train, part.rows), independent(train, part.fitted)
        y, y_fitted = train.y[part.rows], train.y[part.fitted]
        for name, values in zip(datasets.feature_names, train.X.T, strict=True):
            now, before = _auc(y, values[part.rows]), _auc(y_fitted, values[part.fitted])
            said = f"the feature {name!r} alone tells the labels of {part.what}"
            if now is not None and _told(now) > max_auc:
                yield f"{said} (AUC {now:.4f})"
            elif now is not None and before is not None:
                chance = np.hypot(
                    standard_error(_told(now), y, spans[0]),
                    standard_error(_told(before), y_fitted, spans[1]),
                )
                if _told(now) - _told(before) > max(MAX_GAIN, STRICT_Z * chance):
                    yield (
                        f"{said} far better (AUC {now:.4f}) than those of the rows fitted on "
                        f"before (AUC {before:.4f})"
                    )


def _auc(y: Array, values: Array) -> float | None:
    """Return the ROC AUC of the finite values; None of too few rows of a class.

    It is Mann and Whitney's U by ranks: scikit-learn's takes several times as long, and this is
    asked for every feature of every part.
    """
    known = np.isfinite(values)
    positive = y[known] == 1
    positives = int(np.count_nonzero(positive))
    negatives = positive.size - positives
    if min(positives, negatives) < MIN_OF_CLASS:
        return None
    above = rankdata(values[known])[positive].sum() - positives * (positives + 1) / 2
    return float(above / (positives * negatives))


def _told(auc: float) -> float:
    """Return how well the labels are told, whichever way the values point."""
    return max(auc, 1.0 - auc)


def standard_error(auc: float, y: Array, n: int) -> float:
    """Return the standard error of a ROC AUC (Hanley and McNeil, 1982) of n independent rows.

    ``y`` are the labels that say how many of the n are positive.
    """
    share = np.count_nonzero(y) / y.size
    positives, negatives = max(n * share, 1.0), max(n * (1.0 - share), 1.0)
    two_positives, two_negatives = auc / (2.0 - auc), 2.0 * auc**2 / (1.0 + auc)
    variance = (
        auc * (1.0 - auc)
        + (positives - 1.0) * (two_positives - auc**2)
        + (negatives - 1.0) * (two_negatives - auc**2)
    ) / (positives * negatives)
    return float(np.sqrt(variance))


def independent(train: Split, rows: Array) -> int:
    """Return how many of the rows have labels that do not overlap in time, at most."""
    assert train.time is not None
    starts = train.time[rows]
    ends = starts if train.label_end is None else train.label_end[rows]
    order = np.argsort(ends, kind="stable")
    count, until = 0, None
    for start, end in zip(starts[order], ends[order], strict=True):
        if until is None or start > until:
            count, until = count + 1, end
    return count
