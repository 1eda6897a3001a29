"""One observer on a thread of its own, so that whoever calls it waits no longer than declared.

A call is handed to the thread, and its caller waits for the end of it: a quick observer is as good
as called in place. For one that is slow nobody waits beyond its bound; calls queue up for it, in
order, and if it lags too far it is cut off. A thread cannot be stopped from outside: what hangs in
a call is left alone with it, on a thread that ends with the process; one that computes there is had
to give way to the others.
"""

from __future__ import annotations

import os
import threading
import time
from _thread import allocate_lock
from collections import OrderedDict, deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

import pluggy

from cvn_harness_core.contracts.observer import ObserverLimits
from cvn_harness_core.errors import PluginContractError, PluginTooSlowError
from cvn_harness_core.events.schema import EVENTS
from cvn_harness_core.plugins.contention import caught_up, give_way, processor_s
from cvn_harness_core.plugins.loading import call, describe, load
from cvn_harness_core.plugins.record import PluginRecord

LOADS_WITHIN_S = 5.0
"""How long the first notification waits for the import of an observer."""
MOST_CALLS = 1000
"""How many calls may wait for an observer; each holds in memory what it tells of."""
MOST_CAUSED = 1000
"""How many events an observer may cause in one call."""
_COMPUTES_S, _COMPUTES_SHARE = 0.02, 0.05
"""How much processor time a call must have used to be known as one that computes: seconds, and a
share of the time. On a busy machine that is little of it; what waits uses none.
"""
_RUNS = 64
_here = threading.local()


def within_observer() -> bool:
    """Return whether this is the thread of an observer."""
    return getattr(_here, "observer", False)


def count_caused() -> None:
    """Count an event that an observer causes on its thread.

    Raises PluginContractError ``observer_floods`` in the observer if it causes too many in a call.
    """
    _here.caused += 1
    if _here.caused > MOST_CAUSED:
        message = f"one call of an observer may cause {MOST_CAUSED} events, and this one goes on."
        raise PluginContractError("observer_floods", message)


def limits_of(record: PluginRecord, manager: pluggy.PluginManager) -> ObserverLimits:
    """Return what an observer declares, or the defaults; raise PluginError if it is neither."""
    limits = call(record, "cvn_observer_limits", manager.hook.cvn_observer_limits)
    if limits is None:
        return ObserverLimits()
    if not isinstance(limits, ObserverLimits):
        kind = type(limits).__name__
        message = f"{describe(record)}: cvn_observer_limits returned {kind}, not ObserverLimits."
        raise PluginContractError("plugin_contract", message)
    if unknown := sorted(set(limits.events or ()) - set(EVENTS)):
        message = (
            f"{describe(record)}: ObserverLimits.events names {', '.join(unknown)}, of which there "
            f"is no event; there are {', '.join(EVENTS)}."
        )
        raise PluginContractError("plugin_contract", message)
    return limits


@dataclass(eq=False)
class _Call:
    what: str
    function: Callable[[], object]
    made: float = field(default_factory=time.monotonic)
    done: Lock = field(default_factory=allocate_lock)
    """Held until it is. Handing over with a ``threading.Event`` takes half as long again."""

    def __post_init__(self) -> None:
        self.done.acquire()

    def finish(self) -> None:
        """Let go who waits for it."""
        with suppress(RuntimeError):  # done before
            self.done.release()


class IsolatedObserver:
    """See the module. What goes wrong is kept until a caller takes it with ``faults``.

    Parameters
    ----------
    record
        The plugin; ``load`` imports it, on its thread.
    """

    def __init__(self, record: PluginRecord) -> None:
        self.record = record
        self.limits = ObserverLimits()
        self._manager: pluggy.PluginManager | None = None
        self._waited: OrderedDict[str | None, float] = OrderedDict()
        self._ended = False
        self.begin_afresh()

    def begin_afresh(self) -> None:
        """Forget the thread and its calls, which in a forked child are its parent's to finish.

        Faults likewise are the parent's to tell, and an import that was under way is begun anew.
        """
        self._changed = threading.Condition(threading.Lock())
        self._calls: deque[_Call] = deque()
        self._thread: threading.Thread | None = None
        self._faults: deque[BaseException] = deque()
        self._behind = False
        self._begun = 0.0, 0.0
        self._alive = False

    def load(self) -> None:
        """Import the plugin; wait for that ``LOADS_WITHIN_S`` at most."""
        self._wait(self._put(_Call("import", self._load)), LOADS_WITHIN_S)

    def tell(self, hook: str, run: str | None, arguments: dict[str, Any]) -> None:
        """Call a hook; wait for it as long as this run may still wait for this observer."""
        if not self._listens(hook, arguments):
            return
        made = self._put(_Call(hook, lambda: self._call(hook, arguments)))
        if self._behind or self._ended:
            self._give_way()
        if made is None or self._behind:
            return
        waited, started = self._waited.pop(run, 0.0), time.monotonic()
        try:
            self._wait(made, self.limits.per_fit - waited)
        finally:
            self._waited[run] = waited + time.monotonic() - started
            if len(self._waited) > _RUNS:
                self._waited.popitem(last=False)

    def finish(self, deadline: float) -> bool:
        """Wait until it has caught up, or until so late; return whether it has."""
        with self._changed:
            while self._calls and (left := deadline - time.monotonic()) > 0:
                self._changed.wait(left)
            return not self._calls

    def end(self, why: str | None = None) -> None:
        """Call it no more; that is a fault if it was not done and there is a reason to tell."""
        with self._changed:
            if self._calls and why:
                self._cut_off(why)
            self._call_no_more()

    def faults(self) -> list[BaseException]:
        """Return what went wrong since this was asked last."""
        found = []
        while self._faults:
            found.append(self._faults.popleft())
        return found

    def _listens(self, hook: str, arguments: dict[str, Any]) -> bool:
        if self._manager and not getattr(self._manager.hook, hook).get_hookimpls():
            return False
        switches = self.limits.variables
        if switches is not None and not any(os.environ.get(name, "").strip() for name in switches):
            return False
        wanted = self.limits.events
        return hook != "cvn_event" or wanted is None or arguments["event"].event in wanted

    def _put(self, made: _Call) -> _Call | None:
        """Queue a call and return it; None if the observer is called no more."""
        with self._changed:
            if self._calls and made.made - self._calls[0].made > self.limits.behind:
                self._cut_off(f"it may be {self.limits.behind:g} s behind")
            elif len(self._calls) >= MOST_CALLS:
                self._cut_off(f"{MOST_CALLS} calls may wait for it")
            if self._ended:
                return None
            if self._thread is None:
                name = f"cvn-observer-{self.record.name}"
                self._thread = threading.Thread(target=self._serve, name=name, daemon=True)
                try:
                    self._thread.start()
                except RuntimeError as error:  # no more threads, or the interpreter ends
                    self._faults.append(error)
                    self._ended = True
                    return None
                self._alive = True
                if self._manager is None and made.function != self._load:  # forked during it
                    self._calls.append(_Call("import", self._load))
            self._calls.append(made)
            self._changed.notify_all()
        return made

    def _wait(self, made: _Call | None, seconds: float) -> None:
        if made is not None and not made.done.acquire(timeout=max(0.0, seconds)):
            with self._changed:
                self._behind = bool(self._calls)
            self._give_way()

    def _give_way(self) -> None:
        """Have the thread hinder the others less if the call that it is in computes."""
        with self._changed:
            if not self._alive or self._thread is None or not (self._behind or self._ended):
                return
            at, used = self._begun
            spent, seconds = processor_s(self._thread), time.monotonic() - at
            if spent is not None and spent - used > max(_COMPUTES_S, _COMPUTES_SHARE * seconds):
                give_way(self._thread)

    def _cut_off(self, why: str) -> None:
        oldest, n = self._calls[0], len(self._calls)
        age = time.monotonic() - oldest.made
        message = (
            f"{describe(self.record)} was too slow and is told nothing more in this process: "
            f"{why}, and its {oldest.what} was asked for {age:.1f} s ago "
            f"({n} call{'s' if n > 1 else ''} unfinished). Nothing waited for it beyond "
            f"{self.limits.per_fit:g} s a training. Make it quicker, have it declare "
            f"cvn_observer_limits, or block it: CVN_PLUGINS_BLOCK={self.record.name}"
        )
        self._faults.append(PluginTooSlowError("observer_too_slow", message))
        self._call_no_more()

    def _call_no_more(self) -> None:
        """Drop what it has not done, and let go who waits for it."""
        self._ended = True
        for made in self._calls:
            made.finish()
        self._calls.clear()
        self._changed.notify_all()

    def _serve(self) -> None:
        _here.observer = True
        changed, calls = self._changed, self._calls
        while True:
            with changed:
                while not calls and not self._ended:
                    changed.wait()
                if self._ended:
                    self._alive = False
                    return
                made = calls[0]
            _here.caused = 0
            self._begun = time.monotonic(), time.thread_time()
            try:
                made.function()
            except BaseException as error:  # noqa: BLE001  an observer may raise anything
                self._faults.append(error)
                if self._manager is None:  # it could not be imported
                    self.end()
            with changed:
                if calls and calls[0] is made:
                    calls.popleft()
                if not calls:
                    self._behind = False
                caught_up(threading.current_thread())
                changed.notify_all()
            made.finish()

    def _load(self) -> None:
        manager = load(self.record)
        self.limits = limits_of(self.record, manager)
        self._manager = manager

    def _call(self, hook: str, arguments: dict[str, Any]) -> None:
        assert self._manager is not None
        if self._listens(hook, arguments):  # what it declares may not have been known before
            getattr(self._manager.hook, hook)(**arguments)
