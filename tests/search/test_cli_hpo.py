"""`cvn hpo show` as a person uses it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from cvn_harness_core import HPOParams, train_ensemble, train_one
from tests.command import cvn
from tests.ensembles.small import datasets

from .worker import settings


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a searched model, an ensemble of searched bases, and their storage."""
    folder, data = tmp_path_factory.mktemp("kept"), datasets()
    storage = f"sqlite:///{folder}/hpo.db"
    run = settings("lightgbm", n_trials=12, storage=storage)
    train_one("lightgbm", data, run).save(folder / "searched")
    train_one("lightgbm", data, HPOParams({"n_estimators": 20})).save(folder / "plain")
    bases = {name: settings(name, n_trials=4) for name in ("xgboost", "lightgbm")}
    ensemble = train_ensemble("blend_avg", data, bases, bases=("xgboost", "lightgbm"))
    ensemble.save(folder / "blend", self_contained=True)
    return folder


@pytest.mark.parametrize("shown", ["searched", "sqlite:///hpo.db"])
def test_trials_best_and_importances_are_printed(kept: Path, shown: str) -> None:
    done = cvn("hpo", "show", shown, cwd=kept)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert "12 trials of lightgbm-" in lines[0]
    assert "12 ever run on these data" in lines[0]
    assert [line.split()[0] for line in lines[2:14]] == [str(n) for n in range(12)]
    assert any(line.startswith("best: trial ") for line in lines)
    assert re.search(r"importance \(fANOVA\): \w+ \d+%", done.stdout)


def test_json_has_every_trial(kept: Path) -> None:
    facts = json.loads(cvn("hpo", "show", "searched", "--json", cwd=kept).stdout)["lightgbm"]
    assert len(facts["trials"]) == 12
    assert facts["importances_reason"] is None
    assert sum(facts["importances"].values()) == pytest.approx(1)
    assert facts["space"]["num_leaves"]["log"] is True


def test_an_ensemble_shows_its_bases_searches(kept: Path) -> None:
    done = cvn("hpo", "show", "blend", "--json", cwd=kept)
    assert list(json.loads(done.stdout)) == ["xgboost", "lightgbm"]


def test_the_page_needs_no_network(kept: Path) -> None:
    done = cvn("hpo", "show", "searched", "-o", "search.html", cwd=kept)
    assert done.stdout.endswith("page: search.html\n")
    page = (kept / "search.html").read_text()
    outside = re.findall(r'<(?:script|link|img|iframe)[^>]+(?:src|href)="(?!data:)[^"]*"', page)
    assert outside == []
    assert page.count('class="plotly-graph-div"') == 5, "history, importances, slices of ten"
    assert page.count("<tr>") == 13


def test_several_studies_of_a_storage_are_listed(tmp_path: Path) -> None:
    storage = f"sqlite:///{tmp_path}/hpo.db"
    for name, n_trials in (("first", 2), ("second", 3)):
        run = settings("lightgbm", n_trials=n_trials, storage=storage, study_name=name)
        best = train_one("lightgbm", datasets(), run).search.value
    done = cvn("hpo", "show", "sqlite:///hpo.db", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    header, *rows, _, hint = done.stdout.splitlines()
    assert header.split() == ["study", "trials", "best", "latest", "trial"]
    assert [row.split()[:2] for row in rows] == [["second", "3"], ["first", "2"]]
    assert rows[0].split()[2] == f"{best:.5f}"
    assert "--study NAME" in hint
    facts = json.loads(cvn("hpo", "show", "sqlite:///hpo.db", "--json", cwd=tmp_path).stdout)
    assert [study["study"] for study in facts["studies"]] == ["second", "first"]
    named = cvn("hpo", "show", "sqlite:///hpo.db", "--study=first", cwd=tmp_path)
    assert "2 trials of first" in named.stdout
    page = cvn("hpo", "show", "sqlite:///hpo.db", "-o", "search.html", cwd=tmp_path)
    assert page.returncode == 2
    assert "no study is named" in page.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["sqlite:///hpo.db", "--study", "other"], "no search 'other'; it has lightgbm-"),
        (["plain"], "nothing was searched"),
        (["searched", "--study", "other"], "--study names a study in a storage"),
        (["nowhere"], "bundle_not_found"),
        (["sqlite:///nowhere/hpo.db"], "storage_unavailable"),
        (["searched", "-o", "nowhere/page.html"], "cannot be written"),
    ],
)
def test_a_mistake_is_one_line(kept: Path, arguments: list[str], said: str) -> None:
    done = cvn("hpo", "show", *arguments, cwd=kept)
    assert done.returncode == 2
    assert said in done.stderr
