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
