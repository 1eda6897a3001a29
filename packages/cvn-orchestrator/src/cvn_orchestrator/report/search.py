"""A search as a page: its trials, how its best value came about, and which parameters matter."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from cvn_harness_core import SearchRecord, optuna_study
from cvn_orchestrator.report.page import Plot, Section, Table

if TYPE_CHECKING:
    from optuna import Study

_ABREAST = 4  # parameters side by side


def search_sections(name: str, search: SearchRecord) -> list[Section]:
    """Return what a page shows of a model's search."""
    study = optuna_study(search)
    importances, reason = importance(search, study)
    note = "" if reason is None else f"Importances: {reason}."
    return [
        Section(
            f"{name}: search",
            facts={
                "best": best_text(search),
                "trials": f"{len(search.trials)}: {search.count('complete')} complete, "
                f"{search.count('pruned')} pruned, {search.count('failed')} failed",
                "ever run on these data": search.n_trials_on_data,
                "study": f"{search.study} in {search.storage or 'memory'}",
                "how": f"{search.sampler}, {search.pruner} pruning, at most "
                f"{search.max_concurrent} at once",
            },
        ),
        Section(
            f"{name}: plots",
            note=note,
            figures=list(_plots(search, study, with_importances=bool(importances))),
        ),
        Section(
            f"{name}: trials",
            tables=[Table("every trial, in the order it was asked for", *trial_rows(search))],
        ),
    ]


def best_text(search: SearchRecord) -> str:
    """Return which trial is the best, and its value."""
    if search.value is None:
        return "none: no trial is complete"
    where = search.evaluate_on.replace("_", " ")
    return f"trial {search.best}, {search.objective} {search.value:.5f} on {where}"


def importance(search: SearchRecord, study: Study) -> tuple[Mapping[str, float], str | None]:
    """Return the share of the objective's variance by parameter (fANOVA), or why there is none."""
    import optuna

    if search.count("complete") < 4:
        return {}, "fewer than 4 trials are complete"
    values = {trial.value for trial in search.trials if trial.state == "complete"}
    if len(values) < 2:
        return {}, "every complete trial has the same value"
    evaluator = optuna.importance.FanovaImportanceEvaluator(seed=0)
    found = optuna.importance.get_param_importances(study, evaluator=evaluator)
    return (found, None) if found else ({}, "no parameter is in every complete trial")


def trial_rows(search: SearchRecord) -> tuple[list[str], list[list[str]]]:
    """Return a header and a row of text for each trial."""
    names = list(search.space)
    header = ["trial", "state", search.objective, "best iteration", "theta", "buy rate", "seconds"]
    rows = []
    for trial in search.trials:
        curve = trial.curve
        boosted = (
            "" if curve is None or curve.best_iteration is None else
            f"{curve.best_iteration} of {curve.ceiling}"
        )  # fmt: skip
        rows.append(
            [
                str(trial.number),
                trial.state if trial.code is None else f"{trial.state} ({trial.code})",
                shown(trial.value),
                boosted,
                "NO_TRADE" if trial.state == "complete" and trial.theta is None
                else shown(trial.theta),
                shown(trial.buy_rate),
                f"{trial.seconds:.1f}",
                *(shown(trial.params.get(name)) for name in names),
            ]
        )  # fmt: skip
    return [*header, *names], rows


def shown(value: object) -> str:
    """Return a figure in five digits, anything else as it is, None as nothing."""
    if value is None:
        return ""
    return f"{value:.5g}" if isinstance(value, float) else str(value)


def _plots(search: SearchRecord, study: Study, *, with_importances: bool) -> Iterator[Plot]:
    import optuna

    drawn = optuna.visualization
    history = drawn.plot_optimization_history(study, target_name=search.objective)
    yield Plot("Each complete trial's value, and the best so far", history, wide=True)
    if with_importances:
        evaluator = optuna.importance.FanovaImportanceEvaluator(seed=0)
        bars = drawn.plot_param_importances(
            study, evaluator=evaluator, target_name=search.objective
        )
        yield Plot(
            "Share of the objective's variance that each parameter explains (fANOVA)",
            bars,
            wide=True,
        )
    names = [name for name in search.space if any(name in t.params for t in search.trials)]
    for at in range(0, len(names), _ABREAST):
        some = names[at : at + _ABREAST]
        slices = drawn.plot_slice(study, params=some, target_name=search.objective)
        slices.update_layout(title=None, width=None, margin={"t": 20})
        yield Plot(f"Value by {', '.join(some)}; darker is later", slices, wide=True)
