"""An observer that hangs, dawdles or floods: what the training waits, and what is told of it."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from cvn_harness_core import Datasets, ObserverLimits, train_one
from cvn_harness_core.errors import PluginContractError
from cvn_harness_core.events.log import OBSERVERS, publish
from cvn_harness_core.events.schema import ArtifactSaved, Event
from cvn_harness_core.plugins import contention, isolation

GROUP = "cvn_harness.plugins.v1"

SOURCE = """
import threading
import time
from cvn_harness_core import ObserverLimits, hookimpl

GO_ON = threading.Event()
HANGS = False
SEEN = []
THREADS = set()

@hookimpl
def cvn_observer_limits():
    return {limits}

@hookimpl
def cvn_event(event):
    THREADS.add(threading.get_ident())
    {body}
    SEEN.append(event)
"""

STUCK = "GO_ON.wait(60)"
LIMITS = "ObserverLimits(per_fit=0.05)"


@pytest.fixture
def watcher(models: Any, site: Any) -> Iterator[Any]:
    """Install an observer with a body and limits, and return how to get at its module."""

    def install(body: str, limits: str = "ObserverLimits(per_fit=60)") -> Any:
        source = SOURCE.format(limits=limits, body=body)
        site.add("acme-watch", GROUP, {"watcher": "acme_watch"}, acme_watch=source)
        OBSERVERS.refresh()
        return lambda: sys.modules["acme_watch"]

    yield install
    if "acme_watch" in sys.modules:
        sys.modules["acme_watch"].GO_ON.set()
        OBSERVERS.finish()
    OBSERVERS.refresh()


def event(run: str | None = None) -> Event:
    return ArtifactSaved(path="/bundle", size_bytes=1, manifest_sha256="0", run_id=run)


def seconds(n: int, run: str | None = None) -> float:
    started = time.monotonic()
    for _ in range(n):
        publish(event(run))
    return time.monotonic() - started


def rejected(models: Any) -> list[Any]:
    return [e for e in models.events if e.event == "plugin_rejected"]


# --- in step --------------------------------------------------------------------------------


def test_a_quick_observer_has_seen_an_event_when_its_publishing_ends(watcher: Any) -> None:
    module = watcher("pass")
    for n in range(1, 50):
        publish(event())
        assert len(module().SEEN) == n


def test_an_observer_of_some_events_is_called_for_no_other(
    watcher: Any, models: Any, datasets: Datasets
) -> None:
    module = watcher("pass", "ObserverLimits(per_fit=60, events=('training_complete',))")
    train_one("logreg", datasets)
    assert {e.event for e in models.events} > {"training_started", "training_complete"}
    assert [e.event for e in module().SEEN] == ["training_complete"]


def test_an_observer_is_told_something_while_a_variable_switches_it_on(
    watcher: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ACME_URI", raising=False)
    module = watcher("pass", "ObserverLimits(per_fit=60, variables=('ACME', 'ACME_URI'))")
    for run, uri in (("a", None), ("b", "there"), ("c", "  "), ("d", "here"), ("e", None)):
        if uri is None:
            monkeypatch.delenv("ACME_URI", raising=False)
        else:
            monkeypatch.setenv("ACME_URI", uri)
        publish(event(run))
    assert [e.run_id for e in module().SEEN] == ["b", "d"]


def test_that_holds_for_what_came_before_it_was_imported(
    models: Any, site: Any, datasets: Datasets, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(isolation, "LOADS_WITHIN_S", 0.2)
    source = SOURCE.format(limits="ObserverLimits(events=('training_complete',))", body="pass")
    source = source.replace("HANGS = False", "GO_ON.wait(60)")
    site.add("acme-watch", GROUP, {"a_watcher": "acme_watch"}, acme_watch=source)
    OBSERVERS.refresh()
    train_one("logreg", datasets)
    module = sys.modules["acme_watch"]
    module.GO_ON.set()
    assert OBSERVERS.finish()
    assert [e.event for e in module.SEEN] == ["training_complete"]


def test_an_observer_is_called_on_one_thread_of_its_own(watcher: Any, models: Any) -> None:
    module = watcher("pass")
    threads = [threading.Thread(target=seconds, args=(5,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(module().SEEN) == 20
    assert len(module().THREADS) == 1
    assert module().THREADS.isdisjoint({threading.get_ident()})


def test_own_observers_are_called_in_place(models: Any) -> None:
    from cvn_harness_core import hookimpl

    class Own:
        threads: list[int] = []  # noqa: RUF012

        @hookimpl
        def cvn_event(self, event: Event) -> None:
            time.sleep(0.5)
            self.threads.append(threading.get_ident())

    with OBSERVERS.including("own", Own()):
        publish(event())
    assert Own.threads == [threading.get_ident()]


# --- behind ---------------------------------------------------------------------------------


def test_a_training_waits_for_a_hanging_observer_no_longer_than_it_declares(
    watcher: Any, models: Any, datasets: Datasets
) -> None:
    module = watcher("HANGS and GO_ON.wait(60)", "ObserverLimits(per_fit=0.4)")
    train_one("logreg", datasets)  # imports what there is to import
    started = time.monotonic()
    train_one("logreg", datasets)
    plain = time.monotonic() - started

    module().HANGS = True
    started = time.monotonic()
    run = train_one("logreg", datasets).run_id
    taken = time.monotonic() - started
    assert taken < plain + 0.4 + 1.0  # the bound, and what a loaded machine may take
    of_run = [e for e in models.events if e.run_id == run]
    assert of_run[-1].event == "training_complete"
    assert [e for e in module().SEEN if e.run_id == run] == []

    module().GO_ON.set()
    assert OBSERVERS.finish()
    assert [e for e in module().SEEN if e.run_id == run] == of_run
    assert rejected(models) == []


def test_all_calls_of_a_run_share_its_allowance_and_each_run_has_its_own(watcher: Any) -> None:
    watcher("time.sleep(0.1)", "ObserverLimits(per_fit=0.25)")
    publish(event("first"))  # loads it
    took = seconds(20, "first")
    assert took < 1.0, "twenty calls of 0.1 s"
    assert OBSERVERS.finish()
    assert 0.05 < seconds(1, "second") < 5


def test_what_lags_is_told_everything_in_order(watcher: Any, models: Any) -> None:
    module = watcher("time.sleep(0.01)", "ObserverLimits(per_fit=0)")
    for n in range(100):
        publish(event(str(n)))
    assert len(module().SEEN) < 100
    assert OBSERVERS.finish()
    assert [e.run_id for e in module().SEEN] == [str(n) for n in range(100)]
    assert rejected(models) == []


def test_after_it_has_caught_up_it_is_waited_for_again(watcher: Any) -> None:
    module = watcher("len(SEEN) or GO_ON.wait(60)", "ObserverLimits(per_fit=1)")
    publish(event("a"))
    publish(event("b"))
    assert module().SEEN == []
    module().GO_ON.set()
    assert OBSERVERS.finish()
    publish(event("c"))
    assert [e.run_id for e in module().SEEN] == ["a", "b", "c"]


# --- cut off --------------------------------------------------------------------------------


def test_what_is_too_far_behind_is_cut_off_and_reported_once(watcher: Any, models: Any) -> None:
    module = watcher(STUCK, "ObserverLimits(per_fit=0.05, behind=0.3)")
    publish(event())
    time.sleep(0.4)
    for _ in range(5):
        publish(event())
    (told,) = rejected(models)
    assert (told.plugin, told.distribution) == ("watcher", "acme-watch")
    assert told.code == "observer_too_slow"
    for part in ("it may be 0.3 s behind", "cvn_event was asked for", "CVN_PLUGINS_BLOCK=watcher"):
        assert part in told.message
    module().GO_ON.set()
    time.sleep(0.1)
    assert len(module().SEEN) == 1, "the call in hand, and none after it"


def test_a_flood_that_it_cannot_take_is_cut_off_and_not_kept_in_memory(
    watcher: Any, models: Any
) -> None:
    watcher(STUCK, "ObserverLimits(per_fit=0)")
    seconds(isolation.MOST_CALLS + 50)
    (told,) = rejected(models)
    assert told.code == "observer_too_slow"
    assert "1000 calls may wait for it" in told.message
    (observer,) = (o for o in OBSERVERS._loaded() if o.record.name == "watcher")
    assert not observer._calls


def test_who_waits_for_an_observer_that_is_cut_off_is_let_go(watcher: Any) -> None:
    module = watcher(STUCK, "ObserverLimits(per_fit=50, behind=0.1)")
    waits = [threading.Thread(target=seconds, args=(1, run)) for run in ("a", "b")]
    for thread in waits:
        thread.start()
        time.sleep(0.3)
    publish(event("c"))
    for thread in waits:
        thread.join(10)
        assert not thread.is_alive()
    assert module().SEEN == []


def test_what_was_found_of_an_observer_is_told_though_it_is_refreshed_away(
    watcher: Any, models: Any
) -> None:
    watcher(f"{STUCK}; raise ValueError", "ObserverLimits(per_fit=0)")
    publish(event("a"))
    (observer,) = (o for o in OBSERVERS._loaded() if o.record.name == "watcher")
    sys.modules["acme_watch"].GO_ON.set()
    assert observer.finish(time.monotonic() + 10)
    OBSERVERS.refresh()
    assert [e.code for e in rejected(models)] == ["ValueError"]


@pytest.mark.skipif(not hasattr(time, "pthread_getcpuclockid"), reason="no clock of a thread")
def test_one_that_computes_too_long_gives_way_until_it_has_caught_up(watcher: Any) -> None:
    usual = sys.getswitchinterval()
    module = watcher("while not GO_ON.is_set(): pass", LIMITS)
    assert seconds(1) < 5
    assert sys.getswitchinterval() == pytest.approx(contention.SWITCH_S)
    if sys.platform == "linux":
        (thread,) = (t for t in threading.enumerate() if t.name == "cvn-observer-watcher")
        assert thread.native_id is not None
        ours = os.getpriority(os.PRIO_PROCESS, 0)
        lower = min(19, ours + contention.NICENESS)
        assert os.getpriority(os.PRIO_PROCESS, thread.native_id) == lower, (
            "it is that thread's alone"
        )
    module().GO_ON.set()
    assert OBSERVERS.finish()
    assert sys.getswitchinterval() == usual


@pytest.mark.skipif(not hasattr(time, "pthread_getcpuclockid"), reason="no clock of a thread")
def test_one_that_begins_to_compute_when_nobody_waits_any_more_gives_way(watcher: Any) -> None:
    usual = sys.getswitchinterval()
    body = f"{STUCK} if not SEEN else time.sleep(0)\n    while len(SEEN) == 1 and BUSY: pass"
    module = watcher(f"global BUSY; BUSY = globals().get('BUSY', True); {body}", LIMITS)
    publish(event())
    assert sys.getswitchinterval() == usual, "what waits hinders nobody"
    publish(event())
    module().GO_ON.set()
    deadline = time.monotonic() + 30
    while sys.getswitchinterval() == usual and time.monotonic() < deadline:
        time.sleep(0.01)
        publish(event())
    assert sys.getswitchinterval() == pytest.approx(contention.SWITCH_S)
    module().BUSY = False
    assert OBSERVERS.finish()
    assert sys.getswitchinterval() == usual


@pytest.mark.skipif(not hasattr(time, "pthread_getcpuclockid"), reason="no clock of a thread")
@pytest.mark.parametrize("chosen", [1e-7, 0.02], ids=["shorter than ours", "set meanwhile"])
def test_an_interval_that_an_application_chose_stays(watcher: Any, chosen: float) -> None:
    usual = sys.getswitchinterval()
    module = watcher("while not GO_ON.is_set(): pass", LIMITS)
    try:
        if chosen < usual:
            sys.setswitchinterval(chosen)
        publish(event())
        sys.setswitchinterval(chosen)
        module().GO_ON.set()
        assert OBSERVERS.finish()
        assert sys.getswitchinterval() == pytest.approx(chosen, abs=1e-6)
    finally:
        sys.setswitchinterval(usual)


@pytest.mark.skipif(not hasattr(time, "pthread_getcpuclockid"), reason="no clock of a thread")
def test_one_that_was_cut_off_and_computes_gives_way(watcher: Any, models: Any) -> None:
    usual = sys.getswitchinterval()
    body = f"{STUCK}\n    while not globals().get('DONE'): pass"
    module = watcher(body, "ObserverLimits(per_fit=0, behind=0.01)")
    publish(event())
    time.sleep(0.05)
    publish(event())
    assert [e.code for e in rejected(models)] == ["observer_too_slow"]
    assert sys.getswitchinterval() == usual
    module().GO_ON.set()
    deadline = time.monotonic() + 30
    while sys.getswitchinterval() == usual and time.monotonic() < deadline:
        time.sleep(0.01)
        publish(event())
    assert sys.getswitchinterval() == pytest.approx(contention.SWITCH_S)
    module().DONE = True
    while sys.getswitchinterval() != usual and time.monotonic() < deadline:
        time.sleep(0.01)
    assert sys.getswitchinterval() == usual


def test_what_a_thread_does_unseen_is_shown_to_nobody(watcher: Any, models: Any) -> None:
    module = watcher("pass")
    publish(event("a"))
    with OBSERVERS.unseen():
        publish(event("b"))
        with OBSERVERS.unseen():
            publish(event("c"))
        publish(event("d"))
    publish(event("e"))
    assert [e.run_id for e in module().SEEN] == ["a", "e"]
    assert [e.run_id for e in models.events] == ["a", "e"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_forked_child_has_none_of_its_parents_threads_to_get_past(watcher: Any) -> None:
    usual = sys.getswitchinterval()
    watcher("while not GO_ON.is_set(): pass", "ObserverLimits(per_fit=0.1)")
    publish(event())
    child = os.fork()
    if not child:
        os._exit(0 if sys.getswitchinterval() == usual else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert sys.getswitchinterval() == pytest.approx(contention.SWITCH_S)


def test_what_an_observer_causes_is_logged_and_shown_to_no_observer(
    watcher: Any, models: Any, caplog: pytest.LogCaptureFixture
) -> None:
    body = "from cvn_harness_core.events.log import publish; publish(event)"
    module = watcher(body)
    with caplog.at_level("INFO", logger="cvn_harness"):
        publish(event())
    assert len(module().SEEN) == len(models.events) == 1
    assert len(caplog.records) == 2
    assert rejected(models) == []


def test_an_observer_that_floods_the_log_is_stopped_and_reported_once(
    watcher: Any, models: Any, caplog: pytest.LogCaptureFixture
) -> None:
    module = watcher(
        "from cvn_harness_core.events.log import publish\n    while True: publish(event)",
        "ObserverLimits(per_fit=60)",
    )
    with caplog.at_level("INFO", logger="cvn_harness"):
        publish(event())
        publish(event())
    assert [e.code for e in rejected(models)] == ["observer_floods"]
    assert module().SEEN == []
    assert len(caplog.records) <= 3 * (isolation.MOST_CAUSED + 1) + 1


def test_an_observer_that_raises_and_then_hangs_is_reported_for_both(
    watcher: Any, models: Any
) -> None:
    body = "SEEN.append(0); len(SEEN) < 3 or GO_ON.wait(60); 1 / 0"
    watcher(body, "ObserverLimits(per_fit=0.1, behind=0.2)")
    seconds(4)
    time.sleep(0.3)
    seconds(2)
    assert [e.code for e in rejected(models)] == ["ZeroDivisionError", "observer_too_slow"]


def test_observers_whose_import_is_interrupted_are_let_go(
    models: Any, site: Any, interruptible: None
) -> None:
    source = SOURCE.format(limits="GO_ON.wait(60) and None", body="pass")
    site.add("acme-watch", GROUP, {"watcher": "acme_watch"}, acme_watch=source)
    OBSERVERS.refresh()
    threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        publish(event())
    sys.modules["acme_watch"].GO_ON.set()
    until = time.monotonic() + 30
    while any(t.name == "cvn-observer-watcher" for t in threading.enumerate()):
        assert time.monotonic() < until
        time.sleep(0.01)
    publish(event())
    assert len(sys.modules["acme_watch"].SEEN) == 1


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Ctrl-C raises KeyboardInterrupt here, also where a shell has this process ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


# --- loading --------------------------------------------------------------------------------


def test_an_import_that_hangs_is_waited_for_as_long_as_an_import_may_take(
    models: Any, site: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(isolation, "LOADS_WITHIN_S", 0.2)
    source = "import threading\nGO_ON = threading.Event()\nGO_ON.wait(60)\n"
    source += "from cvn_harness_core import hookimpl\nSEEN = []\n"
    source += "@hookimpl\ndef cvn_event(event): SEEN.append(event)\n"
    site.add("acme-watch", GROUP, {"a_watcher": "acme_watch"}, acme_watch=source)
    OBSERVERS.refresh()
    assert seconds(5) < 2
    module = sys.modules["acme_watch"]
    assert len(models.events) == 5
    module.GO_ON.set()
    assert OBSERVERS.finish()
    assert models.events == module.SEEN


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ("7", "cvn_observer_limits returned int, not ObserverLimits"),
        ("ObserverLimits(per_fit=-1)", "ObserverLimits.per_fit is -1"),
        ("ObserverLimits(behind='long')", "ObserverLimits.behind is 'long'"),
        ("ObserverLimits(events=['training_started'])", "ObserverLimits.events is ['training_"),
        ("ObserverLimits(events=('begun',))", "ObserverLimits.events names begun, of which"),
        ("1 / 0", "ZeroDivisionError"),
    ],
)
def test_limits_that_are_none_are_the_plugins_fault(
    limits: str, said: str, watcher: Any, models: Any
) -> None:
    module = watcher("pass", limits)
    seconds(2)
    (told,) = rejected(models)
    assert told.code == "plugin_contract"
    assert said in told.message
    assert module().SEEN == []


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -0.1, True, None, 100_000])
def test_a_limit_is_a_number_of_seconds(value: Any) -> None:
    with pytest.raises(PluginContractError, match="at_exit"):
        ObserverLimits(at_exit=value)


def test_a_removed_observer_is_gone_after_a_refresh(watcher: Any, models: Any, site: Any) -> None:
    import shutil

    module = watcher("pass")
    publish(event())
    (info,) = site.folder.glob("*.dist-info")
    shutil.rmtree(info)
    publish(event())
    assert len(module().SEEN) == 2
    OBSERVERS.refresh()
    publish(event())
    assert len(module().SEEN) == 2
    assert len(models.events) == 3


# --- the end of the process -----------------------------------------------------------------

ENDS = """
import json, sys, time
sys.path.insert(0, sys.argv[1])
from cvn_harness_core import configure_logging
from cvn_harness_core.events.log import publish
from cvn_harness_core.events.schema import ArtifactSaved
configure_logging("json")
for n in range(int(sys.argv[2])):
    publish(ArtifactSaved(path="/b", size_bytes=n, manifest_sha256="0"))
"""


@pytest.mark.parametrize(
    ("limits", "lost"),
    [("ObserverLimits(per_fit=0)", False), ("ObserverLimits(per_fit=0, at_exit=0.2)", True)],
)
def test_the_process_waits_at_its_end_as_long_as_declared(
    limits: str, lost: bool, site: Any, run_python: Any
) -> None:
    body = "time.sleep(0.1); print(event.size_bytes, flush=True)"
    source = SOURCE.format(limits=limits, body=body)
    site.add("acme-watch", GROUP, {"watcher": "acme_watch"}, acme_watch=source)
    done = run_python(ENDS, site.folder, 10)
    assert done.returncode == 0, done.stderr
    seen = [int(line) for line in done.stdout.split()]
    assert seen == list(range(len(seen)))
    told = [json.loads(line) for line in done.stderr.splitlines()]
    codes = [line["code"] for line in told if line["event"] == "plugin_rejected"]
    assert (len(seen) < 10, codes) == (lost, ["observer_too_slow"] if lost else [])


def test_a_process_whose_observer_hangs_ends(site: Any, run_python: Any) -> None:
    source = SOURCE.format(limits="ObserverLimits(at_exit=0.5)", body="time.sleep(3600)")
    site.add("acme-watch", GROUP, {"watcher": "acme_watch"}, acme_watch=source)
    started = time.monotonic()
    done = run_python(ENDS, site.folder, 3)
    assert done.returncode == 0, done.stderr
    assert time.monotonic() - started < 60
    assert done.stderr.count("observer_too_slow") == 1


FORKS = """
import os, sys
sys.path.insert(0, sys.argv[1])
from cvn_harness_core.events.log import OBSERVERS, publish
from cvn_harness_core.events.schema import ArtifactSaved
def say(n):
    publish(ArtifactSaved(path="/b", size_bytes=n, manifest_sha256="0"))
say(0)
if child := os.fork():
    assert os.waitpid(child, 0)[1] == 0
else:
    say(1)
    os._exit(0)
say(2)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_has_its_observers(site: Any, run_python: Any) -> None:
    source = SOURCE.format(limits="None", body="print(event.size_bytes, flush=True)")
    site.add("acme-watch", GROUP, {"watcher": "acme_watch"}, acme_watch=source)
    done = run_python(FORKS, site.folder)
    assert (done.returncode, done.stdout.split()) == (0, ["0", "1", "2"]), done.stderr


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_child_that_is_forked_during_an_import_has_its_observers(
    site: Any, run_python: Any
) -> None:
    limits = "time.sleep(1) or ObserverLimits(per_fit=30)"
    source = SOURCE.format(limits=limits, body="print(event.size_bytes, flush=True)")
    site.add("acme-watch", GROUP, {"watcher": "acme_watch"}, acme_watch=source)
    early = "from cvn_harness_core.plugins import isolation\nisolation.LOADS_WITHIN_S = 0.1\n"
    script = early + FORKS.replace("    os._exit", "    OBSERVERS.finish()\n    os._exit")
    done = run_python(script, site.folder)
    assert (done.returncode, sorted(done.stdout.split())) == (0, ["0", "1", "2"]), done.stderr


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_fault_that_nobody_was_told_of_is_told_by_the_parent_alone(
    site: Any, run_python: Any
) -> None:
    limits = "ObserverLimits(per_fit=0)"
    source = SOURCE.format(limits=limits, body="time.sleep(0.2)\n    raise ValueError")
    site.add("acme-watch", GROUP, {"watcher": "acme_watch"}, acme_watch=source)
    wait = "import time\nfrom cvn_harness_core import configure_logging\n"
    wait += "configure_logging('json')\ntime.sleep(1)\n"
    script = FORKS.replace("if child", f"{wait}if child")
    script = script.replace("    say(1)\n", "    OBSERVERS.finish()\n")
    done = run_python(script, site.folder)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("plugin_rejected") == 1, done.stderr
