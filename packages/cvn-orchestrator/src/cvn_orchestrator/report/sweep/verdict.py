"""The verdict on each variant, in words, and what the verdicts mean."""

from __future__ import annotations

from collections.abc import Sequence

from cvn_orchestrator.report.page import Finding, Section, Table, Tone
from cvn_orchestrator.report.sweep.found import Sweep
from cvn_orchestrator.report.sweep.judged import NO_MONEY, Judged
from cvn_orchestrator.report.sweep.leaderboard import Standing
from cvn_orchestrator.report.sweep.shown import TONES
from cvn_orchestrator.statistics import LADDER, Judgement, Verdict

MEANING: dict[Verdict, str] = {
    "LOCK": "take it: it earns after cost, earned more than the baseline, and is better than it "
    "beyond luck in two metrics or more",
    "KEEP_AVAILABLE": "it earns after cost; that it should replace the baseline is not shown",
    "INCONCLUSIVE": "these data do not decide",
    "ABANDON": "worse than the baseline",
    "NOT_TRADABLE": "its signals lose money after cost",
}


def verdict_section(sweep: Sweep, judged: Judged, standings: Sequence[Standing]) -> Section:
    """Return a sentence a variant, the best first, and figures on picking the best of them."""
    judgement = judged.judgement
    findings = [_finding(one, judgement if sweep.money else None) for one in standings]
    rungs = [(rung.verdict, MEANING[rung.verdict], rung.when) for rung in LADDER]
    says = "What the verdicts mean, and when they are given"
    header = ("verdict", "what it means", "when; the first row that holds decides")
    return Section(
        "Verdicts",
        note=" ".join(judged.notes),
        findings=findings,
        facts={} if judgement is None or not sweep.money else _family(judgement),
        tables=[Table(says, header, rungs, folded=True, prose=True)],
    )


def tone(sweep: Sweep, standings: Sequence[Standing]) -> Tone:
    """Return how the whole is meant: good with a variant to lock, bad if all are to be dropped."""
    verdicts = [one.verdict for one in standings]
    if "LOCK" in verdicts:
        return "good"
    dropped = all(verdict in ("ABANDON", "NOT_TRADABLE") for verdict in verdicts)
    return "bad" if dropped and not (sweep.failed or sweep.open) else "doubt"


def _finding(one: Standing, judgement: Judgement | None) -> Finding:
    if one.verdict is None:
        return Finding("NO VERDICT", f"{one.variant}: {one.reason}.", "doubt")
    if judgement is None:
        return Finding(one.verdict, f"{one.variant}: {NO_MONEY}.", TONES[one.verdict])
    known = judgement.of(one.variant)
    said = "; ".join((one.reason, *known.reasons[1:]))
    return Finding(one.verdict, f"{one.variant}: {said}.", TONES[one.verdict])


def _family(judgement: Judgement) -> dict[str, str]:
    family = judgement.family
    undefined = family.undefined

    def said(name: str, text: str | None) -> str:
        return text if text is not None else f"- ({undefined.get(name, 'undefined')})"

    superior, best, risk = family.superior_p, family.confidence_set, family.overfitting
    return {
        f"none earns more than {judgement.baseline}": said(
            "superior_p", None if superior is None else f"p = {superior:.3f} (Hansen's SPA)"
        ),
        "the one that earns most": said(
            "confidence_set",
            None if best is None else f"is among {', '.join(best)} with 95 % confidence",
        ),
        "picking the best overfits": said(
            "overfitting",
            None if risk is None else f"with probability {risk.probability:.2f}",
        ),
        "trials ever run": f"{judgement.n_trials:,}, as counted for the deflated Sharpe ratio",
        "bootstrap": f"{judgement.draws:,} samples of {judgement.n_dates:,} test dates, in blocks "
        f"of {judgement.block} on average",
    }
