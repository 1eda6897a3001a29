"""What `cvn train` prints for people: the decision, what became of it, and how far to trust it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from cvn_harness_core import EffectiveParam, Overridden, TrainedArtifact
from cvn_orchestrator import words
from cvn_orchestrator.facts import expectancy_by_cost
from cvn_orchestrator.table import aligned


def report(artifact: TrainedArtifact, bundle: Path) -> str:
    """Return the summary, the figures of each split, the bundle and, last, the verdict."""
    features = artifact.feature_version.feature_names
    listed = ", ".join(features[:6]) + (", ..." if len(features) > 6 else "")
    sections = (
        ("theta", _theta(artifact)),
        ("money", _money(artifact)),
        ("outcome", _outcome(artifact)),
        ("health", _health(artifact)),
        ("scores", iter([words.scores(artifact.probability)])),
        ("calibration", _calibration(artifact)),
        ("boosting", _boosting(artifact)),
        ("search", _search(artifact)),
        ("parameters", _overridden(artifact)),
    )
    return "\n".join(
        [
            f"{artifact.name} on {len(features)} features: {listed}",
            "",
            *(
                f"{'' if at else name:13}{line}"
                for name, lines in sections
                for at, line in enumerate(lines)
            ),
            "",
            _figures(artifact),
            "",
            f"bundle: {bundle}",
            "",
            artifact.tradability.sentence,
        ]
    )


def _search(artifact: TrainedArtifact) -> Iterator[str]:
    search = artifact.search
    best = None if search is None else search.best_trial
    if search is None or best is None:
        return
    where = search.evaluate_on.replace("_", " ")
    yield (
        f"{len(search.trials)} trials ({search.count('pruned')} pruned, {search.count('failed')} "
        f"failed); the best {search.objective} on {where}, {search.value:.5f}, is trial "
        f"{best.number}'s, in hindsight"
    )
    yield ", ".join(
        f"{name}={value:.4g}" if isinstance(value, float) else f"{name}={value}"
        for name, value in best.params.items()
    )


def _theta(artifact: TrainedArtifact) -> Iterator[str]:
    decision = artifact.decision
    where = f"by {decision.rule} on {decision.n:,} {_source(decision.source)} rows"
    if decision.theta is None:
        assert decision.reason is not None
        yield f"NO_TRADE {where}, because"
        yield words.with_code(words.NO_TRADE, decision.reason)
    else:
        interval = decision.interval
        tail = "" if interval is None else f"; 90 % interval {interval[0]:.4f} to {interval[1]:.4f}"
        yield f"{decision.theta:.4f} {where}{tail}"
    if (decision.min_buy_rate, decision.max_buy_rate) != (0.0, 1.0):
        yield f"buy rate allowed: {decision.min_buy_rate:.1%} to {decision.max_buy_rate:.1%}"


def _money(artifact: TrainedArtifact) -> Iterator[str]:
    payoff, decision = artifact.payoff, artifact.decision
    if payoff is not None:
        yield (
            f"break-even precision {payoff.break_even:.4f} net, "
            f"{payoff.gross_break_even:.4f} before cost"
        )
    by_cost = expectancy_by_cost(decision)
    if [cost for cost, _ in by_cost] not in ([], [0.0]):
        steps = ", ".join(f"{net:+.4f} at {cost:g}" for cost, net in by_cost)
        cost = "cost" if payoff is not None else "cost on top of the returns' own"
        yield f"on {_source(decision.source)} rows a signal earned, by {cost}: {steps}"


def _outcome(artifact: TrainedArtifact) -> Iterator[str]:
    outcome = artifact.outcome
    if artifact.theta is None:
        yield "no row ever signals"
        return
    yield (
        f"buy rate {outcome.predicted_buy_rate:.1%} predicted, "
        f"{outcome.realised_buy_rate:.1%} realised on test"
    )
    if outcome.predicted_expectancy is not None or outcome.realised_expectancy is not None:
        yield (
            f"expectancy {_signed(outcome.predicted_expectancy)} predicted, "
            f"{_signed(outcome.realised_expectancy)} realised on test (net, a signal)"
        )
    if outcome.alarm is not None:
        yield f"ALARM: {words.with_code(words.ALARM, outcome.alarm)}"


def _health(artifact: TrainedArtifact) -> Iterator[str]:
    health = artifact.health
    first, *others = [words.with_code(words.HEALTH, code) for code in health.reasons] or [""]
    yield f"{health.verdict}{': ' if first else ''}{first}"
    yield from others
    if health.worst_psi:
        worst = ", ".join(f"{name} {psi:.2f}" for name, psi in list(health.worst_psi.items())[:3])
        yield f"most shifted from train to validation (PSI): {worst}"


def _calibration(artifact: TrainedArtifact) -> Iterator[str]:
    report = artifact.calibration
    if report.status == "off":
        yield "off"
        return
    assert report.source is not None
    rows = f" on {report.rows:,} {_source(report.source)} rows" if report.rows else ""
    why = "" if report.reason is None else f": {words.with_code(words.CALIBRATION, report.reason)}"
    if report.reason == "too_few_rows":
        why += f"; it needs {artifact.policy['calibration']['min_rows']:,}"
    yield f"{report.status}, {report.method}{rows}{why}"
    judged = ", ".join(
        f"{name} {before:.4f} before and {after:.4f} after"
        for name, before, after in (
            ("Brier", report.brier_before, report.brier_after),
            ("ECE", report.ece_before, report.ece_after),
        )
        if before is not None and after is not None
    )
    if judged:
        yield f"{judged}, on later rows than it was fitted on"


def _boosting(artifact: TrainedArtifact) -> Iterator[str]:
    curve = artifact.learning_curve
    if curve.best_iteration is not None:
        yield f"best iteration {curve.best_iteration} of {curve.ceiling} by {curve.metric}"


def _overridden(artifact: TrainedArtifact) -> Iterator[str]:
    """Give the settings that had no effect, since a later layer replaced them; no defaults."""
    for name, param in artifact.effective_params.items():
        dead = [
            f"{old.value} of {_who(old)}" for old in param.overridden if old.source != "default"
        ]
        if dead:
            value = "left to the library" if param.requested is None else param.requested
            yield f"{name} is {value} by {_who(param)}; without effect: {', '.join(dead)}"
    if artifact.search is not None:
        for name, ranges in artifact.search.replaced_ranges.items():
            yield f"{name}: not searched over {', '.join(ranges)}: replaced"


def _who(param: EffectiveParam | Overridden) -> str:
    who = words.SOURCE[param.source]
    return who if param.origin is None else f"{who} ({param.origin})"


def _figures(artifact: TrainedArtifact) -> str:
    splits = list(artifact.metrics.values())
    rows = [
        (name, *(_number(getattr(metrics, name)) for metrics in splits))
        for name in splits[0].figures()
    ]
    return aligned(("", *(f"{name:>10}" for name in artifact.metrics)), rows, left=1)


def _source(source: str) -> str:
    return source.replace("_", "-")


def _signed(value: float | None) -> str:
    return "-" if value is None else f"{value:+.4f}"


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return str(value) if isinstance(value, int) else f"{value:.4f}"
