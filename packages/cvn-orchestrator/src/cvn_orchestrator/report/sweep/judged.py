"""From a run's rows to a judgement: what the statistics want to be given."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from math import isclose

import numpy as np
import polars as pl

from cvn_harness_core import InputError
from cvn_orchestrator.report.sweep.found import (
    NONE_DONE,
    NONE_SHARED,
    Found,
    Sweep,
    dates_of,
)
from cvn_orchestrator.results.frames import trades_frame
from cvn_orchestrator.results.reading import Place
from cvn_orchestrator.results.rows import Trades
from cvn_orchestrator.statistics import Judgement, judge
from cvn_orchestrator.statistics.metrics import SCORES

_DIGEST = 64
NO_MONEY = "neither returns nor a payoff is known, so nothing can be said of what signals earn"


@dataclass(frozen=True)
class Judged:
    """The verdict on a run.

    Parameters
    ----------
    sentence
        The verdict in one sentence.
    judgement
        What it rests on; None, with ``why``, where there is too little for any statistics.
    costs
        Round-trip costs of a signal, the main one first.
    n_trials
        Trials ever run, as the judgement counts them.
    notes
        What was assumed, and what is left out.
    """

    sentence: str
    costs: tuple[float, ...]
    n_trials: int
    judgement: Judgement | None = None
    why: str = ""
    notes: tuple[str, ...] = ()


def judged(sweep: Sweep, *, cost: float | None = None, n_trials: int | None = None) -> Judged:
    """Return the verdict on what there is.

    Only symbols and folds that every variant with a done cell has finished enter the figures.

    Parameters
    ----------
    cost
        The cost at which verdicts are made; by default the one that is in the data's returns.
    n_trials
        Trials ever run; by default those of this run and of others on the same rows.

    Raises
    ------
    InputError
        ``setting_invalid`` for fewer trials than those, or a cost that is not finite;
        ``data_differ`` if a cell's trades are not as many as its figures say.
    """
    costs = _costs(sweep, cost)
    known = sweep.n_trials + sweep.n_trials_elsewhere
    trials = known if n_trials is None else n_trials
    if trials < known:
        message = f"--trials {trials}: {sweep.n_trials} are of this run alone"
        if sweep.n_trials_elsewhere:
            message += f", {sweep.n_trials_elsewhere} of other runs on the same rows"
        message += "."
        raise InputError("setting_invalid", message)
    common = sweep.common
    dates, unknown = _dates(common)
    why = _too_little(sweep, common, any(dates.values()))
    if why:
        return Judged(f"No verdict: {_progress(sweep)}; {why}.", costs, trials, why=why)
    judgement = judge(
        _cells(sweep, common),
        _trades(sweep, common),
        dates,
        baseline=sweep.run.baseline,
        n_trials=trials,
        costs=costs,
        required=_required(sweep),
    )
    mixed = _mixed(sweep)
    if mixed:
        judgement = _undecided(judgement, mixed)
    sentence = _sentence(sweep, mixed) or judgement.sentence
    notes = (*_notes(sweep, unknown, mixed), *_dearer(judgement))
    return Judged(sentence, costs, trials, judgement, notes=notes)


def _progress(sweep: Sweep) -> str:
    said = f"{len(sweep.done)} of {sweep.run.cells} cells are done"
    said += f", {len(sweep.failed)} failed" if sweep.failed else ""
    return f"{said}, {sweep.open} not begun" if sweep.open else said


def _too_little(sweep: Sweep, common: Sequence[Found], dated: bool) -> str:
    """Return why nothing can be said at all, or nothing."""
    if not sweep.done:
        return NONE_DONE
    if sweep.run.baseline not in sweep.by_variant:
        return f"the baseline {sweep.run.baseline} has no cell that is done"
    if not common:
        return NONE_SHARED
    return "" if dated else "the test dates are not known, and there is no signal to tell any"


def _sentence(sweep: Sweep, mixed: str) -> str:
    """Return the sentence where there is more to say than the statistics know; else nothing."""
    if sweep.failed or sweep.open:
        return f"No verdict: {_progress(sweep)}."
    if mixed:
        return f"No verdict: {mixed}."
    if not sweep.money:
        return f"No verdict: {NO_MONEY}."
    if not any(found.signals for found in sweep.done):
        return f"Nothing to trade: none of the {len(sweep.done)} cells signals on test."
    return ""


def _mixed(sweep: Sweep) -> str:
    """Return where the code or the libraries of cells differ, or nothing."""
    differ = {
        name: found
        for name, found in sweep.versions.items()
        if len(found) > 1 and name != "platform"
    }
    if not differ:
        return ""
    said = "; ".join(
        f"{name} {', '.join(_brief(v) for v in found)}" for name, found in differ.items()
    )
    return f"cells are of different versions ({said})"


def _brief(version: str) -> str:
    """Return a version as it is, and of a digest the first digits."""
    return version[:12] if len(version) == _DIGEST else version


def _undecided(judgement: Judgement, why: str) -> Judgement:
    """Return the judgement with its figures and without its verdicts."""
    variants = []
    for one in judgement.variants:
        reasons = (why, *one.reasons[1:])
        sentence = f"{one.variant}: INCONCLUSIVE, {'; '.join(reasons)}."
        variants.append(replace(one, verdict="INCONCLUSIVE", sentence=sentence, reasons=reasons))
    return replace(judgement, sentence=f"No verdict: {why}.", variants=tuple(variants))


def _notes(sweep: Sweep, unknown: int, mixed: str) -> Iterator[str]:
    if sweep.failed or sweep.open:
        yield (
            "Figures are of the symbols and folds that every variant has finished so far; those of "
            "a part decide nothing."
        )
    if mixed:
        yield (
            f"{mixed[0].upper()}{mixed[1:]}: a mixture decides nothing. Run the plan again "
            "to its end: what is of other versions is trained anew."
        )
    if unknown:
        yield (
            f"{unknown} cells do not tell their test dates: of those, only dates with a signal "
            "count."
        )
    if sweep.money and sweep.payoff is None:
        yield "No payoff is known: costs come on top of what the returns hold already."


def _dearer(judgement: Judgement) -> Iterator[str]:
    """Yield what is locked at the main cost, and might not earn at another."""
    for one in judgement.variants:
        if one.verdict != "LOCK":
            continue
        unsure = [
            f"{at.cost:g}"
            for at in one.at_costs[1:]
            if at.expectancy.interval is not None and at.expectancy.interval[0] <= 0
        ]
        if unsure:
            yield (
                f"{one.variant} is locked at a cost of {judgement.cost:g}: at {', '.join(unsure)} "
                "the 95 % interval of its net return of a signal reaches zero."
            )


def _costs(sweep: Sweep, cost: float | None) -> tuple[float, ...]:
    """Return distinct costs: the one that decides, then the plan's and the data's, rising."""
    main = sweep.own_cost if cost is None else cost
    found = [main]
    for other in sorted((*sweep.run.costs, sweep.own_cost)):
        if not any(isclose(other, one, abs_tol=1e-12) for one in found):
            found.append(other)
    return tuple(found)


def _cells(sweep: Sweep, common: Sequence[Found]) -> pl.DataFrame:
    """Return a row for each planned cell of the variants that have any."""
    in_common = {id(found) for found in common}
    rows = {(*found.where, found.row.variant): found for found in sweep.done}
    places = dict.fromkeys(
        (row.symbol, row.fold) for row in (*(found.row for found in sweep.done), *sweep.failed)
    )
    unseen = -(-sweep.run.cells // max(1, len(sweep.variants))) - len(places)
    fold = next(iter(places))[1]
    for number in range(unseen):
        places[(f"(not begun {number + 1})", fold)] = None
    names = [(*place, variant) for place in places for variant in sweep.by_variant]
    found = [rows.get(name) for name in names]
    scores = {
        score: pl.Series([one and one.test(score) for one in found], dtype=pl.Float64)
        for score in SCORES
    }
    signals = [_said(one) if one and id(one) in in_common else None for one in found]
    return pl.DataFrame(
        {
            "symbol": [symbol for symbol, _, _ in names],
            "fold": [fold for _, fold, _ in names],
            "variant": [variant for _, _, variant in names],
            "state": ["done" if one else "open" for one in found],
            **{name: column for name, column in scores.items() if column.null_count() < len(names)},
            "n_signals": pl.Series(signals, dtype=pl.Int64),
        },
        schema_overrides={"fold": pl.Int64},
    )


def _said(found: Found) -> int | None:
    number = found.test("n_signals")
    return None if number is None or found.row.trades is None else int(number)


def _trades(sweep: Sweep, common: Sequence[Found]) -> pl.DataFrame:
    """Return the signals with what they earned before cost; 0 where no money is known."""
    pairs = [
        (
            Place(0, found.row.symbol, found.row.fold, found.row.variant),
            found.row.trades if sweep.money else _worthless(found.row.trades),
        )
        for found in common
        if found.row.trades is not None
    ]
    frame = trades_frame(pairs)
    return frame.with_columns(gross=pl.col("net") + sweep.own_cost)


def _worthless(trades: Trades) -> Trades:
    return Trades(trades.time, np.zeros(len(trades.time)))


def _dates(common: Iterable[Found]) -> tuple[dict[int, set[date]], int]:
    """Return the test dates of each fold, and how many cells tell only those with a signal."""
    by_fold: dict[int, set[date]] = {}
    unknown = 0
    for found in common:
        dates = by_fold.setdefault(found.row.fold, set())
        if found.facts is not None and found.facts.test_days is not None:
            dates.update(dates_of(found.facts.test_days))
        else:
            unknown += 1
            if found.row.trades is not None:
                dates.update(found.row.trades.time.astype("datetime64[D]").tolist())
    return by_fold, unknown


def _required(sweep: Sweep) -> list[str]:
    """Return variants without which there is no verdict.

    Those without any done cell, and the bases of ensembles that no variant trains by itself.
    """
    absent = [name for name in sweep.variants if name not in sweep.by_variant]
    alone = {facts.name for _, facts in sweep.facts}
    bases = {member.name for _, facts in sweep.facts for member in facts.members}
    return [*absent, *(f"{name} by itself" for name in sorted(bases - alone))]
