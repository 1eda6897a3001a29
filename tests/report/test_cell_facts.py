"""What a cell keeps of its artifact: small, JSON-like, and enough for the report."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cvn_harness_core import HPOParams, train_one
from cvn_orchestrator.report.sweep.found import dates_of
from cvn_orchestrator.results.cell_facts import cell_facts, days_of
from cvn_orchestrator.results.facts import POINTS, VALUES, read_facts
from cvn_orchestrator.results.rows import CellRow

from . import made


def test_facts_are_json_below_ten_kilobytes(rows: list[CellRow]) -> None:
    for row in rows:
        text = json.dumps(row.facts, allow_nan=False)
        assert len(text) < 10_000
        assert read_facts(json.loads(text)) == read_facts(row.facts)


def test_the_curve_is_thinned_and_keeps_the_chosen_theta(rows: list[CellRow]) -> None:
    for row in rows:
        facts = read_facts(row.facts)
        assert facts is not None
        curve = facts.theta.curve
        assert curve is not None
        assert 2 <= len(curve.theta) <= POINTS
        assert len(curve.precision) == len(curve.expectancy[0]) == len(curve.theta)
        assert row.theta is not None
        assert float(f"{row.theta:.5g}") in curve.theta


def test_reliability_counts_every_test_row_once(rows: list[CellRow]) -> None:
    for row in rows:
        facts = read_facts(row.facts)
        assert facts is not None
        assert facts.reliability is not None
        test = row.metrics["test"]
        assert sum(facts.reliability.n) == test["n"]
        positives = sum(facts.reliability.positives)
        assert positives == round(test["n"] * test["prevalence"])  # type: ignore[operator]


def test_an_ensemble_tells_its_bases_and_a_search_its_trials(rows: list[CellRow]) -> None:
    facts = {row.variant: read_facts(row.facts) for row in rows}
    blend, searched = facts["blend"], facts["lgbm-searched"]
    assert blend is not None
    assert [member.name for member in blend.members] == ["lightgbm", "xgboost"]
    assert [member.weight for member in blend.members] == [0.5, 0.5]
    assert searched is not None
    (search,) = searched.searches
    assert (search.trials, len(search.values), search.numbers) == (6, 6, [])
    assert max(v for v in search.values if v is not None) == search.value
    assert "search" in searched.params


def test_scores_that_are_at_hand_are_not_made_again() -> None:
    data = made.datasets(0, 1, n=400)
    artifact = train_one("lightgbm", data, HPOParams({"n_estimators": 10}, n_threads=1))
    scores = artifact.predict_proba(data.test.X)[:, 1]
    assert cell_facts(artifact, data) == cell_facts(artifact, data, scores)


def test_a_long_search_keeps_some_trials_by_number() -> None:
    data = made.datasets(0, 1, n=400)
    params = HPOParams({"n_estimators": 5}, n_trials=5, n_threads=1, max_concurrent=1)
    artifact = train_one("lightgbm", data, params)
    assert artifact.search is not None
    trial = artifact.search.trials[0]
    many = tuple(replace(trial, number=number) for number in range(1_000))
    long = replace(artifact, search=replace(artifact.search, trials=many))
    kept = cell_facts(long, data)
    (search,) = kept["searches"]
    assert search["trials"] == 1_000
    assert len(search["values"]) == len(search["numbers"]) <= VALUES
    assert (search["numbers"][0], search["numbers"][-1]) == (0, 999)
    assert len(json.dumps(kept)) < 10_000


@pytest.mark.parametrize("direction", ["maximize", "minimize"])
@pytest.mark.parametrize("rising", [False, True])
def test_a_long_search_keeps_the_trials_that_set_a_new_best(direction: str, rising: bool) -> None:
    data = made.datasets(0, 1, n=400)
    params = HPOParams({"n_estimators": 5}, n_trials=5, n_threads=1, max_concurrent=1)
    artifact = train_one("lightgbm", data, params)
    assert artifact.search is not None
    trial, n = artifact.search.trials[0], 1_003
    values: list[float | None] = np.random.default_rng(7).random(n).round(4).tolist()
    if rising:
        values = np.linspace(0.1, 0.9, n).round(4).tolist()[:: 1 if direction == "maximize" else -1]
    values[5] = values[-1] = None
    better = max if direction == "maximize" else min
    best = better(value for value in values if value is not None)
    record = replace(
        artifact.search,
        direction=direction,  # type: ignore[arg-type]
        trials=tuple(replace(trial, number=at, value=value) for at, value in enumerate(values)),
        best=values.index(best),
        value=best,
    )
    facts = read_facts(cell_facts(replace(artifact, search=record), data))
    assert facts is not None
    (search,) = facts.searches
    assert len(search.values) == len(search.numbers) == VALUES
    assert (search.numbers[0], search.numbers[-1]) == (0, n - 1)
    assert [values[at] for at in search.numbers] == search.values
    assert values.index(best) in search.numbers
    if not rising:
        seen = [value for value in values if value is not None]
        records = {value for at, value in enumerate(seen) if value == better(seen[: at + 1])}
        assert records <= set(search.values)


@pytest.mark.parametrize("kept", [{}, {"of": "another release"}, {"name": 3}])
def test_other_facts_are_none_and_no_error(kept: dict[str, object]) -> None:
    assert read_facts(kept) is None


def test_facts_of_a_later_release_can_be_read(rows: list[CellRow]) -> None:
    assert read_facts({**rows[0].facts, "new": 1}) == read_facts(rows[0].facts)


@given(st.lists(st.integers(0, 4_000), min_size=1, max_size=60))
def test_days_come_back_whichever_they_are(numbers: list[int]) -> None:
    stamps = np.datetime64("2015-03-01", "h") + np.array(numbers) * np.timedelta64(7, "h")
    days = sorted(set(stamps.astype("datetime64[D]").tolist()))
    assert list(dates_of(days_of(stamps))) == days
