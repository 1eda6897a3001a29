"""Combinatorial cross-validation: every choice of groups is tested once.

The history is cut into ``n_groups`` stretches of the calendar of equal length. Each choice of
``n_test_groups`` of them is the test of one fold, C(n, k) folds in all, so that every group is
tested in C(n - 1, k - 1) of them: that many paths lead through the whole history, each made of
out-of-sample scores only. Lopez de Prado (2018), Advances in Financial Machine Learning, chapter
12. Rows are purged and embargoed on both sides of what is tested when they are assigned
(``splits.rows``).

Boosting has to be stopped, and theta picked, on rows that neither train nor test. So each fold also
gives one group to validation: the nearest remaining one before its first tested group or, where
there is none, the latest remaining one. Over all folds validation moves through the history as the
test does, and the fold that tests the newest groups is laid like a walk-forward one.
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from itertools import combinations

from cvn_harness_core import InputError
from cvn_orchestrator.splits.walk_forward import midnight_after
from cvn_orchestrator.splits.windows import FoldWindows, Window

MAX_FOLDS = 10_000


def combinatorial(
    first: datetime, last: datetime, *, n_groups: int, n_test_groups: int
) -> tuple[FoldWindows, ...]:
    """Lay a fold for each choice of groups, those that test the oldest ones first.

    Boundaries fall on midnight, so groups differ by a day at most.

    Raises
    ------
    InputError
        ``setting_invalid`` for fewer than one test group, fewer than two groups beside them (one
        trains, one validates), or more than 10,000 folds; ``history_too_short`` for fewer days
        than groups.
    """
    check_groups(n_groups, n_test_groups)
    groups = _groups(first, last, n_groups)
    return tuple(
        _fold(number, groups, tested)
        for number, tested in enumerate(combinations(range(n_groups), n_test_groups), start=1)
    )


def paths(n_groups: int, n_test_groups: int) -> tuple[tuple[int, ...], ...]:
    """Return the paths through the history: for each group, the number of the fold to test it by.

    There are C(n - 1, k - 1) paths; each fold's score of each of its groups is used exactly once.

    Raises InputError ``setting_invalid`` as ``combinatorial``.
    """
    check_groups(n_groups, n_test_groups)
    by_group: list[list[int]] = [[] for _ in range(n_groups)]
    for number, tested in enumerate(combinations(range(n_groups), n_test_groups), start=1):
        for group in tested:
            by_group[group].append(number)
    return tuple(zip(*by_group, strict=True))


def check_groups(n_groups: int, n_test_groups: int) -> None:
    """Raise InputError ``setting_invalid`` for numbers of groups that cannot be."""
    if n_test_groups < 1 or n_groups - n_test_groups < 2:
        message = (
            f"combinatorial got n_groups={n_groups} and n_test_groups={n_test_groups}; one or more "
            "must be tested, and two or more left, to train and to validate on."
        )
        raise InputError("setting_invalid", message)
    folds = math.comb(n_groups, n_test_groups)
    if folds > MAX_FOLDS:
        message = (
            f"combinatorial with n_groups={n_groups} and n_test_groups={n_test_groups} has "
            f"{folds:,} folds; the most is {MAX_FOLDS:,}."
        )
        raise InputError("setting_invalid", message)


def _groups(first: datetime, last: datetime, n_groups: int) -> tuple[Window, ...]:
    until = midnight_after(last)
    days = math.ceil((until - first) / timedelta(days=1))
    if days < n_groups:
        message = (
            f"{n_groups} groups need as many days: the data span {days}, {first} to {last}. Lower "
            "n_groups, or bring a longer history."
        )
        raise InputError("history_too_short", message)
    begin = until - timedelta(days=days)
    edges = [begin + timedelta(days=days * g // n_groups) for g in range(n_groups + 1)]
    return tuple(map(Window, edges[:-1], edges[1:]))


def _fold(number: int, groups: tuple[Window, ...], tested: tuple[int, ...]) -> FoldWindows:
    left = [group for group in range(len(groups)) if group not in tested]
    validating = max((group for group in left if group < tested[0]), default=left[-1])
    left.remove(validating)
    return FoldWindows(
        number,
        _joined([groups[group] for group in left]),
        (groups[validating],),
        _joined([groups[group] for group in tested]),
    )


def _joined(windows: list[Window]) -> tuple[Window, ...]:
    """Return the windows with those that adjoin made one."""
    found = windows[:1]
    for window in windows[1:]:
        if window.start == found[-1].until:
            found[-1] = Window(found[-1].start, window.until)
        else:
            found.append(window)
    return tuple(found)
