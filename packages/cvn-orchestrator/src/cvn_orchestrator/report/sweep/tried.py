"""What other runs have tried on the same rows: the best of many must be better than luck."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from cvn_orchestrator.results.rows import RunRow


def tried_elsewhere(
    run: RunRow, runs: Iterable[RunRow], trials: Mapping[str, Mapping[str, int]]
) -> int:
    """Return how many configurations other runs tried on the rows of this one.

    The same rows are the same files with the same symbol, time and label columns. A variant that is
    the same in several runs, on the same features and splits, counts once, with the most trials
    that its search took anywhere; one of this run counts here only by the trials that another run's
    search of it had beyond this run's. Other costs are no other configuration.

    Parameters
    ----------
    runs
        All of the database, this one may be among them.
    trials
        The most trials that a cell took, by run and variant.
    """
    if "rows" not in run.plan:
        return 0
    own: dict[str, int] = {}
    most: dict[str, int] = {}
    for other in runs:
        if other.plan.get("rows") != run.plan["rows"]:
            continue
        into = own if other.run == run.run else most
        for variant, n_trials in trials.get(other.run, {}).items():
            what = _configuration(other, variant)
            into[what] = max(into.get(what, 0), n_trials)
    return sum(max(0, n_trials - own.get(what, 0)) for what, n_trials in most.items())


def _configuration(run: RunRow, variant: str) -> str:
    facts = {name: run.plan.get(name) for name in ("data", "splits", "seed")}
    facts["variant"] = run.plan.get("variants", {}).get(variant)
    return json.dumps(facts, sort_keys=True)
