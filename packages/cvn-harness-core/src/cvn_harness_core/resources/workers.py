"""How many fits may run at once."""

from __future__ import annotations

from cvn_harness_core.contracts.checks import integer
from cvn_harness_core.resources.budget import Budget

MARGIN = 1.25
"""Times the measured peak that is set aside for a fit: trials differ, and malloc keeps holes."""


def worker_count(
    budget: Budget, n_threads: int, peak_bytes: int | None, limit: int | None = None
) -> int:
    """Return how many fits may run at once in this budget, at least 1.

    Their threads together are no more than the budget's, and ``MARGIN`` times their peaks no more
    than its memory; where the peak or the budget's memory is None, threads alone decide.

    Parameters
    ----------
    budget
        What may be used, taken while no fit runs.
    n_threads
        Threads of one fit.
    peak_bytes
        What one fit holds at most, above what was held before it; see ``peak_memory``.
    limit
        The most that are wanted, such as the number of trials; None for no limit.

    Raises
    ------
    InputError
        ``setting_invalid`` for a figure below 1 (``peak_bytes``: below 0).
    """
    bounds = [budget.threads // integer("n_threads", n_threads, low=1)]
    if limit is not None:
        bounds.append(integer("limit", limit, low=1))
    if peak_bytes is not None:
        peak = integer("peak_bytes", peak_bytes, low=0)
        if budget.memory_bytes is not None and peak:
            bounds.append(int(budget.memory_bytes / (MARGIN * peak)))
    return max(1, min(bounds))
