"""From an artifact to the facts that its cell's row keeps."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import msgspec
import numpy as np

from cvn_harness_core import Array, Datasets, Split, ThetaDecision, TrainedArtifact
from cvn_orchestrator.facts import bases_of, searches_of
from cvn_orchestrator.results import facts as kept

_LONGEST = 80  # of a name or a value, in characters
_PARAMS = 40
_MEMBERS = 12
_COMPARED = ("pr_auc", "roc_auc", "log_loss", "brier", "expectancy")


def cell_facts(
    artifact: TrainedArtifact, datasets: Datasets, scores: Array | None = None
) -> dict[str, Any]:
    """Return what `cvn_orchestrator.results.facts.Facts` describes, as plain JSON values.

    Parameters
    ----------
    artifact
        Of the cell.
    datasets
        What it was trained on: its test part gives reliability and test days.
    scores
        The artifact's probabilities of the positive class on test, (n,), if they are at hand.
    """
    test = datasets.test
    if scores is None:
        scores = artifact.predict_proba(test.X)[:, 1]
    decision, outcome, payoff = artifact.decision, artifact.outcome, artifact.payoff
    searches = list(searches_of(artifact))
    found = kept.Facts(
        name=artifact.name,
        kind=artifact.kind,
        theta=kept.Theta(
            rule=decision.rule,
            source=decision.source,
            n=decision.n,
            reason=decision.reason,
            break_even=decision.figures.get("break_even"),
            interval=decision.interval,
            band=(decision.min_buy_rate, decision.max_buy_rate),
            curve=_curve(decision),
        ),
        outcome=kept.Outcome(**asdict(outcome)),
        tradability=artifact.tradability.sentence,
        health=kept.Health(
            verdict=artifact.health.verdict,
            reasons=list(artifact.health.reasons),
            figures=artifact.health.figures,
            worst_psi={_short(name): psi for name, psi in artifact.health.worst_psi.items()},
            max_psi=artifact.policy.get("health", {}).get("max_psi"),
        ),
        calibration=kept.Calibration(
            status=artifact.calibration.status,
            scores=str(artifact.probability),
            method=artifact.calibration.method,
            reason=artifact.calibration.reason,
            rows=artifact.calibration.rows,
        ),
        boosting=kept.Boosting(
            metric=artifact.learning_curve.metric,
            best_iteration=artifact.learning_curve.best_iteration,
            ceiling=artifact.learning_curve.ceiling,
        ),
        payoff=None
        if payoff is None
        else kept.Payoff(**asdict(payoff), break_even=payoff.break_even),
        parts={name: _part(split) for name, split in datasets.splits()},
        test_days=None if test.time is None else days_of(test.time),
        reliability=_reliability(scores, test.y),
        params=_params(artifact),
        searches=[_search(*one, kept.VALUES // len(searches)) for one in searches],
        members=list(_members(artifact))[:_MEMBERS],
        undefined=artifact.metrics["test"].undefined,
        versions=artifact.environment,
        features=len(artifact.feature_version.feature_names),
        feature_version=_short(artifact.feature_version.name),
        datasets=artifact.datasets_digest,
        seed=artifact.seed,
        threads=artifact.n_threads,
    )
    plain: dict[str, Any] = _rounded(msgspec.to_builtins(found))
    plain["payoff"] = msgspec.to_builtins(found.payoff)  # a report subtracts its cost again
    return plain


def days_of(time: Array) -> kept.Days:
    """Return on which days there are stamps; ``time`` (n,) is datetime64, in any order."""
    days = np.unique(time.astype("datetime64[D]")).astype(np.int64)
    there = np.zeros(days[-1] - days[0] + 2, dtype=bool)
    there[days - days[0]] = True
    changes = np.flatnonzero(np.diff(there)) + 1
    runs = np.diff(np.concatenate([[0], changes]))
    return kept.Days(first=str(days[0].astype("datetime64[D]")), runs=runs.tolist())


def _curve(decision: ThetaDecision) -> kept.Curve | None:
    """Return at most `POINTS` of the curve's points: even ones, with the chosen and end ones."""
    curve = decision.curve
    if curve is None or not curve.theta:
        return None
    n = len(curve.theta)
    at = set(np.linspace(0, n - 1, min(n, kept.POINTS - 1)).round().astype(int).tolist())
    if decision.theta in curve.theta:
        at.add(curve.theta.index(decision.theta))
    some = sorted(at)

    def thin(values: Sequence[Any]) -> list[Any]:
        return [values[index] for index in some]

    costs = min(4, len(curve.costs))
    return kept.Curve(
        theta=thin(curve.theta),
        n_signals=thin(curve.n_signals),
        buy_rate=thin(curve.buy_rate),
        precision=thin(curve.precision),
        f1=thin(curve.f1),
        costs=list(curve.costs[:costs]),
        expectancy=[thin(net) for net in curve.expectancy[:costs]],
    )


def _part(split: Split) -> kept.Part:
    first, last = None, None
    if split.time is not None and len(split):
        first, last = (str(np.datetime_as_string(t, "m")) for t in (split.time[0], split.time[-1]))
    return kept.Part(n=len(split), prevalence=split.prevalence, first=first, last=last)


def _reliability(scores: Array, y: Array) -> kept.Reliability:
    bins = np.minimum((scores * kept.BINS).astype(int), kept.BINS - 1)
    n = np.bincount(bins, minlength=kept.BINS)
    some = n > 0
    sums = np.bincount(bins, scores, minlength=kept.BINS)[some]
    positives = np.bincount(bins, y, minlength=kept.BINS)[some].astype(int)
    return kept.Reliability(
        n=n[some].tolist(), score=(sums / n[some]).tolist(), positives=positives.tolist()
    )


def _params(artifact: TrainedArtifact) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    chosen = [
        (name, param)
        for name, param in artifact.effective_params.items()
        if param.source != "library"
    ]
    for name, param in chosen[:_PARAMS]:
        value = param.value if param.requested is None else param.requested
        shown = f"{value:.6g}" if isinstance(value, float) else str(value)
        found.setdefault(param.source, {})[_short(name)] = _short(shown)
    return found


def _search(model: str, search: Any, room: int) -> kept.Search:
    trials = search.trials
    some = _some_trials([one.value for one in trials], search.direction, max(3, room))
    return kept.Search(
        model=model,
        objective=search.objective,
        direction=search.direction,
        evaluate_on=search.evaluate_on,
        best=search.best,
        value=search.value,
        trials=len(trials),
        pruned=search.count("pruned"),
        failed=search.count("failed"),
        values=[trials[at].value for at in some],
        numbers=[trials[at].number for at in some] if len(some) < len(trials) else [],
    )


def _some_trials(values: Sequence[float | None], direction: str, most: int) -> list[int]:
    """Return indices of at most so many: the ends, each that sets a new best, and even ones."""
    n = len(values)
    if n <= most:
        return list(range(n))
    sign = 1 if direction == "maximize" else -1
    records: list[int] = []
    best = -math.inf
    for at, value in enumerate(values):
        if value is not None and sign * value > best:
            best = sign * value
            records.append(at)
    kept = {0, n - 1, *_even(records, most - 2), *records[-1:]}
    others = [at for at in range(n) if at not in kept]
    return sorted({*kept, *_even(others, most - len(kept))})


def _even(of: list[int], most: int) -> list[int]:
    """Return at most so many of them, evenly spaced, the last included."""
    if len(of) <= most:
        return of
    return [of[-(-(at + 1) * len(of) // most) - 1] for at in range(most)]


def _members(artifact: TrainedArtifact) -> Iterator[kept.Member]:
    weights: Mapping[str, float] = artifact.diagnostics.get("base_weights") or {}
    for base in bases_of(artifact):
        test = base.metrics["test"].figures()
        yield kept.Member(
            name=base.name,
            weight=weights.get(base.name),
            test={name: test[name] for name in _COMPARED},
        )


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.5g}") if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {name: _rounded(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(one) for one in value]
    return value
