"""The artifacts of a run: what is too long, or too much, for parameters, tags and metrics."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from cvn_harness_core import ArtifactRecord, SearchRecord, ThetaCurve, TrainedArtifact, plain_values
from cvn_tracking_mlflow.facts import chosen
from cvn_tracking_mlflow.text import harmless, is_secret


def write_files(artifact: TrainedArtifact, folder: Path) -> None:
    """Write ``report.md``, ``artifact.json``, ``theta_curve.csv`` and, of a search, ``trials.csv``.

    ``artifact.json`` holds every fact of the artifact, uncut; the others are for reading.
    """
    facts = {f.name: plain_values(getattr(artifact, f.name)) for f in fields(ArtifactRecord)}
    text = json.dumps(harmless(facts), indent=1, allow_nan=False)
    (folder / "artifact.json").write_text(text, encoding="utf-8")
    (folder / "report.md").write_text("\n".join(_report(artifact)), encoding="utf-8")
    if artifact.decision.curve is not None:
        head, rows = _curve(artifact.decision.curve)
        _table(folder / "theta_curve.csv", head, rows)
    if artifact.search is not None:
        head, rows = _trials(artifact.search)
        _table(folder / "trials.csv", head, rows)


def _report(artifact: TrainedArtifact) -> Iterator[str]:
    decision, outcome, health = artifact.decision, artifact.outcome, artifact.health
    where = " / ".join(tag for name, tag in artifact.tags.items() if not is_secret(name))
    yield f"# {artifact.name}{f': {where}' if where else ''}"
    yield ""
    yield artifact.tradability.sentence
    yield ""
    if decision.theta is None:
        yield f"- NO_TRADE by {decision.rule}: {decision.reason}"
    else:
        rows = f"{decision.n} {decision.source} rows"
        yield f"- theta {decision.theta:.4f} by {decision.rule} on {rows}"
    for name in ("buy_rate", "expectancy"):
        predicted = _number(getattr(outcome, f"predicted_{name}"))
        realised = _number(getattr(outcome, f"realised_{name}"))
        yield f"- {name.replace('_', ' ')} {predicted} predicted, {realised} realised on test"
    if outcome.alarm is not None:
        yield f"- ALARM: {outcome.alarm}"
    yield f"- health: {health.verdict}{''.join(f', {reason}' for reason in health.reasons)}"
    yield f"- scores: {artifact.probability}; calibration {artifact.calibration.status}"
    if artifact.search is not None:
        search = artifact.search
        best = f"{search.best}, {search.objective} {search.value:.5f}"
        yield f"- best of {len(search.trials)} trials: {best}"
    yield ""
    yield f"| figure | {' | '.join(artifact.metrics)} |"
    yield f"|---|{'---|' * len(artifact.metrics)}"
    splits = list(artifact.metrics.values())
    for name in splits[0].figures():
        yield f"| {name} | {' | '.join(_number(getattr(m, name)) for m in splits)} |"
    yield ""
    yield "| parameter | value | by | instead of |"
    yield "|---|---|---|---|"
    for name, param in harmless(plain_values(chosen(artifact))).items():
        value = param["requested"] if param["value"] is None else param["value"]
        instead = ", ".join(f"{old['value']} ({old['source']})" for old in param["overridden"])
        yield f"| {name} | {value} | {param['source']} | {instead} |"
    yield ""


def _curve(curve: ThetaCurve) -> tuple[list[str], Iterator[Sequence[Any]]]:
    columns = ("theta", "n_signals", "buy_rate", "precision", "recall", "f1", "feasible")
    values = {name: getattr(curve, name) for name in columns}
    values = {name: column for name, column in values.items() if len(column) == len(curve.theta)}
    by_cost = zip(curve.costs, curve.expectancy, strict=True)
    values |= {f"expectancy_at_cost_{cost:g}": points for cost, points in by_cost}
    return list(values), zip(*values.values(), strict=True)


def _trials(search: SearchRecord) -> tuple[list[str], Iterator[Sequence[Any]]]:
    figures = ["number", "state", "value", "theta", "buy_rate", "seconds", "attempts", "code"]
    params = list(dict.fromkeys(name for trial in search.trials for name in trial.params))
    rows = (
        [*(getattr(t, name) for name in figures), *(t.params.get(name) for name in params)]
        for t in search.trials
    )
    return [*figures, *(f"params.{name}" for name in params)], rows


def _table(path: Path, head: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(head)
        writer.writerows(rows)


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return str(value) if isinstance(value, int) else f"{value:.4f}"
