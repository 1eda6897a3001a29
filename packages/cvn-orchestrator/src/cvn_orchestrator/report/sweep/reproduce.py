"""The plan, what was trained on, and how to do it again."""

from __future__ import annotations

import json
from collections.abc import Sequence

from cvn_orchestrator import words
from cvn_orchestrator.report.page import Cell, Section, Table, Text
from cvn_orchestrator.report.sweep.found import Sweep
from cvn_orchestrator.results.facts import Facts, Part

_ROWS = 200
_PARTS = ("train", "val", "test")
_ABOUT = frozenset({"python", "platform"})


def reproduce_section(sweep: Sweep, variants: Sequence[str]) -> Section:
    """Return the plan, rows and parameters, versions and commands."""
    run = sweep.run
    known = list(sweep.facts)
    first = known[0][1] if known else None
    versions = _versions(sweep)
    newest = {name: found[-1] for name, found in versions.items()}
    pins = " ".join(f"{name}=={v}" for name, v in newest.items() if _installed(name))
    differ = [name for name, found in versions.items() if len(found) > 1]
    steps = [
        *([f"# cells differ in {', '.join(differ)}: these are the newest"] if differ else []),
        f"# Python {newest.get('python', '?')}, {newest.get('platform', 'any platform')}",
        f"pip install {pins}" if pins else "# versions are not known",
        "cvn sweep plan.toml      # the plan below, on the same data: the same run",
        f"cvn report {run.run[:12]} -o report.html",
    ]
    facts = {
        "run": run.run,
        "started": f"{run.started:%Y-%m-%d %H:%M} UTC",
        "baseline": run.baseline,
        "costs": ", ".join(f"{cost:g}" for cost in run.costs) or "none",
    }
    if first is not None:
        facts["features"] = f"{first.features}, version {first.feature_version}"
        facts["seed, threads"] = f"{first.seed}, {first.threads}"
    if sweep.payoff is not None:
        payoff = sweep.payoff
        facts["payoff"] = (
            f"take profit {payoff.take_profit:g}, stop loss {payoff.stop_loss:g}, cost "
            f"{payoff.cost:g}: break-even precision {payoff.break_even:.4f}"
        )
    tables = []
    parts = {found.where: facts.parts for found, facts in reversed(known)}
    if parts:
        header = ("symbol, fold", "train", "validation", "test")
        rows: list[list[str | Cell]] = [
            [f"{symbol}, {fold}", *(_part(held.get(name)) for name in _PARTS)]
            for (symbol, fold), held in sorted(parts.items())[:_ROWS]
        ]
        says = "Rows, share of positive labels, first and last time (UTC)"
        tables.append(Table(says, header, rows, folded=True))
    params = [row for name in variants for row in _params(sweep, name)]
    if params:
        says = "Parameters by who chose them; those left to the library are not listed"
        tables.append(
            Table(says, ("parameter", "value", "chosen by"), params, folded=True, prose=True)
        )
    listed = [f"{name} {', '.join(found)}" for name, found in versions.items()]
    texts = [
        Text("The plan, resolved", json.dumps(run.plan, indent=2, ensure_ascii=False)),
        Text("Versions", "\n".join(listed) or "unknown"),
        Text("How to do it again", "\n".join(steps)),
    ]
    return Section("Plan and how to reproduce it", facts=facts, tables=tables, texts=texts)


def _versions(sweep: Sweep) -> dict[str, tuple[str, ...]]:
    """Return the versions of the cells, and of the run's first start those that no cell tells."""
    first = {name: (version,) for name, version in sweep.run.environment.items()}
    return dict(sorted((first | sweep.versions).items()))


def _installed(name: str) -> bool:
    return name not in _ABOUT and " " not in name  # code, rules and fields are named in words


def _part(part: Part | None) -> Cell:
    if part is None:
        return Cell("-", "not kept")
    span = "" if part.first is None else f"{part.first} to {part.last}"
    return Cell(f"{part.n:,}, {part.prevalence:.1%}", span)


def _params(sweep: Sweep, variant: str) -> list[list[str | Cell]]:
    held = [found.facts for found in sweep.of(variant) if found.facts is not None]
    names = dict.fromkeys(
        (s, n) for facts in held for s, named in facts.params.items() for n in named
    )
    return [
        [
            Cell(name, variant),
            _value(held, source, name),
            words.SOURCE.get(source, source),
        ]
        for source, name in names
    ]


def _value(held: Sequence[Facts], source: str, name: str) -> Cell:
    values = [v for facts in held if (v := facts.params.get(source, {}).get(name)) is not None]
    distinct = list(dict.fromkeys(values))
    if len(distinct) == 1:
        return Cell(distinct[0])
    some = ", ".join(distinct[:4])
    return Cell(f"{len(distinct)} values", f"{some}{', ...' if distinct[4:] else ''}")
