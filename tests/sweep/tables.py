"""The rows of a run, without what differs from call to call."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

from cvn_orchestrator.results.database import open_results

HOW_IT_CAME = ("finished", "seconds", "timings", "cache_hit")
"""When and how fast a cell was made, and whether its artifact was there already."""


def tables(url: str | Path, run: str = "small") -> list[dict[str, Any]]:
    """Return the rows of a run, each as a mapping; trades as bytes."""
    found = []
    with open_results(url if isinstance(url, str) else f"sqlite:///{url}", must_exist=True) as kept:
        for row in kept.rows(run):
            facts = {f.name: getattr(row, f.name) for f in fields(row)}
            for name in HOW_IT_CAME:
                del facts[name]
            if row.trades is not None:
                net = row.trades.net
                facts["trades"] = row.trades.time.tobytes(), None if net is None else net.tobytes()
            found.append(facts)
    return found
