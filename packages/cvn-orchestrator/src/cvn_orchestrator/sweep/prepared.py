"""A plan bound to its data: cells, and the datasets of each."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cvn_harness_core import (
    MODEL_REGISTRY,
    Datasets,
    HarnessError,
    Split,
    resolve_parameters,
)
from cvn_orchestrator.data.shared import SharedTable, share_table
from cvn_orchestrator.errors import DataError, PlanError, SplitsError
from cvn_orchestrator.plan.reading import Plan
from cvn_orchestrator.splits.leaks import require_no_leak
from cvn_orchestrator.splits.rows import FoldRows, assign
from cvn_orchestrator.splits.survey import Survey, survey


@dataclass(frozen=True, order=True)
class Cell:
    """One symbol, one fold (from 1), one variant: what is trained and judged once."""

    symbol: str
    fold: int
    variant: str

    @property
    def name(self) -> str:
        """A name for people: ``SP500/3/lgbm``."""
        return f"{self.symbol}/{self.fold}/{self.variant}"


@dataclass(frozen=True)
class PreparedSweep:
    """A plan whose data and splits are sound. Cheap to pickle: workers map the arrays themselves.

    ``symbols`` are the plan's or, where it names none, the table's.
    """

    plan: Plan
    table: SharedTable
    symbols: tuple[str, ...]
    survey: Survey

    @property
    def cells(self) -> tuple[Cell, ...]:
        """Every cell that is to be trained: by symbol, then fold, then variant in the plan's order.

        Cells of one symbol and fold follow one another: they share their data, and fits.
        """
        return tuple(
            Cell(facts.symbol, facts.fold, variant.name)
            for facts in self.survey.facts
            if not facts.lacks or self.plan.splits.incomplete == "fail"
            for variant in self.plan.variants
        )

    @property
    def incomplete(self) -> tuple[tuple[str, int, tuple[str, ...]], ...]:
        """Symbol, fold and what it lacks, of those whose cells fail or, as planned, are skipped."""
        return tuple((f.symbol, f.fold, f.lacks) for f in self.survey.lacking)

    def datasets(self, symbol: str, fold: int) -> Datasets:
        """Return what the cells of a symbol and a fold are trained on.

        See ``datasets_of``. Raises SplitsError ``splits_leak`` if its rows leak, and
        ``splits_incomplete`` if some are lacking.
        """
        for short, number, lacks in self.incomplete:
            if (short, number) == (symbol, fold):
                message = f"{symbol}, fold {fold}: {'; '.join(lacks)}"
                raise SplitsError("splits_incomplete", message)
        rows, splits = self.table.rows(symbol), self.plan.splits
        window = self.survey.folds[fold - 1]
        found = assign(rows, window, splits.embargo, purge=splits.purge)
        require_no_leak(symbol, rows, found, splits.embargo)
        return datasets_of(self, symbol, rows, found)


def datasets_of(sweep: PreparedSweep, symbol: str, rows: Split, fold: FoldRows) -> Datasets:
    """Return the parts of a fold as datasets, tagged with symbol and fold.

    A part whose rows follow one another is a view of the mapped arrays, no copy: test always is in
    a walk-forward, train and validation where label ends rise with time. Of any other part, the
    rows that are left are copied.
    """
    schema = sweep.plan.schema
    return Datasets(
        rows.take(fold.train),
        rows.take(fold.val),
        rows.take(fold.test),
        feature_names=sweep.table.features,
        feature_version=schema.feature_version,
        payoff=schema.payoff,
        tags={"symbol": symbol, "fold": str(fold.fold.number)},
        order="forward" if fold.fold.forward else "any",
    )


def lay(plan: Plan, work: Path) -> PreparedSweep:
    """Check the plan's data, share them under ``work``, and lay its folds, sound or not.

    Raises
    ------
    DataError, InputError
        As ``share_table``; DataError ``data_invalid`` also for symbols that the table has not.
    PlanError
        ``plan_invalid`` for a parameter that needs one value a feature and has another number.
    InputError
        ``history_too_short``.
    """
    table = share_table(plan.schema, work / "data")
    symbols = table.symbols if plan.symbols is None else plan.symbols
    missing = [symbol for symbol in symbols if symbol not in table.symbols]
    if missing:
        heading = f"{plan.schema.path} lacks symbols that {plan.path} names:"
        known = ", ".join(table.symbols[:20])
        faults = [f"{symbol!r} is not there; there are {known}" for symbol in missing]
        raise DataError.of("data_invalid", heading, faults)
    _check_widths(plan, len(table.features))
    return PreparedSweep(plan, table, symbols, survey(plan.splits, table, symbols))


def prepare(plan: Plan, work: Path) -> PreparedSweep:
    """Do as ``lay``, and refuse splits that leak, or are incomplete where the plan says so.

    Raises SplitsError ``splits_leak`` or ``splits_incomplete`` besides what ``lay`` raises.
    """
    sweep = lay(plan, work)
    sweep.survey.require_sound(plan.splits)
    return sweep


def _check_widths(plan: Plan, width: int) -> None:
    """Check again, now that the number of features is known, what holds one value for each."""
    faults = []
    for variant in plan.variants:
        for name, hpo_params in variant.hpo_params.items():
            if name not in MODEL_REGISTRY:
                continue  # an ensemble's are one a base
            try:
                resolve_parameters(MODEL_REGISTRY[name], hpo_params, n_features=width)
            except HarnessError as error:
                faults.append(f"variants.{variant.name}: {error}")
    if faults:
        heading = f"{plan.path} does not fit its data, which have {width} features:"
        raise PlanError.of("plan_invalid", heading, faults)
