"""What a sweep would do, as plain facts and as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cvn_harness_core import POLICIES
from cvn_orchestrator.plan.variants import Variant
from cvn_orchestrator.splits.settings import WalkForward
from cvn_orchestrator.sweep.fits import KINDS, counts, fits_of
from cvn_orchestrator.sweep.prepared import PreparedSweep
from cvn_orchestrator.table import aligned


def dry_run(sweep: PreparedSweep) -> dict[str, Any]:
    """Return data, folds, variants, cells and expected fits, in plain JSON values."""
    plan, table = sweep.plan, sweep.table
    complete = [facts for facts in sweep.survey.facts if not facts.lacks]
    together = counts(fits_of(plan.variants))
    apart = [counts(fits_of([variant])) for variant in plan.variants]
    size = sum(path.stat().st_size for path in table.folder.rglob("*.npy"))
    return {
        "name": plan.name,
        "plan": str(plan.path),
        "data": {
            "path": str(plan.schema.path),
            "arrays": str(table.folder),
            "bytes": size,
            "dtype": str(table.dtype),
            "features": list(table.features),
            "rows": {symbol: table.n_rows[symbol] for symbol in sweep.symbols},
        },
        "splits": _splits(sweep),
        "variants": [
            _variant(variant, one, baseline=plan.baseline)
            for variant, one in zip(plan.variants, apart, strict=True)
        ],
        "cells": [[c.symbol, c.fold, c.variant] for c in sweep.cells],
        "incomplete": [
            {"symbol": symbol, "fold": fold, "lacks": list(lacks)}
            for symbol, fold, lacks in sweep.incomplete
        ],
        "incomplete_folds": plan.splits.incomplete,
        "fits": {
            "after_sharing": {kind: n * len(complete) for kind, n in together.items()},
            "without_sharing": {
                kind: sum(one[kind] for one in apart) * len(complete) for kind in KINDS
            },
        },
        "costs": list(plan.costs),
        "seed": plan.seed,
        "threads": plan.threads,
        "retries": plan.retries,
        "warnings": list(warnings(sweep)),
        "estimate": None,
        "no_estimate": "it was not asked for",
    }


def _splits(sweep: PreparedSweep) -> dict[str, Any]:
    settings, layout = sweep.plan.splits, sweep.plan.splits.layout
    return {
        "kind": "walk_forward" if isinstance(layout, WalkForward) else "combinatorial",
        "layout": {name: value for name, value in vars(layout).items() if value is not None},
        "embargo_days": settings.embargo.total_seconds() / 86_400,
        "folds": len(sweep.survey.folds),
    }


def _variant(variant: Variant, fits: Mapping[str, int], *, baseline: str) -> dict[str, Any]:
    return {
        "name": variant.name,
        "kind": variant.kind,
        "trains": variant.trains,
        "bases": list(variant.bases),
        "policy": variant.policy.name,
        "policy_changed": variant.policy != POLICIES[variant.policy.name](),
        "baseline": variant.name == baseline,
        "trials": max(own.n_trials for own in variant.hpo_params.values()),
        "fits_per_cell": dict(fits),
    }


def warnings(sweep: PreparedSweep) -> Iterator[str]:
    """Return what a plan leaves out that its figures then lack."""
    schema = sweep.plan.schema
    if schema.label_end is None:
        yield "nothing can be purged: data.label_end names no column, so a label ends with its row"
    if not schema.money_known:
        yield "no money is known: give data.returns or data.payoff, or nothing can be tradable"
    elif schema.payoff is None:
        yield "data.payoff is not given: returns are taken as net, and their cost is unknown"


def dry_run_text(facts: Mapping[str, Any]) -> str:
    """Return the facts for a person."""
    data, splits = facts["data"], facts["splits"]
    rows = data["rows"]
    layout = ", ".join(f"{name} {value}" for name, value in splits["layout"].items())
    n_variants, n_incomplete = len(facts["variants"]), len(facts["incomplete"])
    fate = "are skipped" if facts["incomplete_folds"] == "skip" else "will fail"
    pairs = len(facts["cells"]) // n_variants if n_variants else 0
    lines = [
        f"{facts['name']}: what {facts['plan']} would train; no model is kept",
        "",
        (
            f"data      {data['path']}: {len(rows)} symbols, {sum(rows.values()):,} rows, "
            f"{len(data['features'])} features ({data['dtype']})"
        ),
        f"          {_bytes(data['bytes'])} of arrays, mapped by every worker, in {data['arrays']}",
        (
            f"splits    {splits['folds']} folds, {splits['kind']} ({layout}), embargo "
            f"{splits['embargo_days']:g} days; drawn by cvn splits"
        ),
        f"cells     {len(facts['cells'])}: {pairs} symbols and folds x {n_variants} variants"
        + (f"; {n_incomplete} symbols and folds {fate}" if n_incomplete else ""),
        f"fits      {_fits(facts['fits']['after_sharing'])}",
        f"          without sharing {_fits(facts['fits']['without_sharing'])}",
        f"threads   {facts['threads']} a fit; seed {facts['seed']}; retries {facts['retries']}",
        "costs     "
        + (", ".join(f"{cost:g}" for cost in facts["costs"]) or "the payoff's")
        + ": judged on the same trades, no fit more",
        *_estimate(facts["estimate"], facts["no_estimate"]),
        "",
        _variants(facts["variants"]),
    ]
    lines += [""] if n_incomplete or facts["warnings"] else []
    lines += [
        f"incomplete: {s['symbol']}, fold {s['fold']}: {'; '.join(s['lacks'])}"
        for s in facts["incomplete"]
    ]
    lines += [f"warning: {warning}" for warning in facts["warnings"]]
    return "\n".join(lines)


def _fits(counted: Mapping[str, int]) -> str:
    fits = sum(n for kind, n in counted.items() if kind != "combiner")
    return (
        f"{fits:,}: {counted['model']:,} of models, {counted['fold']:,} of forward folds, "
        f"{counted['trial']:,} of trials; {counted['combiner']:,} combiners"
    )


def _estimate(found: Mapping[str, Any] | None, lacking: str | None) -> list[str]:
    if found is None:
        return [f"estimate  none: {lacking}"]
    held = found["bytes_per_fit"]
    memory = "unknown memory" if held is None else f"at most {_bytes(held)}"
    lines = [
        (
            f"estimate  about {_seconds(found['seconds'])}, one fit after another; a fit holds "
            f"{memory} beside the data, by one fit each of"
        )
    ]
    for probe in found["probes"]:
        stopped = "" if probe["iterations"] is None else f", {probe['iterations']} iterations"
        lines.append(
            f"          {probe['model']}: {probe['seconds']:.2f} s on {probe['rows']:,} rows "
            f"({probe['symbol']}, fold {probe['fold']}{stopped})"
        )
    return lines


def _variants(variants: list[dict[str, Any]]) -> str:
    header = ("variant", "trains", "policy", "trials", "fits a cell", "")
    rows = [
        (
            v["name"],
            v["trains"] + (f" ({', '.join(v['bases'])})" if v["bases"] else ""),
            v["policy"] + (", changed" if v["policy_changed"] else ""),
            str(v["trials"]),
            str(sum(n for kind, n in v["fits_per_cell"].items() if kind != "combiner")),
            "baseline" if v["baseline"] else "",
        )
        for v in variants
    ]
    return aligned(header, rows, left=3)


def _bytes(n: int) -> str:
    return f"{n / 2**20:,.1f} MB" if n < 2**30 else f"{n / 2**30:,.2f} GB"


def _seconds(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
