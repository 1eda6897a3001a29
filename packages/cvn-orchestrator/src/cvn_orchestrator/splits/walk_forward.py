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
    first: Moment,
    last: Moment,
    *,
    n_folds: int,
    val_days: int,
    test_days: int,
    train_days: int | None = None,
) -> tuple[Fold[Moment], ...]:
    """Lay ``n_folds`` folds over a history, the newest one ending with it.

    Expanding folds all train from ``first``; rolling ones, from ``train_days`` before their
    validation window. The test windows adjoin without overlapping, so that together they are one
    unbroken stretch of out-of-sample time; each has its validation window right before it.
    Boundaries fall on midnight (the last one on the midnight after ``last``), so an hour more of
    data on the same day moves none of them.

    Parameters
    ----------
    first, last
        The earliest and the latest time in the data, both included.
    n_folds
        How many folds, at least 1.
    val_days, test_days
        Lengths of the two windows in calendar days, not in trading days, at least 1.
    train_days
        Length of a rolling fold's training window, at least 1; None for expanding folds.

    Returns
    -------
    tuple of Fold
        In order of time, with boundaries of the type (and time zone) of ``first`` and ``last``.

    Raises
    ------
    InputError
        ``setting_invalid`` for a count or a length below 1; ``history_too_short`` if nothing, or
        less than a rolling fold's ``train_days``, would be left to train the first fold on.

    Notes
    -----
    Expanding-window evaluation from a rolling origin: Tashman (2000), Out-of-sample tests of
    forecasting accuracy, International Journal of Forecasting 16.
    """
    sizes = {"n_folds": n_folds, "val_days": val_days, "test_days": test_days}
    for name, value in {**sizes, "train_days": 1 if train_days is None else train_days}.items():
        if value < 1:
            message = f"walk_forward got {name}={value}; it must be 1 or more."
            raise InputError("setting_invalid", message)

    until = midnight_after(last)
    _require_room((until - first) / _DAY, train_days=train_days, **sizes, span=f"{first} to {last}")
    val, test = timedelta(days=val_days), timedelta(days=test_days)
    starts = (until - (n_folds - index) * test for index in range(n_folds))
    return tuple(
        Fold(
            number,
            first if train_days is None else start - val - train_days * _DAY,
            start - val,
            start,
            start + test,
        )
        for number, start in enumerate(starts, start=1)
    )


def _require_room(
    history: float,
    *,
    n_folds: int,
    val_days: int,
    test_days: int,
    train_days: int | None,
    span: str,
) -> None:
    held_out = val_days + n_folds * test_days
    if train_days is None and history > held_out:
        return
    if train_days is not None and history >= held_out + train_days:
        return
    if train_days is None:
        room = max(0, math.ceil((history - val_days) / test_days) - 1)
        leave = "nothing"
    else:
        room = max(0, math.floor((history - val_days - train_days) / test_days))
        leave = f"less than {train_days} days"
    message = (
        f"{n_folds} folds of {test_days} test days and {val_days} validation days take "
        f"{held_out} days and leave {leave} to train on: the data span {history:.4g} days, "
        f"{span}. Lower n_folds (at most {room} would fit), "
        f"{'' if train_days is None else 'train_days, '}val_days or test_days, "
        "or bring a longer history."
    )
    raise InputError("history_too_short", message)


def midnight_after(moment: Moment) -> Moment:
    """Return the start of the day after ``moment``, in its own type and time zone."""
    if isinstance(moment, datetime):
        return moment.replace(hour=0, minute=0, second=0, microsecond=0, fold=0) + _DAY
    return moment + _DAY
