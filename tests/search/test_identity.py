"""What a study is of: which trials count, what another search is, and what is kept of its end."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from cvn_harness_core import (
    OutOfFold,
    Payoff,
    SearchError,
    Store,
    TrainingPolicy,
    count_trials,
    read_search,
    train_ensemble,
    train_one,
)
from cvn_harness_core.harness import planning
from cvn_harness_core.testing.recorded import recorded_events
from tests.ensembles.small import datasets

from .worker import said, settings

MODEL = "lightgbm"
DATA = datasets(n=600)


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/hpo.db"


@pytest.fixture
def search(url: str) -> Callable[..., Any]:
    """Train with three trials of the study ``mine``; return the artifact."""

    def run(data: Any = DATA, policy: TrainingPolicy | None = None, **changes: Any) -> Any:
        given = {"n_trials": 3, "storage": url, "study_name": "mine", **changes}
        return train_one(MODEL, data, settings(MODEL, **given), policy=policy)

    return run


def test_fewer_trials_than_the_storage_holds_are_the_first_of_them(search: Any) -> None:
    few, many = search(n_trials=1, storage=None, study_name=None), search(n_trials=8)
    assert many.search.best >= 1, "or the test shows nothing"
    again = search(n_trials=1)
    assert said(again) == said(few)
    assert again.search.n_trials_on_data == 8


def test_another_optuna_is_another_search(search: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    artifact = search()
    assert artifact.environment["optuna"] == version("optuna")
    monkeypatch.setattr(planning, "optuna_version", lambda: "1.2.3")
    with pytest.raises(SearchError, match=r"libraries\.optuna was") as caught:
        search()
    assert caught.value.code == "study_differs"


def test_what_changes_no_trial_is_no_other_search(search: Any, url: str) -> None:
    first = search(study_name=None)
    policy = TrainingPolicy(name="mine", on_unhealthy="error", costs=(0.1,))
    other = search(replace(DATA, payoff=Payoff(1.0, 1.0, 0.1)), policy, study_name=None)
    assert other.search.study == first.search.study
    assert count_trials(url) == 3
    assert other.payoff.cost == 0.1


@pytest.mark.parametrize("objective", ["expectancy", "f1_buy"])
def test_costs_are_part_of_a_search_for_what_depends_on_theta(search: Any, objective: str) -> None:
    search(objective=objective)
    with pytest.raises(SearchError, match=r"payoff\.cost"):
        search(replace(DATA, payoff=Payoff(1.0, 1.0, 0.1)), objective=objective)


RULE = """
from dataclasses import dataclass
from cvn_harness_core import Fixed

@dataclass(frozen=True)
class Mine:
    name: str = "mine"

    def decide(self, evidence):
        return Fixed(0.5).decide(evidence)
"""


def test_an_edited_theta_rule_is_another_search(
    search: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    for n, text in enumerate((RULE, RULE.replace("0.5", "0.4"))):
        (tmp_path / "cvn_my_rule.py").write_text(text)
        importlib.invalidate_caches()
        sys.modules.pop("cvn_my_rule", None)
        policy = TrainingPolicy(theta=importlib.import_module("cvn_my_rule").Mine())
        if n == 0:
            search(policy=policy)
            continue
        with pytest.raises(SearchError, match=r"code\.rules") as caught:
            search(policy=policy)
        assert caught.value.code == "study_differs"


def test_bases_have_studies_of_their_own(url: str) -> None:
    run = settings(MODEL, n_trials=2, storage=url, study_name="mine")
    given = {m: replace(run, params={"n_estimators": 20}) for m in ("xgboost", "lightgbm")}
    policy = TrainingPolicy(out_of_fold=OutOfFold(n_folds=2))
    train_ensemble("blend_avg", datasets(), given, bases=tuple(given), policy=policy)
    for model in given:
        assert len(read_search(url, f"mine-{model}").trials) == 2
    assert count_trials(url, "mine") == 4
    assert count_trials(url, "mine-lightgbm") == 2
    assert count_trials(url, "mi") == 0


def slowly(_: str, record: Any) -> None:
    if record.number == 1:
        import time

        time.sleep(2.5)


def test_a_search_that_its_timeout_ended_is_not_the_answer_to_its_call(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    run = settings(MODEL, n_trials=4, timeout_s=60.0)
    late = replace(run, timeout_s=2.0)
    first = train_one(MODEL, DATA, late, store=store, on_trial=slowly)
    assert 0 < len(first.search.trials) < 4
    assert store.ls() == []
    train_one(MODEL, DATA, run, store=store)
    with recorded_events() as events:
        train_one(MODEL, DATA, run, store=store)
    assert [e["event"] for e in events] == ["cache_hit"], "one that came to its end is kept"


def test_an_ensemble_of_a_base_that_was_ended_so_is_not_kept_either(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    late = {MODEL: settings(MODEL, n_trials=4, timeout_s=2.0)}
    policy = TrainingPolicy(out_of_fold=OutOfFold(n_folds=2))
    artifact = train_ensemble(
        "blend_avg", datasets(), late, bases=(MODEL,), policy=policy, store=store, on_trial=slowly
    )
    assert len(artifact.native.bases[0].search.trials) < 4
    assert {entry.kind for entry in store.ls()} <= {"fold"}
