"""The calendar of a walk-forward: which days train, which validate and which test, fold by fold.

Only dates are decided here. Rows are assigned, purged by label end and embargoed when
``Datasets.from_frame`` cuts a frame at these boundaries.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Generic, TypeVar

from cvn_harness_core import InputError

Moment = TypeVar("Moment", bound=date)
"""A date or a datetime (itself a date), naive or with a time zone; one kind throughout."""

_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Fold(Generic[Moment]):
    """One fold: three adjoining windows of the calendar, each half-open, ``[from, next)``.

    Train is ``[train_from, val_from)``, validation ``[val_from, test_from)`` and test
    ``[test_from, test_until)``. ``number`` counts from 1, the oldest fold first.
    """

    number: int
    train_from: Moment
    val_from: Moment
    test_from: Moment
    test_until: Moment


def walk_forward(
    first: Moment, last: Moment, *, n_folds: int, val_days: int, test_days: int
) -> tuple[Fold[Moment], ...]:
    """Lay ``n_folds`` expanding folds over a history, the newest one ending with it.

    Every fold trains from ``first``. The test windows adjoin without overlapping, so that
    together they are one unbroken stretch of out-of-sample time; each has its validation window
    right before it. Boundaries fall on midnight (the last one on the midnight after ``last``), so
    an hour more of data on the same day moves none of them.

    Parameters
    ----------
    first, last
        The earliest and the latest time in the data, both included.
    n_folds
        How many folds, at least 1.
    val_days, test_days
        Lengths of the two windows in calendar days, not in trading days, at least 1.

    Returns
    -------
    tuple of Fold
        In order of time, with boundaries of the type (and time zone) of ``first`` and ``last``.

    Raises
    ------
    InputError
        ``setting_invalid`` for a count or a length below 1; ``history_too_short`` if nothing would
        be left to train the first fold on.

    Notes
    -----
    Expanding-window evaluation from a rolling origin: Tashman (2000), Out-of-sample tests of
    forecasting accuracy, International Journal of Forecasting 16.
    """
    for name, value in (("n_folds", n_folds), ("val_days", val_days), ("test_days", test_days)):
        if value < 1:
            message = f"walk_forward got {name}={value}; it must be 1 or more."
            raise InputError("setting_invalid", message)

    until = _midnight_after(last)
    held_out = val_days + n_folds * test_days
    history = (until - first) / _DAY
    if history <= held_out:
        room = max(0, math.ceil((history - val_days) / test_days) - 1)
        message = (
            f"{n_folds} folds of {test_days} test days and {val_days} validation days take "
            f"{held_out} days and leave nothing to train on: the data span {history:.4g} days, "
            f"{first} to {last}. Lower n_folds (at most {room} would fit), val_days or test_days, "
            "or bring a longer history."
        )
        raise InputError("history_too_short", message)

    val, test = timedelta(days=val_days), timedelta(days=test_days)
    starts = (until - (n_folds - index) * test for index in range(n_folds))
    return tuple(
        Fold(number, first, start - val, start, start + test)
        for number, start in enumerate(starts, start=1)
    )


def _midnight_after(moment: Moment) -> Moment:
    """Return the start of the day after ``moment``, in its own type and time zone."""
    if isinstance(moment, datetime):
        return moment.replace(hour=0, minute=0, second=0, microsecond=0, fold=0) + _DAY
    return moment + _DAY
