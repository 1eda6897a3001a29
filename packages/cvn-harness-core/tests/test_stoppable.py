"""Stopping a call on another thread, at any moment: it ends, and what follows it is left alone."""

from __future__ import annotations

import importlib
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from cvn_harness_core.plugins.stoppable import Stoppable, Stopped


def computing(seconds: float = 60.0) -> None:
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass


def outcome(call: Callable[[], object]) -> BaseException | None:
    """What a call returns that is being stopped until it ends."""
    stoppable, begun, ends = Stoppable(), threading.Event(), []

    def run() -> None:
        stoppable.begin()
        begun.set()
        ends.append(stoppable.run(call))

    threading.Thread(target=run, daemon=True).start()
    begun.wait()
    until = time.monotonic() + 60
    while not ends:
        assert time.monotonic() < until, "it does not end"
        stoppable.stop()
        time.sleep(0.002)
    (error,) = ends
    return error


def test_a_call_that_computes_is_stopped() -> None:
    assert isinstance(outcome(computing), Stopped)


def test_whatever_it_makes_of_that() -> None:
    def converts() -> None:
        try:
            computing()
        except BaseException as error:
            raise ValueError("something went wrong") from error

    assert isinstance(outcome(converts), Stopped)


def test_what_a_call_raises_that_nobody_stopped_is_returned() -> None:
    stoppable = Stoppable()
    stoppable.begin()
    error = stoppable.run(lambda: 1 // 0)
    assert isinstance(error, ZeroDivisionError)
    assert stoppable.run(lambda: None) is None


def test_one_that_waits_is_left_alone() -> None:
    assert outcome(lambda: time.sleep(0.3)) is None


def test_what_follows_a_call_is_never_stopped_however_close_the_two_are() -> None:
    stoppable, n_stopped, ended = Stoppable(), 0, threading.Event()

    def serve() -> int:
        stopped = 0
        for n in range(400):
            stoppable.begin()
            error = stoppable.run(partial(computing, 0.001 + n % 20 / 5000))
            stopped += isinstance(error, Stopped)
            for _ in range(200):
                sum(range(10))
        ended.set()
        return stopped

    with ThreadPoolExecutor(1) as pool:
        served = pool.submit(serve)
        while not ended.is_set() and not served.done():
            n_stopped += stoppable.stop()
        assert 20 < served.result() <= n_stopped


class Adding(logging.Handler):
    """Gives the interpreter up as it emits: an operator of numpy does."""

    total = np.zeros(200_000)

    def emit(self, record: logging.LogRecord) -> None:
        self.total = self.total + 1.0


LOCK, CONDITION, HANDLER = threading.Lock(), threading.Condition(threading.Lock()), Adding()
RECORD = logging.LogRecord("n", logging.INFO, "p", 1, "m", (), None)
BIG = np.zeros(200_000)


def by_hand() -> None:
    LOCK.acquire()
    try:
        sum(range(50))
    finally:
        LOCK.release()


def by_hand_around_numpy() -> None:
    LOCK.acquire()
    try:
        adds()
    finally:
        LOCK.release()


def adds() -> None:
    BIG + BIG


def takes() -> None:
    LOCK.acquire()


def gives() -> None:
    LOCK.release()


def by_functions_of_no_name() -> None:
    takes()
    try:
        BIG + BIG
    finally:
        gives()


def in_a_condition() -> None:
    with CONDITION:
        CONDITION.notify()
        BIG + BIG


def on_a_stack() -> None:
    with ExitStack() as stack:
        stack.enter_context(LOCK)


def logs() -> None:
    HANDLER.handle(RECORD)


STEPS = by_hand, by_hand_around_numpy, by_functions_of_no_name, in_a_condition, on_a_stack, logs


@pytest.mark.parametrize("step", STEPS)
def test_no_lock_is_left_behind_taken(step: Callable[[], None]) -> None:
    """A training that wants it would wait for good."""

    def computes() -> None:
        goes_on = time.monotonic() + 50
        while time.monotonic() < goes_on:
            for _ in range(20):
                step()
            for _ in range(400_000):  # longer than a switch interval
                pass

    for _ in range(15):
        assert isinstance(outcome(computes), Stopped)
        for lock in (LOCK, CONDITION, HANDLER.lock):
            assert lock is not None
            assert lock.acquire(timeout=10)
            lock.release()


def test_a_loop_of_numpy_is_stopped() -> None:
    def computes() -> None:
        goes_on = time.monotonic() + 50
        while time.monotonic() < goes_on:
            np.add(BIG, BIG)

    assert isinstance(outcome(computes), Stopped)


def test_a_call_that_holds_a_lock_is_left_alone() -> None:
    def computes_a_while() -> None:
        with LOCK:
            computing(0.5)

    assert outcome(computes_a_while) is None


def test_an_import_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would leave the module half made, for whoever imports it next."""
    source = (
        "import time\nuntil = time.thread_time() + 0.5\nwhile time.thread_time() < until: pass\n"
    )
    (tmp_path / "takes_long_to_import.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    assert outcome(lambda: importlib.import_module("takes_long_to_import")) is None
