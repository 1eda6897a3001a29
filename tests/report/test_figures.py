"""Figures of the sections: of which cells, in which order, and what is said of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest

from cvn_orchestrator.report.page import Cell, Section
from cvn_orchestrator.report.sweep.calibration import calibration_section
from cvn_orchestrator.report.sweep.ensembles import ensembles_section
from cvn_orchestrator.report.sweep.equity import equity_section
from cvn_orchestrator.report.sweep.found import Found, Sweep, read_sweep
from cvn_orchestrator.report.sweep.health import health_section
from cvn_orchestrator.report.sweep.judged import Judged, judged
from cvn_orchestrator.report.sweep.leaderboard import leaderboard, leaderboard_section
from cvn_orchestrator.report.sweep.searches import searches_section
from cvn_orchestrator.report.sweep.spread import spread_section
from cvn_orchestrator.report.sweep.sweep_page import sweep_page
from cvn_orchestrator.report.sweep.theta import theta_section
from cvn_orchestrator.results.rows import CellRow

from . import made
from .scenes import N_FOLDS, failed, idle, moneyless

Of = Callable[[str], tuple[Sweep, Judged, str]]


def shared(sweep: Sweep, variant: str) -> list[Found]:
    """Return the cells of a variant that all four have."""
    counts: dict[tuple[str, int], int] = {}
    for found in sweep.done:
        counts[found.where] = counts.get(found.where, 0) + 1
    return [found for found in sweep.of(variant) if counts[found.where] == len(made.VARIANTS)]


def column(section: Section, name: str, table: int = 0) -> dict[str, str]:
    """Return a column's text by the row's name."""
    found = section.tables[table]
    at = list(found.header).index(name)
    return {said(row[0]): said(row[at]) for row in found.rows}


def said(cell: str | Cell) -> str:
    return cell if isinstance(cell, str) else cell.text


def note(section: Section, variant: str, name: str) -> str:
    found = section.tables[0]
    row = next(row for row in found.rows if said(row[0]) == variant)
    cell = row[list(found.header).index(name)]
    assert isinstance(cell, Cell)
    return cell.note


def average(cells: Sequence[Found], name: str) -> float:
    values = [value for found in cells if (value := found.test(name)) is not None]
    return sum(values) / len(values)


@pytest.mark.parametrize("name", ["whole", "failures", "under_way"])
def test_a_row_holds_figures_of_one_set_of_cells(scene: Of, name: str) -> None:
    sweep, verdict, page = scene(name)
    standings = leaderboard(sweep, verdict)
    variants = [one.variant for one in standings]
    board = leaderboard_section(sweep, verdict, standings)
    equity = equity_section(sweep, verdict, variants)
    assert column(board, "net in all") == column(equity, "net in all")
    ends = {trace.name: trace.y[-1] for trace in equity.figures[0].figure.data}
    brier = column(calibration_section(sweep, variants), "Brier")
    spread = spread_section(sweep, verdict, variants)
    for one in standings:
        cells = shared(sweep, one.variant)
        assert one.done == len(sweep.of(one.variant))
        assert one.pr_auc == pytest.approx(average(cells, "pr_auc"))
        assert one.signals == sum(found.signals for found in cells)
        net = [found.row.trades.net for found in cells if found.row.trades is not None]
        assert one.total == pytest.approx(sum(part.sum() for part in net if part is not None))
        assert ends[one.variant] == pytest.approx(one.total, rel=1e-4)
        assert brier[one.variant] == f"{average(cells, 'brier'):.4f}"
        points = sum(one.variant == trace.name for trace in spread.figures[0].figure.data)
        assert points == 2, "the legend's and the cells'"
        assert column(spread, "positive cells")[one.variant].endswith(f" of {len(cells)}")
    partly = len(shared(sweep, "lgbm")) < len(sweep.of("lgbm"))
    assert partly == (name != "whole")
    assert ("Figures are of the symbols and folds that every variant has finished, " in page) == (
        partly
    )


def test_without_money_figures_are_of_common_cells_too(rows: list[CellRow]) -> None:
    cells = [failed(row) if n == 3 else moneyless(row) for n, row in enumerate(rows)]
    sweep = read_sweep(made.run_row(N_FOLDS), cells)
    for one in leaderboard(sweep, judged(sweep)):
        common = shared(sweep, one.variant)
        assert one.signals == sum(found.signals for found in common)
        assert one.pr_auc == pytest.approx(average(common, "pr_auc"))


def test_bases_are_averaged_over_common_cells(scene: Of) -> None:
    sweep, _, _ = scene("failures")
    cells = [found.facts for found in shared(sweep, "blend") if found.facts is not None]
    assert len(cells) < len(sweep.of("blend"))
    known = [m.test["pr_auc"] for one in cells for m in one.members if m.name == "lightgbm"]
    kept = [value for value in known if value is not None]
    section = ensembles_section(sweep, made.VARIANTS)
    assert column(section, "PR AUC", 1)["lightgbm"] == f"{sum(kept) / len(kept):.4f}"


def test_nothing_in_common_is_said(rows: list[CellRow]) -> None:
    first = [row for row in rows if (row.fold, row.variant) in ((1, "lgbm"), (2, "xgb"))]
    sweep = read_sweep(made.run_row(N_FOLDS), first)
    verdict = judged(sweep)
    standings = leaderboard(sweep, verdict)
    why = "no symbol and fold has been finished by every variant"
    assert {one.pr_auc for one in standings} == {None}
    assert {one.expectancy.reason for one in standings if one.done} == {why}
    board = leaderboard_section(sweep, verdict, standings)
    assert note(board, "xgb", "PR AUC on test") == why
    assert note(board, "blend", "PR AUC on test") == "no cell is done"
    page = sweep_page(sweep, verdict)
    for what in ("no scores to judge", "nothing to add up", "nothing can spread"):
        assert f"{why.capitalize()}, so " in page
        assert what in page


def test_a_variant_without_a_signal_stands_last_in_its_verdict(rows: list[CellRow]) -> None:
    cells = [idle(row) if row.variant == "xgb" else row for row in rows]
    sweep = read_sweep(made.run_row(N_FOLDS), [*cells[:-1], failed(cells[-1])])
    standings = leaderboard(sweep, judged(sweep))
    assert {one.verdict for one in standings} == {"INCONCLUSIVE"}
    values = [one.expectancy.value for one in standings]
    assert (standings[-1].variant, values[-1]) == ("xgb", None)
    known = [value for value in values if value is not None]
    assert known == sorted(known, reverse=True)
    assert len(known) == 3


def test_plots_are_of_variants_that_have_something_to_draw(rows: list[CellRow]) -> None:
    names = tuple(f"v{at}" for at in range(10))
    plain = [row for row in rows if row.variant == "lgbm"]
    cells = [
        replace(idle(row) if name in ("v0", "v1") else row, variant=name)
        for row in plain
        for name in names
    ]
    sweep = read_sweep(made.run_row(N_FOLDS, names, baseline="v2"), cells)
    verdict = judged(sweep)
    equity = equity_section(sweep, verdict, names)
    assert [trace.name for trace in equity.figures[0].figure.data] == [*names[2:]]
    assert "variants with a signal that stand highest" not in equity.note
    spread = spread_section(sweep, verdict, names)
    assert {trace.name for trace in spread.figures[0].figure.data} == {*names[2:]}
    rates = health_section(sweep, names).figures[-1].figure
    assert {trace.name for trace in rates.data if trace.name} == {*names[2:]}


@pytest.mark.parametrize("direction", ["maximize", "minimize"])
def test_the_best_so_far_ends_at_the_best_trial(rows: list[CellRow], direction: str) -> None:
    row = next(row for row in rows if row.variant == "lgbm-searched")
    (kept,) = row.facts["searches"]
    best = 0.95 if direction == "maximize" else 0.05
    search = {
        **kept,
        "direction": direction,
        "best": 7,
        "value": best,
        "trials": 20,
        "values": [0.5, 0.4, None, 0.6],
        "numbers": [0, 5, 12, 19],
    }
    cell = replace(row, facts={**row.facts, "searches": [search]})
    section = searches_section(read_sweep(made.run_row(N_FOLDS), [cell]), [row.variant])
    (trace,) = section.figures[0].figure.data
    assert list(trace.x) == [0, 5, 7, 19]
    better = max if direction == "maximize" else min
    assert list(trace.y) == [0.5, better(0.5, 0.4), best, best]
    assert column(section, "best") == {
        f"lgbm-searched, {row.symbol}, fold {row.fold}": f"pr auc {best:.4f}"
    }


def test_the_dashed_line_says_what_it_supposes(scene: Of, rows: list[CellRow]) -> None:
    plot = theta_section(scene("whole")[0], ["lgbm"]).figures[0]
    assert "would pay for stops and costs if each ended at its take profit or stop" in plot.caption
    bare = [replace(row, facts={**row.facts, "payoff": None}) for row in rows]
    plot = theta_section(read_sweep(made.run_row(N_FOLDS), bare), ["lgbm"]).figures[0]
    assert "by the mean win and loss on these rows (median over cells)" in plot.caption
    assert "take profit" not in plot.caption


def test_a_dash_at_another_cost_has_its_own_reason(rows: list[CellRow]) -> None:
    cells = []
    for row in rows:
        assert row.trades is not None
        gains = np.full(len(row.trades.time), 0.9)
        at = {**row.by_cost["0.15"], "profit_factor": None, "sortino": None}
        undefined = {"profit_factor": "no losing signal", "sortino": "no losing signal"}
        test = {**row.metrics["test"], **dict.fromkeys(undefined)}
        kept = {**row.facts["undefined"], **undefined}
        cells.append(
            replace(
                row,
                by_cost={"0.15": at, "0.05": at},
                metrics={**row.metrics, "test": test},
                facts={**row.facts, "undefined": kept},
                trades=replace(row.trades, net=gains),
            )
        )
    sweep = read_sweep(made.run_row(N_FOLDS), cells)

    def why(cost: float, name: str) -> str:
        section = equity_section(sweep, judged(sweep, cost=cost), made.VARIANTS)
        return note(section, "lgbm", name)

    assert why(0.15, "profit factor, per cell") == "undefined in every cell"
    assert why(0.15, "Sortino, per cell") == "undefined in every cell"
    assert why(0.15, "win rate, per cell") == "not kept at this cost"
    assert why(0.3, "profit factor, per cell") == "not kept at this cost"
    assert why(0.05, "profit factor, per cell") == "no losing signal"
