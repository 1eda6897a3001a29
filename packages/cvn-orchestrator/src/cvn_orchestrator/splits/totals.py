"""What a fold holds over all symbols together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cvn_orchestrator.splits.survey import FoldFacts, PartFacts
from cvn_orchestrator.splits.windows import PARTS


@dataclass(frozen=True)
class Total:
    """One part of one fold; ``prevalence`` is the share of positive labels, None of no rows."""

    rows: int
    purged: int
    embargoed: int
    prevalence: float | None


def totals(facts: Sequence[FoldFacts]) -> dict[int, dict[str, Total]]:
    """Return the totals by fold and part."""
    by_fold: dict[int, list[FoldFacts]] = {}
    for one in facts:
        by_fold.setdefault(one.fold, []).append(one)
    return {
        fold: {name: _total([one.part(name) for one in ones]) for name in PARTS}
        for fold, ones in by_fold.items()
    }


def _total(parts: Sequence[PartFacts]) -> Total:
    rows = sum(part.rows for part in parts)
    positives = sum(part.rows * (part.prevalence or 0.0) for part in parts)
    return Total(
        rows,
        sum(part.purged for part in parts),
        sum(part.embargoed for part in parts),
        positives / rows if rows else None,
    )
