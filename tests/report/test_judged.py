"""From rows to the verdict: what the statistics are given, and what is said where they cannot."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from cvn_harness_core import InputError
from cvn_orchestrator.report.sweep.found import Sweep, read_sweep, sweep_in
from cvn_orchestrator.report.sweep.judged import Judged, judged
from cvn_orchestrator.report.sweep.leaderboard import leaderboard
from cvn_orchestrator.results.database import open_results
from cvn_orchestrator.results.rows import CellRow

from . import made
from .scenes import N_FOLDS, idle

Of = Callable[[str], tuple[Sweep, Judged, str]]


def test_net_returns_at_each_cost_are_those_of_the_rows(scene: Of) -> None:
    sweep, verdict, _ = scene("whole")
    assert verdict.judgement is not None
    assert verdict.costs == (0.05, 0.0, 0.15), "the data's own decides"
    for variant in verdict.judgement.variants:
        rows = [found.row for found in sweep.of(variant.variant)]
        signals = sum(row.metrics["test"]["n_signals"] or 0 for row in rows)
        for at in variant.at_costs:
            totals = [row.by_cost[str(at.cost)]["total"] or 0.0 for row in rows]
            assert at.expectancy.value == pytest.approx(sum(totals) / signals)


def test_dates_without_a_signal_count(scene: Of) -> None:
    _, verdict, _ = scene("whole")
    days = {(f, d) for f in range(1, N_FOLDS + 1) for d in range(151)}  # 600 rows, four a day
    assert verdict.judgement is not None
    assert verdict.judgement.n_dates <= len(days)
    assert verdict.judgement.n_dates > 130 * (N_FOLDS - 1) + 150, "folds overlap by some days"


def test_trials_are_those_of_each_variants_search(scene: Of) -> None:
    sweep, verdict, _ = scene("whole")
    assert verdict.n_trials == sweep.n_trials == 1 + 1 + 6 + 1
    assert judged(sweep, n_trials=400).judgement is not None
    with pytest.raises(InputError, match="9 are of this run alone") as refused:
        judged(sweep, n_trials=8)
    assert refused.value.code == "setting_invalid"


def test_trials_of_other_runs_on_the_same_rows_count(tmp_path: Path, rows: list[CellRow]) -> None:
    names = made.VARIANTS
    same = {**made.run_row(N_FOLDS).plan, "rows": "abc"}
    wider = {**same, "variants": {**same["variants"], "more": {"model": "more"}}}
    others = (
        made.run_row(N_FOLDS, run="again", plan={**same, "costs": [9]}),
        made.run_row(N_FOLDS, (*names, "more"), run="wider", plan=wider),
        made.run_row(N_FOLDS, run="splits", plan={**same, "splits": "others"}),
        made.run_row(N_FOLDS, run="features", plan={**same, "data": {"features": ["a"]}}),
        made.run_row(N_FOLDS, run="rows", plan={**same, "rows": "def"}),
    )
    with open_results(f"sqlite:///{tmp_path}/kept.db") as results:
        for run in (made.run_row(N_FOLDS, plan=same), *others):
            results.begin(run)
            results.write(replace(row, run=run.run) for row in rows)
        more = [row for row in rows if row.variant == names[0]]
        results.write(
            replace(row, run="wider", cell=f"more-{row.cell}", variant="more", n_trials=20)
            for row in more
        )
        searched = [replace(row, run="wider", n_trials=8) for row in rows if row.n_trials == 6]
        results.write(searched)
        sweep = sweep_in(results, made.RUN)
    assert sweep.n_trials == 9
    assert sweep.n_trials_elsewhere == 20 + (8 - 6) + 9 + 9, (
        "more, a longer search, other splits, other features"
    )
    assert judged(sweep).n_trials == 9 + 40
    with pytest.raises(InputError, match="9 are of this run alone, 40 of other runs"):
        judged(sweep, n_trials=48)


def test_another_cost_can_decide(scene: Of) -> None:
    sweep, _, _ = scene("whole")
    dear = judged(sweep, cost=2.0)
    assert dear.costs == (2.0, 0.0, 0.05, 0.15)
    assert {one.verdict for one in leaderboard(sweep, dear)} == {"NOT_TRADABLE"}


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("failures", "No verdict: 21 of 24 cells are done, 3 failed."),
        ("under_way", "No verdict: 7 of 24 cells are done, 17 not begun."),
        ("begun", "No verdict: 0 of 24 cells are done, 24 not begun; no cell is done."),
        ("all_failed", "No verdict: 0 of 24 cells are done, 24 failed; no cell is done."),
        ("baseline_failed", "the baseline lgbm has no cell that is done."),
        ("without_money", "No verdict: neither returns nor a payoff is known"),
        ("never_trades", "Nothing to trade: none of the 24 cells signals on test."),
    ],
)
def test_the_sentence_says_what_there_is(scene: Of, name: str, says: str) -> None:
    assert says in scene(name)[1].sentence


def test_a_run_with_holes_has_figures_and_no_verdict_but_inconclusive(scene: Of) -> None:
    for name in ("failures", "under_way"):
        sweep, verdict, _ = scene(name)
        standings = leaderboard(sweep, verdict)
        assert {one.verdict for one in standings} == {"INCONCLUSIVE"}
        assert all(one.expectancy.interval for one in standings)
        assert verdict.judgement is not None
        assert verdict.judgement.coverage.expected == 24
        assert verdict.judgement.coverage.done == len(sweep.done)


def test_a_variant_that_failed_throughout_leaves_the_others_their_figures(scene: Of) -> None:
    sweep, verdict, _ = scene("variant_failed")
    by_name = {one.variant: one for one in leaderboard(sweep, verdict)}
    assert by_name["xgb"].verdict is None
    assert by_name["blend"].expectancy.interval is not None
    assert verdict.judgement is not None
    assert verdict.judgement.coverage.missing_variants == ("xgb", "xgboost by itself")


def test_an_ensemble_needs_its_bases_by_themselves(rows: list[CellRow]) -> None:
    some = [row for row in rows if row.variant in ("lgbm", "blend")]
    sweep = read_sweep(made.run_row(N_FOLDS, ("lgbm", "blend")), some)
    verdict = judged(sweep)
    assert "no cell at all of xgboost by itself" in verdict.sentence


def test_a_base_may_be_an_ensemble_that_a_variant_trains_by_itself(rows: list[CellRow]) -> None:
    member = {"name": "blend_avg", "weight": 1.0, "test": {}}
    top = [
        replace(
            row,
            cell=f"top-{row.cell}",
            variant="top",
            facts={**row.facts, "name": "stack_of_blends", "members": [member]},
        )
        for row in rows
        if row.variant == "blend"
    ]
    names = (*made.VARIANTS, "top")
    whole = judged(read_sweep(made.run_row(N_FOLDS, names), [*rows, *top]))
    assert whole.judgement is not None
    assert whole.judgement.coverage.full
    some = [row for row in rows if row.variant != "blend"]
    names = tuple(name for name in names if name != "blend")
    lacking = judged(read_sweep(made.run_row(N_FOLDS, names), [*some, *top]))
    assert "no cell at all of blend_avg by itself" in lacking.sentence


def with_versions(row: CellRow, **versions: str) -> CellRow:
    told = {**row.facts["versions"], **{n.replace("_", "-"): v for n, v in versions.items()}}
    return replace(row, facts={**row.facts, "versions": told})


@pytest.mark.parametrize(
    ("variants", "name"),
    [(("lgbm", "lgbm-searched"), "lightgbm"), (("xgb",), "cvn_harness_core")],
)
def test_cells_of_two_versions_have_figures_and_no_verdict(
    rows: list[CellRow], variants: tuple[str, ...], name: str
) -> None:
    """Those of one variant, half of them upgraded; those of one whole variant, in what all use."""
    half = variants[0] == "lgbm"
    mixed = [
        with_versions(row, **{name: "99.1"})
        if row.variant in variants and (row.fold == 1 or not half)
        else row
        for row in rows
    ]
    sweep = read_sweep(made.run_row(N_FOLDS), mixed)
    assert not judged(read_sweep(made.run_row(N_FOLDS), rows)).sentence.startswith("No verdict")
    verdict = judged(sweep)
    shown = name.replace("_", "-")
    assert verdict.sentence.startswith(f"No verdict: cells are of different versions ({shown} ")
    assert "99.1" in verdict.sentence
    assert any("a mixture decides nothing" in note for note in verdict.notes)
    standings = leaderboard(sweep, verdict)
    assert {one.verdict for one in standings} == {"INCONCLUSIVE"}
    assert all(shown in one.reason and one.expectancy.interval for one in standings)


def test_cells_of_edited_code_have_no_verdict(rows: list[CellRow]) -> None:
    code = "code of cvn-model-xgboost"
    edited = [
        with_versions(row, **{code: ("b" if row.fold == 1 else "a") * 64})
        if row.variant == "xgb"
        else row
        for row in rows
    ]
    said = judged(read_sweep(made.run_row(N_FOLDS), edited)).sentence
    assert f"({code} {'b' * 12}, {'a' * 12})" in said or f"({code} {'a' * 12}, {'b' * 12})" in said


def test_what_only_some_variants_use_and_the_machine_may_differ(rows: list[CellRow]) -> None:
    one = [
        with_versions(row, own="1") if row.variant == "xgb" else row
        for row in (with_versions(row, platform=f"machine-{row.fold}") for row in rows)
    ]
    assert not judged(read_sweep(made.run_row(N_FOLDS), one)).sentence.startswith("No verdict")


def test_a_symbol_and_fold_that_the_plan_skips_is_no_hole(rows: list[CellRow]) -> None:
    some = [row for row in rows if (row.symbol, row.fold) != ("SYNTH-B", 2)]
    sweep = read_sweep(made.run_row(N_FOLDS, cells=len(some)), some)
    assert not judged(sweep).sentence.startswith("No verdict")


def test_trades_that_are_not_as_many_as_the_figures_say_are_refused(rows: list[CellRow]) -> None:
    row = rows[0]
    test = {**row.metrics["test"], "n_signals": 3.0}
    wrong = type(row)(**{**vars(row), "metrics": {**row.metrics, "test": test}})
    with pytest.raises(InputError, match="says 3 signals") as refused:
        judged(read_sweep(made.run_row(N_FOLDS), [wrong, *rows[1:]]))
    assert refused.value.code == "data_differ"


def test_scores_of_folds_that_overlap_have_no_p_value(scene: Of, rows: list[CellRow]) -> None:
    # Each fold begins 130 days after the one before, and tests 150.
    apart = read_sweep(made.run_row(N_FOLDS), [row for row in rows if row.fold != 2])
    for verdict, why in (
        (scene("whole")[1], "test windows of folds overlap"),
        (judged(apart), "fewer than 3 folds"),
    ):
        assert verdict.judgement is not None
        scores = [one for one in verdict.judgement.of("xgb").comparisons if one.metric == "brier"]
        assert [(one.p, one.interval) for one in scores] == [(None, None)]
        assert scores[0].gain is not None
        assert why in scores[0].reasons
    page = scene("whole")[2]
    assert "no interval: test windows of folds overlap" in page


def test_a_lock_says_at_which_cost_and_at_which_it_is_not_sure(rows: list[CellRow]) -> None:
    poorer = [
        replace(row, trades=replace(row.trades, net=row.trades.net - 0.4))
        if row.variant == "lgbm" and row.trades is not None and row.trades.net is not None
        else row
        for row in rows
    ]
    locked = ("blend", "lgbm-searched", "xgb")
    verdict = judged(read_sweep(made.run_row(N_FOLDS, costs=(0.0, 0.06, 1.0, 2.0)), poorer))
    assert verdict.sentence.startswith(f"Lock {', '.join(locked)}, after a cost of 0.05: 3 LOCK, ")
    assert [note for note in verdict.notes if "locked" in note] == [
        f"{name} is locked at a cost of 0.05: at 1, 2 the 95 % interval of its net return of a "
        "signal reaches zero."
        for name in locked
    ]
    free = judged(read_sweep(made.run_row(N_FOLDS, costs=(0.0, 0.06)), poorer))
    assert free.sentence.startswith("Lock ")
    assert not free.notes


def test_without_a_payoff_costs_come_on_top(scene: Of) -> None:
    _, verdict, _ = scene("without_facts")
    assert verdict.costs[0] == 0.0
    assert any("costs come on top" in note for note in verdict.notes)
    assert any("24 cells do not tell their test dates" in note for note in verdict.notes)


def test_money_is_known_where_cells_say_so_though_none_signals(rows: list[CellRow]) -> None:
    quiet = [idle(row) for row in rows]
    bare = [replace(row, facts={**row.facts, "payoff": None}) for row in quiet]
    unknown = [replace(row, trades=None) for row in bare]
    run = made.run_row(N_FOLDS)
    assert read_sweep(run, quiet).money
    assert read_sweep(run, bare).money
    assert not read_sweep(run, unknown).money
