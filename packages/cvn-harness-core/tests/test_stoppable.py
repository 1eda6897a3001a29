"""Stopping a call on another thread, at any moment: it ends, and what follows it is left alone."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from cvn_harness_core.plugins.stoppable import Stoppable, Stopped


def computing(seconds: float = 60.0) -> None:
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass


def outcome(call: Callable[[], object]) -> BaseException | None:
    """What a call returns that is being stopped until it ends."""
    stoppable, begun = Stoppable(), threading.Event()

    def run() -> BaseException | None:
        stoppable.begin()
        begun.set()
        return stoppable.run(call)

    with ThreadPoolExecutor(1) as pool:
        ends = pool.submit(run)
        begun.wait()
        while not ends.done():
            stoppable.stop()
            time.sleep(0.002)
        return ends.result()


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


class Quiet(logging.Handler):
    """Its lock is taken, and by hand, for nothing."""

    def emit(self, record: logging.LogRecord) -> None:
        """Do nothing."""


class ByHand:
    """An observer's own code that takes a lock as it should not."""

    def __init__(self) -> None:
        self.lock = threading.Lock()

    def use(self) -> None:
        self.lock.acquire()
        try:
            for _ in range(10):
                pass
        finally:
            self.lock.release()


def test_no_lock_is_left_behind_taken() -> None:
    """Of what takes them by hand: a training would wait for it for good."""
    handler, condition, by_hand = Quiet(), threading.Condition(threading.Lock()), ByHand()
    record = logging.LogRecord("n", logging.INFO, "p", 1, "m", (), None)

    def locks() -> None:
        while True:
            handler.handle(record)
            by_hand.use()
            with condition:
                condition.notify()
            for _ in range(20):
                pass

    assert handler.lock is not None
    for _ in range(60):
        assert isinstance(outcome(locks), Stopped)
        assert handler.lock.acquire(timeout=10)
        handler.lock.release()
        assert by_hand.lock.acquire(timeout=10)
        by_hand.lock.release()
        assert condition.acquire(timeout=10)
        condition.release()
