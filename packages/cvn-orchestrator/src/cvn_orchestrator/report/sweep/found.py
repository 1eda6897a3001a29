"""What a run has found so far, from its rows: cells with their facts, in order, and the money."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from cvn_orchestrator.report.sweep.tried import tried_elsewhere
from cvn_orchestrator.results.facts import Days, Facts, Payoff, read_facts
from cvn_orchestrator.results.rows import CellRow, RunRow

if TYPE_CHECKING:
    from cvn_orchestrator.results.database import Results

NONE_DONE = "no cell is done"
NONE_SHARED = "no symbol and fold has been finished by every variant"


@dataclass(frozen=True)
class Found:
    """A cell that is done, with the facts of its artifact; None if its row has none."""

    row: CellRow
    facts: Facts | None

    @property
    def where(self) -> tuple[str, int]:
        """Symbol and fold."""
        return self.row.symbol, self.row.fold

    @property
    def signals(self) -> int:
        """How many signals it gave on test."""
        return 0 if self.row.trades is None else len(self.row.trades.time)

    def test(self, figure: str) -> float | None:
        """Return a figure of test; None if it is undefined."""
        return self.row.metrics.get("test", {}).get(figure)


@dataclass(frozen=True)
class Sweep:
    """A run and its rows.

    Parameters
    ----------
    done, failed
        Cells by symbol, fold and variant.
    n_trials_elsewhere
        How many configurations other runs tried on the same rows.
    """

    run: RunRow
    done: tuple[Found, ...]
    failed: tuple[CellRow, ...]
    n_trials_elsewhere: int = 0

    @property
    def open(self) -> int:
        """How many cells have no row yet."""
        return max(0, self.run.cells - len(self.done) - len(self.failed))

    @cached_property
    def variants(self) -> tuple[str, ...]:
        """All of them, in the plan's order."""
        rows = (*(found.row for found in self.done), *self.failed)
        return tuple(dict.fromkeys((*self.run.variants, *(row.variant for row in rows))))

    def of(self, variant: str) -> tuple[Found, ...]:
        """Return the done cells of a variant."""
        return self.by_variant.get(variant, ())

    @cached_property
    def by_variant(self) -> dict[str, tuple[Found, ...]]:
        """The done cells of each variant that has any, in the plan's order."""
        return {
            name: cells
            for name in self.variants
            if (cells := tuple(found for found in self.done if found.row.variant == name))
        }

    @cached_property
    def common(self) -> tuple[Found, ...]:
        """The done cells of symbols and folds that every variant with a done cell has."""
        places = [{found.where for found in cells} for cells in self.by_variant.values()]
        shared = set.intersection(*places) if places else set()
        return tuple(found for found in self.done if found.where in shared)

    def common_of(self, variant: str) -> tuple[Found, ...]:
        """Return those of a variant: what a figure must be of that is held against others'."""
        return tuple(found for found in self.common if found.row.variant == variant)

    @property
    def of_common(self) -> str:
        """A sentence on which cells these are; empty where they are all that are done."""
        if len(self.common) == len(self.done):
            return ""
        if not self.common:
            return f"{NONE_SHARED.capitalize()}."
        n = len({found.where for found in self.common})
        whole = len({found.where for found in self.done})
        return (
            f"Figures are of the symbols and folds that every variant has finished, {n} of {whole} "
            "that any has."
        )

    @property
    def facts(self) -> Iterator[tuple[Found, Facts]]:
        """The done cells that have facts."""
        return ((found, found.facts) for found in self.done if found.facts is not None)

    @cached_property
    def versions(self) -> dict[str, tuple[str, ...]]:
        """What done cells were made with, by name: distinct ones, that of the newest cell last."""
        known: dict[str, dict[str, None]] = {}
        for _, facts in sorted(self.facts, key=lambda one: one[0].row.finished):
            for name, version in facts.versions.items():
                of_name = known.setdefault(name, {})
                of_name.pop(version, None)
                of_name[version] = None
        return {name: tuple(known[name]) for name in sorted(known)}

    @cached_property
    def payoff(self) -> Payoff | None:
        """What the run's money assumes; None if it is not known."""
        return next((facts.payoff for _, facts in self.facts if facts.payoff is not None), None)

    @property
    def own_cost(self) -> float:
        """The cost that is in the data's net returns already; 0 where that is not known."""
        return 0.0 if self.payoff is None else self.payoff.cost

    @cached_property
    def money(self) -> bool:
        """Whether it is known what signals earned."""
        trades = [found.row.trades for found in self.done if found.row.trades is not None]
        signalled = [one for one in trades if len(one.time)]
        if signalled:
            return all(one.net is not None for one in signalled)
        return self.payoff is not None or any(one.net is not None for one in trades)

    @property
    def nothing(self) -> str:
        """Why no figure can be held against another, in words; empty where one can."""
        if self.common:
            return ""
        return (NONE_SHARED if self.done else NONE_DONE).capitalize()

    def why_none(self, variant: str) -> str:
        """Return why a variant has no common cell."""
        return NONE_SHARED if self.of(variant) else NONE_DONE

    def why(self, variant: str, figure: str) -> str:
        """Return why a figure of test is undefined on the common cells of a variant."""
        cells = self.common_of(variant)
        if not cells:
            return self.why_none(variant)
        facts = [found.facts for found in cells if found.facts is not None]
        reasons = dict.fromkeys(one.undefined[figure] for one in facts if figure in one.undefined)
        return "; ".join(reasons) or "undefined on every cell"

    @property
    def n_trials(self) -> int:
        """How many configurations this run tries: of each variant, the trials of its search."""
        return sum(
            max((found.row.n_trials for found in self.of(name)), default=1)
            for name in self.variants
        )


def sweep_in(results: Results, which: str) -> Sweep:
    """Return what a run has found, and what others in the database have tried on the same rows.

    Raises ResultsError as ``Results.run`` and ``Results.rows`` do.
    """
    run = results.run(which)
    elsewhere = tried_elsewhere(run, results.runs(), results.trials())
    return read_sweep(run, results.rows(run.run), elsewhere)


def read_sweep(run: RunRow, rows: Iterable[CellRow], n_trials_elsewhere: int = 0) -> Sweep:
    """Return what a run has found."""
    done, failed = [], []
    for row in rows:
        if row.state == "done":
            done.append(Found(row, read_facts(row.facts)))
        else:
            failed.append(row)
    return Sweep(run, tuple(done), tuple(failed), n_trials_elsewhere)


def dates_of(days: Days) -> Iterator[date]:
    """Return the days again that were packed as runs of days with and without."""
    day, there = date.fromisoformat(days.first), True
    for length in days.runs:
        if there:
            yield from (day + timedelta(days=at) for at in range(length))
        day, there = day + timedelta(days=length), not there
