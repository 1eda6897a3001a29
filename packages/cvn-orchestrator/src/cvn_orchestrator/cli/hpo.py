"""`cvn hpo show`: what a search did, from a bundle or from the storage that it runs in."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from cvn_harness_core import (
    InputError,
    KeptStudy,
    SearchError,
    SearchRecord,
    TrainedArtifact,
    TrialRecord,
    kept_studies,
    optuna_study,
    read_search,
)
from cvn_orchestrator.facts import searches_of
from cvn_orchestrator.report.page import page
from cvn_orchestrator.report.search import best_text, importance, search_sections, shown, trial_rows
from cvn_orchestrator.table import aligned
from cvn_orchestrator.target import writing


def run(arguments: argparse.Namespace) -> int:
    """Print the searches and, where a file is named, write their page.

    Of a storage with several, none of which is named, print a list.
    """
    try:
        found = _searches(arguments)
    except SearchError as error:
        unnamed = arguments.study is None and arguments.out is None
        if error.code != "study_unknown" or not unnamed or not _is_storage(arguments.search):
            raise
        kept = kept_studies(arguments.search)
        if not kept:
            raise
        print(_listed(kept, as_json=arguments.json), file=arguments.answer)
        return 0
    if arguments.out is not None:
        _write(found, arguments.out)
    if arguments.json:
        facts = {name: _facts(search) for name, search in found.items()}
        print(json.dumps(facts, indent=1), file=arguments.answer)
        return 0
    print("\n\n".join(_text(name, search) for name, search in found.items()))
    if arguments.out is not None:
        print(f"\npage: {arguments.out}")
    return 0


def _is_storage(run: str) -> bool:
    return "://" in run or run.endswith(".journal")


def _listed(kept: list[KeptStudy], *, as_json: bool) -> str:
    """Return the studies of a storage, the latest first; JSON has times with their zone."""
    if as_json:
        facts = [
            {
                "study": study.name,
                "trials": len(study.records),
                "best": study.best,
                "ended": None if study.ended is None else study.ended.astimezone().isoformat(),
            }
            for study in kept
        ]
        return json.dumps({"studies": facts}, indent=1)
    rows = [
        [
            study.name,
            str(len(study.records)),
            "-" if study.best is None else f"{study.best:.5f}",
            "-" if study.ended is None else f"{study.ended:%Y-%m-%d %H:%M}",
        ]
        for study in kept
    ]
    table = aligned(["study", "trials", "best", "latest trial"], rows, left=1)
    return f"{table}\n\n--study NAME shows one of them."


def _searches(arguments: argparse.Namespace) -> dict[str, SearchRecord]:
    """Return searches by model: of an ensemble's bundle those of its bases."""
    run: str = arguments.search
    if _is_storage(run):
        search = read_search(run, arguments.study)
        return {search.study: search}
    if arguments.study is not None:
        message = "--study names a study in a storage, and not in a bundle."
        raise InputError("setting_invalid", message)
    found = dict(searches_of(TrainedArtifact.load(Path(run))))
    if not found:
        message = f"{run}: nothing was searched for this artifact (n_trials was 0)."
        raise SearchError("study_unknown", message)
    return found


def _facts(search: SearchRecord) -> dict[str, object]:
    found, reason = importance(search, optuna_study(search))
    return {**asdict(search), "importances": dict(found), "importances_reason": reason}


def _text(name: str, search: SearchRecord) -> str:
    header, rows = trial_rows(search)
    at = 7  # the facts of a trial; its parameters are below, of the best one only
    best = search.best_trial
    found, reason = importance(search, optuna_study(search))
    weights = ", ".join(f"{n} {share:.0%}" for n, share in found.items()) or reason or ""
    ended = f"{search.count('pruned')} pruned, {search.count('failed')} failed"
    ever = f"{search.n_trials_on_data} ever run on these data"
    return "\n".join(
        [
            f"{name}: {len(search.trials)} trials of {search.study} ({ended}); {ever}",
            aligned(header[:at], [row[:at] for row in rows], left=2),
            "",
            f"best: {best_text(search)}",
            *([] if best is None else [f"with: {_settings(best)}"]),
            f"importance (fANOVA): {weights}",
        ]
    )


def _settings(trial: TrialRecord) -> str:
    return ", ".join(f"{name}={shown(value)}" for name, value in trial.params.items())


def _write(found: dict[str, SearchRecord], path: Path) -> None:
    title = f"Search: {', '.join(found)}"
    total = sum(len(search.trials) for search in found.values())
    lede = f"{total} trials. The winner was chosen on validation, so its value there is optimistic."
    sections = [part for name, search in found.items() for part in search_sections(name, search)]
    with writing(path):
        path.write_text(page(title, lede, sections), "utf-8")
