"""Reliability: whether scores are probabilities."""

from __future__ import annotations

from collections.abc import Sequence

from cvn_orchestrator import words
from cvn_orchestrator.report.page import Cell, Plot, Section, Table
from cvn_orchestrator.report.sweep.drawing import GREY, VARIANTS, axes, colour, digits, line, safe
from cvn_orchestrator.report.sweep.found import Sweep
from cvn_orchestrator.report.sweep.shown import counted, figure, mean
from cvn_orchestrator.results.facts import BINS, Reliability

_FEWEST = 20  # rows of a bin below which its share of positives is noise


def calibration_section(sweep: Sweep, variants: Sequence[str]) -> Section:
    """Return the share of positives by score on test, the common cells of a variant together."""
    if sweep.nothing:
        return Section("Calibration", note=f"{sweep.nothing}, so there are no scores to judge.")
    table = Table(
        "Means over cells; a calibration is refused where it does not help on later rows",
        ("variant", "Brier", "ECE", "scores", "calibration"),
        [_row(sweep, name) for name in variants if sweep.of(name)],
    )
    drawable = [(name, bins) for name in variants if (bins := _pooled(sweep, name))]
    pooled = dict(drawable[:VARIANTS])
    note = sweep.of_common
    if not pooled:
        none = f"No variant has a bin of {_FEWEST} test rows or more, so none are drawn."
        return Section("Calibration", note=f"{note} {none}".strip(), tables=[table])
    drawn = axes("mean score of the bin (probability)", "share of positive labels", height=400)
    drawn.add_scatter(
        x=[0, 1],
        y=[0, 1],
        mode="lines",
        name="calibrated",
        line={"color": GREY, "dash": "dash", "width": 1.5},
        hoverinfo="skip",
    )
    highest = 0.0
    for at, name in enumerate(sweep.variants):
        bins = pooled.get(name, [])
        if not bins:
            continue
        highest = max(highest, *(max(score, positives / n) for n, score, positives in bins))
        drawn.add_scatter(
            x=digits([score for _, score, _ in bins]),
            y=digits([positives / n for n, _, positives in bins]),
            mode="lines+markers",
            name=safe(name),
            line=line(at),
            marker={"color": colour(at), "size": 7},
            text=[f"{n:,} rows" for n, _, _ in bins],
            hovertemplate=f"{safe(name)}<br>score %{{x:.3f}}, positive %{{y:.3f}}"
            "<br>%{text}<extra></extra>",
        )
    end = min(1.0, highest + 0.05)
    drawn.update_xaxes(range=[0, end])
    drawn.update_yaxes(range=[0, end])
    says = (
        f"Test rows in {BINS} bins of equal width, bins of fewer than {_FEWEST} rows "
        "left out. Below the dashed line scores promise more than comes."
    )
    plot = Plot(says, drawn, "Reliability on test")
    return Section("Calibration", note=note, figures=[plot], tables=[table])


def _pooled(sweep: Sweep, variant: str) -> list[tuple[int, float, int]]:
    """Return rows, mean score and positives of each bin with enough rows, over common cells."""
    sums = [[0, 0.0, 0] for _ in range(BINS)]
    for found in sweep.common_of(variant):
        kept = None if found.facts is None else found.facts.reliability
        for n, score, positives in _bins(kept):
            one = sums[min(int(score * BINS), BINS - 1)]
            one[0] += n
            one[1] += n * score
            one[2] += positives
    return [(int(n), total / n, int(positives)) for n, total, positives in sums if n >= _FEWEST]


def _bins(kept: Reliability | None) -> list[tuple[int, float, int]]:
    return [] if kept is None else list(zip(kept.n, kept.score, kept.positives, strict=True))


def _row(sweep: Sweep, variant: str) -> list[str | Cell]:
    cells = sweep.common_of(variant)
    facts = [found.facts.calibration for found in cells if found.facts is not None]
    reasons = [one.reason for one in facts if one.reason is not None]
    return [
        variant,
        figure(mean(found.test("brier") for found in cells), ".4f", sweep.why(variant, "brier")),
        figure(mean(found.test("ece") for found in cells), ".4f", sweep.why(variant, "ece")),
        counted(one.scores.partition("(")[0] for one in facts).replace("_", " "),
        Cell(
            counted(one.status for one in facts),
            counted(reasons, words.CALIBRATION) if reasons else "",
        ),
    ]
