"""Faults of order: rows with two uses, and labels that end after what they must not know began."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import numpy as np

from cvn_harness_core.contracts.split import Array, Split
from cvn_harness_core.leaks.derived import Derived

Named = tuple[str, Array]


def order_faults(derived: Derived, train: Split) -> Iterator[str]:
    """Yield the faults of an artifact's rows, and of everything below it."""
    for one in derived.all():
        yield from _of_folds(one, train)
        for earlier, later in _successions(one):
            yield from _between(earlier, later, one, train)


def _of_folds(one: Derived, train: Split) -> Iterator[str]:
    for number, fold in enumerate(one.folds, start=1):
        whose = f"of fold {number} of {one.artifact.name}"
        parts = (
            (f"the train rows {whose}", fold.train),
            (f"the stopping rows {whose}", fold.stopping),
            (f"the scored rows {whose}", fold.scored),
        )
        for earlier, later in combinations(parts, 2):
            yield from _between(earlier, later, one, train)


def _successions(one: Derived) -> Iterator[tuple[Named, Named]]:
    """Yield what must lie before what: calibration, then learning, then theta."""
    name = one.artifact.name
    theta = (f"the rows that decide theta of {name}", one.theta)
    if one.holdout is not None:
        yield from ((earlier, theta) for earlier in _behind(one))
        return
    own = [theta]
    if one.learning is not None:
        own.insert(0, (f"the rows that {name} learns from", one.learning))
    below = [earlier for base in one.bases for earlier in _behind(base)]
    yield from ((earlier, later) for earlier in below for later in own)
    yield from combinations(own, 2)


def _behind(one: Derived) -> Iterator[Named]:
    """Yield the rows that an artifact's probabilities rest on beyond its folds."""
    if one.calibration is not None:
        yield f"the rows that calibrate {one.artifact.name}", one.calibration
    if one.learning is not None:
        yield f"the rows that {one.artifact.name} learns from", one.learning
    for base in one.bases:
        yield from _behind(base)


def _between(earlier: Named, later: Named, one: Derived, train: Split) -> Iterator[str]:
    (what, before), (then, after) = earlier, later
    assert train.time is not None
    ends = train.time if train.label_end is None else train.label_end
    if shared := np.intersect1d(before, after).size:
        yield f"{shared} rows are among {what} and among {then}"
    latest, first = ends[before].max(), train.time[after].min()
    if not latest + np.timedelta64(one.policy.embargo) < first:
        yield (
            f"a label of {what} ends at {latest}, {then} begin at {first}, and the embargo is "
            f"{one.policy.embargo}"
        )
