"""Variants in order, with intervals: for the page, the terminal and JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from cvn_orchestrator.report.page import Cell, Plot, Section, Table
from cvn_orchestrator.report.sweep.drawing import axes, colour, digits, reference, safe
from cvn_orchestrator.report.sweep.found import NONE_DONE, Sweep
from cvn_orchestrator.report.sweep.judged import NO_MONEY, Judged
from cvn_orchestrator.report.sweep.shown import TONES, between, estimate, figure, mean
from cvn_orchestrator.statistics import Comparison, Estimate, VariantJudgement, Verdict


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Where a variant stands: all figures are of the cells that every variant has finished.

    Parameters
    ----------
    verdict, reason
        Of the statistics; None where there are none.
    expectancy
        Mean net return of a signal after the main cost, with its interval.
    signals, total
        Number of signals, and the sum of what they earned after the main cost.
    pr_auc
        Mean over cells.
    gain
        What PR AUC gains on the baseline.
    done, no_trade
        Cells that are done, whether or not the others are, and those that never trade.
    """

    variant: str
    baseline: bool
    verdict: Verdict | None
    reason: str
    expectancy: Estimate
    signals: int
    total: float | None
    deflated_sharpe: float | None
    pr_auc: float | None
    gain: Comparison | None
    done: int
    no_trade: int


def leaderboard(sweep: Sweep, judged: Judged) -> list[Standing]:
    """Return all variants: by verdict, then by what a signal earns, if that is defined."""
    by_name: dict[str, VariantJudgement] = {}
    if judged.judgement is not None:
        by_name = {one.variant: one for one in judged.judgement.variants}
    found = [_standing(sweep, judged, name, by_name.get(name)) for name in sweep.variants]

    def rank(one: Standing) -> tuple[int, float]:
        place = len(TONES) if one.verdict is None else list(TONES).index(one.verdict)
        value = one.expectancy.value if sweep.money else one.pr_auc
        return place, np.inf if value is None else -value

    return sorted(found, key=rank)


def _standing(
    sweep: Sweep, judged: Judged, variant: str, known: VariantJudgement | None
) -> Standing:
    cells, cost = sweep.of(variant), judged.costs[0]
    verdict, reason = None, judged.why if cells else NONE_DONE
    if known is not None and sweep.money:
        expectancy, signals = known.at_costs[0].expectancy, known.signals.total
    else:
        expectancy, signals = _plain(sweep, variant, cost, reason)
    if known is not None:
        verdict, reason = known.verdict, known.reasons[0]
        if sweep.failed or sweep.open:  # the judgement's own reason names them all
            reason = "cells are missing"
        if not sweep.money:
            verdict, reason = "INCONCLUSIVE", NO_MONEY
    luck = known.luck if known is not None and sweep.money else None
    gains = () if known is None else known.comparisons
    return Standing(
        variant=variant,
        baseline=variant == sweep.run.baseline,
        verdict=verdict,
        reason=reason,
        expectancy=expectancy,
        signals=signals,
        total=None if expectancy.value is None else expectancy.value * signals,
        deflated_sharpe=None if luck is None else luck.deflated,
        pr_auc=mean(found.test("pr_auc") for found in sweep.common_of(variant)),
        gain=next((one for one in gains if one.metric == "pr_auc"), None),
        done=len(cells),
        no_trade=sum(found.row.theta is None for found in cells),
    )


def _plain(sweep: Sweep, variant: str, cost: float, reason: str) -> tuple[Estimate, int]:
    """Return the mean of all signals, without an interval, and their number."""
    cells = sweep.common_of(variant)
    trades = [found.row.trades for found in cells if found.row.trades is not None]
    signals = sum(len(one.time) for one in trades)
    if not sweep.money:
        return Estimate(reason="no money is known"), signals
    if not signals:
        return Estimate(reason="no signal" if cells else sweep.why_none(variant)), signals
    net = np.concatenate([one.net for one in trades if one.net is not None])
    return Estimate(float(net.mean()) + sweep.own_cost - cost, reason=reason), signals


HEADER = (
    "variant",
    "verdict",
    "net of a signal",
    "signals",
    "net in all",
    "deflated Sharpe",
    "PR AUC on test",
    "PR AUC, gain on baseline",
    "cells done",
)


def leaderboard_section(sweep: Sweep, judged: Judged, standings: Sequence[Standing]) -> Section:
    """Return the leaderboard, the intervals as plots, and everything behind it in folded tables."""
    cost = judged.costs[0]
    if not sweep.done:
        return Section("Leaderboard", note="No cell is done, so there is nothing to compare yet.")
    caption = (
        f"By verdict, then by net return of a signal after a cost of {cost:g}, in the data's unit "
        "of return. Small: 95 % intervals, by the bootstrap over test dates (money) and over folds "
        "(PR AUC). Deflated Sharpe: probability that it is more than the luck of "
        f"{judged.n_trials} trials."
    )
    if not sweep.money:
        caption = "By PR AUC on test; small: 95 % intervals over folds."
    tables = [Table(caption, HEADER, [_row(sweep, one) for one in standings])]
    judgement = judged.judgement
    if judgement is not None:
        variants = judgement.variants
        compared = [_comparison(one) for v in variants for one in v.comparisons]
        if compared:
            header = ("variant", "metric", "gain", "p", "adjusted p", "effect size d", "cells")
            says = f"Every metric against {judgement.baseline}; a gain above zero is better"
            tables.append(Table(says, header, compared, folded=True))
        if sweep.money:
            by_cost = ("variant", *(f"cost {one:g}" for one in judged.costs))
            rows: list[tuple[str | Cell, ...]] = [
                (v.variant, *(estimate(at.expectancy) for at in v.at_costs)) for v in variants
            ]
            says = "Net return of a signal at each cost, with 95 % intervals"
            tables.append(Table(says, by_cost, rows, folded=True))
    note = sweep.of_common and f"{sweep.of_common} The last column counts all cells."
    figures = _plots(sweep, judged, standings)
    return Section("Leaderboard", note=note, figures=figures, tables=tables)


def _row(sweep: Sweep, one: Standing) -> list[str | Cell]:
    verdict = Cell("-", one.reason)
    if one.verdict is not None:
        verdict = Cell(one.verdict, "", TONES[one.verdict])
    gain = Cell("-", "it is the baseline" if one.baseline else "nothing to compare")
    if one.gain is not None:
        seen = Estimate(one.gain.gain, one.gain.interval, reason="; ".join(one.gain.reasons))
        gain = estimate(seen)
    trades = f"{one.no_trade} never trade" if one.no_trade else ""
    no_sharpe = "" if one.deflated_sharpe is not None else one.expectancy.reason or "no variation"
    return [
        Cell(one.variant, "baseline" if one.baseline else ""),
        verdict,
        estimate(one.expectancy),
        f"{one.signals:,}",
        figure(one.total, "+,.2f", one.expectancy.reason or ""),
        figure(one.deflated_sharpe, ".3f", no_sharpe),
        figure(one.pr_auc, ".4f", sweep.why(one.variant, "pr_auc")),
        gain,
        Cell(str(one.done), trades),
    ]


def _comparison(one: Comparison) -> list[str | Cell]:
    seen = Estimate(one.gain, one.interval, one.p, "; ".join(one.reasons) or None)
    why = seen.reason or ""
    return [
        one.variant,
        one.metric.replace("_", " "),
        estimate(seen, "+.5f"),
        figure(one.p, ".4f", why),
        figure(one.adjusted_p, ".4f", why),
        figure(one.d, "+.2f", why),
        str(one.n_cells),
    ]


def _plots(sweep: Sweep, judged: Judged, standings: Sequence[Standing]) -> list[Plot]:
    plots = []
    order = {name: at for at, name in enumerate(sweep.variants)}
    if sweep.money and any(one.expectancy.value is not None for one in standings):
        rows = [(one.variant, one.expectancy) for one in standings]
        drawn = _intervals(rows, order, "net return of a signal (data's unit)")
        reference(drawn, x=0, says="break-even")
        cost = judged.costs[0]
        says = "Points with 95 % intervals; an interval right of zero has earned after cost."
        plots.append(Plot(says, drawn, f"Net return of a signal after a cost of {cost:g}"))
    gains = [
        (one.variant, Estimate(one.gain.gain, one.gain.interval)) for one in standings if one.gain
    ]
    if any(seen.value is not None for _, seen in gains):
        drawn = _intervals(gains, order, "gain in PR AUC on test")
        reference(drawn, x=0, says="baseline")
        says = f"Right of zero ranks better than {sweep.run.baseline}; 95 % intervals over folds."
        plots.append(Plot(says, drawn, "PR AUC against the baseline"))
    return plots


def _intervals(rows: Sequence[tuple[str, Estimate]], order: dict[str, int], x: str) -> go.Figure:
    drawn = axes(x, "", height=130 + 34 * len(rows), showlegend=False)
    for variant, seen in rows:
        if seen.value is None:
            continue
        low, high = seen.interval or (seen.value, seen.value)
        drawn.add_scatter(
            x=digits([seen.value]),
            y=[safe(variant)],
            error_x={
                "type": "data",
                "symmetric": False,
                "array": digits([high - seen.value]),
                "arrayminus": digits([seen.value - low]),
                "thickness": 2.5,
                "width": 6,
            },
            mode="markers",
            marker={"color": colour(order[variant]), "size": 11},
            text=[between(seen) or "no interval"],
            hovertemplate="%{y}: %{x:+.4f}<br>95 %: %{text}<extra></extra>",
        )
    drawn.update_yaxes(autorange="reversed", type="category")
    return drawn
