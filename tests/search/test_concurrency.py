"""Trials that run beside one another: memory that runs out, and Ctrl-C."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cvn_harness_core import HPOParams, TrainingPolicy, read_search, train_one
from cvn_harness_core.harness.planning import Request
from cvn_harness_core.harness.train_one import plan_model
from cvn_harness_core.plugins.adapters import adapter_of
from cvn_harness_core.search import loop
from cvn_harness_core.testing.recorded import recorded_events
from tests.ensembles.small import datasets

from .worker import said, settings

MODEL = "lightgbm"


@pytest.fixture(autouse=True)
def two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let two trials run at once, whatever the machine has."""
    monkeypatch.setattr(loop, "worker_count", lambda budget, threads, growth, most: min(2, most))


@pytest.fixture(autouse=True)
def interruptible() -> Iterator[None]:
    """Let SIGINT interrupt, also where whoever began this process had it ignored."""
    earlier = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, earlier)


@pytest.fixture
def fits(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[int, int, Any], None]], None]:
    """Have every fit call ``before(n, beside, request)``: how many are begun, and run beside it."""
    kind = type(adapter_of(MODEL))
    own, lock = kind.fit, threading.Lock()
    counted = {"begun": 0, "running": 0}

    def install(before: Callable[[int, int], None]) -> None:
        def fit(self: Any, prepared: Any, request: Any) -> Any:
            with lock:
                counted["begun"] += 1
                counted["running"] += 1
                n = counted["begun"]
            try:
                before(n, counted["running"] - 1, request)
                return own(self, prepared, request)
            finally:
                with lock:
                    counted["running"] -= 1

        monkeypatch.setattr(kind, "fit", fit)

    return install


def test_memory_that_ran_out_beside_others_is_tried_again_alone(fits: Any) -> None:
    undisturbed = said(train_one(MODEL, datasets(), settings(MODEL)))
    short = []

    def before(n: int, beside: int, request: Any) -> None:
        if beside:
            short.append(n)
            raise MemoryError

    fits(before)
    with recorded_events() as events:
        artifact = train_one(MODEL, datasets(), settings(MODEL, n_workers=2))
    assert short
    assert artifact.search.count("failed") == 0
    assert all(trial.attempts == 1 for trial in artifact.search.trials)
    assert said(artifact) == undisturbed
    told = [e["trial"] for e in events if e["event"] == "hpo_trial_complete"]
    assert sorted(told) == list(range(12)), "each once"


def test_memory_that_runs_out_alone_fails_the_trial(fits: Any, tmp_path: Path) -> None:
    tried: list[int] = []

    def before(n: int, beside: int, request: Any) -> None:
        if n > 3:
            tried.append(beside)
            raise MemoryError

    fits(before)
    artifact = train_one(MODEL, datasets(), settings(MODEL, n_trials=6, n_workers=2))
    failed = [trial for trial in artifact.search.trials if trial.state == "failed"]
    assert {trial.code for trial in failed} == {"out_of_memory"}
    assert len(failed) == 3
    assert tried.count(0) >= 3, "each of them was alone at last"


def run_of(path: Path, **changes: object) -> Any:
    return settings(
        MODEL, storage=f"sqlite:///{path}/hpo.db", study_name="mine", n_workers=2, **changes
    )


def test_none_is_begun_once_a_stop_is_wanted(fits: Any, tmp_path: Path) -> None:
    """Also not when the first trial's memory is told of, and a second might run beside it."""
    stop = threading.Event()
    fits(lambda n, beside, request: stop.set())
    data = datasets()
    with pytest.raises(KeyboardInterrupt):
        train_one(MODEL, data, run_of(tmp_path), stop_wanted=stop.is_set)
    assert [t.state for t in read_search(f"sqlite:///{tmp_path}/hpo.db").trials] == ["complete"]
    undisturbed = said(train_one(MODEL, data, settings(MODEL)))
    stop.clear()
    assert said(train_one(MODEL, data, run_of(tmp_path))) == undisturbed


@pytest.mark.parametrize("times", ["once", "always"])
def test_an_interrupt_lets_those_that_run_come_to_their_end(
    fits: Any, tmp_path: Path, times: str
) -> None:
    together, interrupted = threading.Event(), threading.Event()

    def before(n: int, beside: int, request: Any) -> None:
        if beside:
            together.set()
        if n == 2:  # the first ran alone
            assert together.wait(20)
        elif n > 2:
            assert interrupted.wait(20)

    fits(before)
    told: list[int] = []

    def on_trial(_: str, record: Any) -> None:
        told.append(record.number)
        if len(told) == 2 or (len(told) > 2 and times == "always"):
            interrupted.set()
            raise KeyboardInterrupt

    with recorded_events() as events, pytest.raises(KeyboardInterrupt):
        train_one(MODEL, datasets(), run_of(tmp_path), on_trial=on_trial)
    assert sorted(told) == [0, 1, 2], "those beside it, too, and no more"
    assert [e["trial"] for e in events if e["event"] == "hpo_trial_complete"] == told
    assert [t.number for t in read_search(f"sqlite:///{tmp_path}/hpo.db").trials] == sorted(told)
    goes_on = train_one(MODEL, datasets(), run_of(tmp_path))
    assert said(goes_on) == said(train_one(MODEL, datasets(), settings(MODEL)))


def test_a_second_interrupt_cuts_those_that_run(fits: Any, tmp_path: Path) -> None:
    main, interrupted = threading.main_thread().ident, threading.Event()
    assert main is not None

    def before(n: int, beside: int, request: Any) -> None:
        if n > 2:
            assert interrupted.wait(20)
            for at in range(6000):
                if at % 500 == 50:  # the first one has been raised by then, or by the next time
                    signal.pthread_kill(main, signal.SIGINT)
                if request.watch(1, 1.0):
                    break
                time.sleep(0.01)

    fits(before)

    told: list[int] = []

    def on_trial(_: str, record: Any) -> None:
        told.append(record.number)
        if len(told) == 2:
            interrupted.set()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_one(MODEL, datasets(), run_of(tmp_path, pruner="none"), on_trial=on_trial)
    kept = [t.number for t in read_search(f"sqlite:///{tmp_path}/hpo.db").trials]
    assert kept == sorted(told), "the two that had ended, and none that was cut"


# --- one at a time --------------------------------------------------------------------------


def test_one_at_a_time_trials_run_on_the_callers_thread(fits: Any) -> None:
    seen = set()
    fits(lambda n, beside, request: seen.add(threading.get_ident()))
    alone = train_one(MODEL, datasets(), settings(MODEL, n_workers=1))
    assert seen == {threading.get_ident()}
    assert said(train_one(MODEL, datasets(), settings(MODEL, n_workers=2))) == said(alone)
    assert len(seen) > 1


def test_an_interrupt_there_lets_the_trial_come_to_its_end(fits: Any, tmp_path: Path) -> None:
    alone = {"max_concurrent": 1, "n_workers": None}

    def before(n: int, beside: int, request: Any) -> None:
        if n == 2:
            signal.raise_signal(signal.SIGINT)

    fits(before)
    with pytest.raises(KeyboardInterrupt):
        train_one(MODEL, datasets(), replace(run_of(tmp_path), **alone))
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert len(read_search(f"sqlite:///{tmp_path}/hpo.db").trials) == 2
    goes_on = train_one(MODEL, datasets(), replace(run_of(tmp_path), **alone))
    assert said(goes_on) == said(train_one(MODEL, datasets(), replace(settings(MODEL), **alone)))


def test_a_second_one_there_cuts_the_trial(fits: Any, tmp_path: Path) -> None:
    def before(n: int, beside: int, request: Any) -> None:
        if n == 2:
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)

    fits(before)
    with pytest.raises(KeyboardInterrupt):
        train_one(MODEL, datasets(), replace(run_of(tmp_path), max_concurrent=1))
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert len(read_search(f"sqlite:///{tmp_path}/hpo.db").trials) == 1


def test_one_that_a_library_makes_an_error_of_is_no_failure_of_the_trial(
    fits: Any, tmp_path: Path
) -> None:
    def before(n: int, beside: int, request: Any) -> None:
        if n == 2:
            signal.raise_signal(signal.SIGINT)
            try:
                signal.raise_signal(signal.SIGINT)
            except KeyboardInterrupt:
                raise ValueError("a callback failed") from None

    fits(before)
    run = replace(run_of(tmp_path), max_concurrent=1)
    with pytest.raises(KeyboardInterrupt):
        train_one(MODEL, datasets(), run)
    assert len(read_search(f"sqlite:///{tmp_path}/hpo.db").trials) == 1
    goes_on = train_one(MODEL, datasets(), run)
    assert said(goes_on) == said(
        train_one(MODEL, datasets(), replace(run, storage=None, study_name=None))
    )


def test_what_an_alarm_raises_ends_the_search(fits: Any, tmp_path: Path) -> None:
    def late(number: int, frame: object) -> None:
        raise TimeoutError("too late")

    def before(n: int, beside: int, request: Any) -> None:
        if n == 3:
            signal.raise_signal(signal.SIGALRM)

    fits(before)
    earlier = signal.signal(signal.SIGALRM, late)
    try:
        with pytest.raises(TimeoutError, match="too late"):
            train_one(MODEL, datasets(), replace(run_of(tmp_path), max_concurrent=1))
    finally:
        signal.signal(signal.SIGALRM, earlier)
    trials = read_search(f"sqlite:///{tmp_path}/hpo.db").trials
    assert [trial.state for trial in trials] == ["complete"] * 2


def test_a_search_within_another_stops_with_it(fits: Any) -> None:
    inner = replace(settings(MODEL), max_concurrent=1)
    begun: list[int] = []

    def on_trial(_: str, record: Any) -> None:
        if not begun:
            begun.append(record.number)
            signal.raise_signal(signal.SIGINT)
            train_one(MODEL, datasets(), inner, on_trial=lambda *_: begun.append(1))

    with pytest.raises(KeyboardInterrupt):
        train_one(MODEL, datasets(), inner, on_trial=on_trial)
    assert len(begun) == 1
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_interrupt_in_the_last_trial_is_raised_too(fits: Any, tmp_path: Path) -> None:
    def before(n: int, beside: int, request: Any) -> None:
        if n == 12:
            signal.raise_signal(signal.SIGINT)

    fits(before)
    run = replace(run_of(tmp_path), max_concurrent=1)
    with pytest.raises(KeyboardInterrupt):
        train_one(MODEL, datasets(), run)
    assert len(read_search(f"sqlite:///{tmp_path}/hpo.db").trials) == 12
    assert train_one(MODEL, datasets(), run).search.count("failed") == 0


@pytest.mark.parametrize(
    ("model", "changes", "n_at_once"),
    [
        ("lightgbm", {}, 1),
        ("lightgbm", {"n_threads": 1}, 1),
        ("lightgbm", {"max_concurrent": 3}, 3),
        ("catboost", {}, 4),
        ("catboost", {"n_threads": 2}, 4),
    ],
)
def test_where_threads_change_no_bits_trials_run_one_at_a_time(
    model: str, changes: dict[str, int], n_at_once: int
) -> None:
    hpo, policy = HPOParams(n_trials=2, **changes), TrainingPolicy.economic()
    planned = plan_model(model, Request(datasets()), hpo, policy).search
    assert planned is not None
    assert planned.settings.max_concurrent == n_at_once
    assert planned.most_workers == n_at_once
