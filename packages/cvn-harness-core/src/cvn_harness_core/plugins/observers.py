"""Plugins that watch: whatever one of them does, no fit breaks and none waits beyond its bound."""

from __future__ import annotations

import atexit
import os
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pluggy

from cvn_harness_core.errors import PluginTooSlowError
from cvn_harness_core.plugins.discovery import discover
from cvn_harness_core.plugins.isolation import IsolatedObserver, within_observer
from cvn_harness_core.plugins.record import CONTRACT_VERSION, PluginRecord

_here = threading.local()


class Observers:
    """The plugins of the group ``cvn_harness.plugins.v1``, loaded at the first notification.

    Each is called on a thread of its own, within the ``ObserverLimits`` that it declares. When the
    process ends, those that lag are waited for, as long as they declare.

    Parameters
    ----------
    on_failure
        Called once for each observer that cannot be loaded or that raises, and once for each that
        is cut off. Always on the thread of one who notifies.
    discover
        Where records come from; by default the installed distributions.
    """

    def __init__(
        self,
        on_failure: Callable[[PluginRecord, BaseException], None],
        discover: Callable[[], tuple[PluginRecord, ...]] = discover,
    ) -> None:
        self._on_failure = on_failure
        self._discover = discover
        self._installed: tuple[IsolatedObserver, ...] | None = None
        self._own: dict[PluginRecord, pluggy.PluginManager] = {}
        self._reported: set[PluginRecord] = set()
        self._lock = threading.Lock()
        forked = weakref.WeakMethod(self._forked)
        os.register_at_fork(after_in_child=lambda: (method := forked()) and method())

    @contextmanager
    def including(self, name: str, observer: object) -> Iterator[None]:
        """Notify one more observer while this block runs: any object with ``hookimpl`` methods.

        It is called in place, on the thread that notifies: what it raises is reported as that of
        an installed one, but how long it takes is the caller's affair. Raises PluginContractError
        ``plugin_contract`` for hooks that do not fit their specification.
        """
        from cvn_harness_core.plugins.loading import register

        kind = type(observer)
        record = PluginRecord(
            name, "observer", "(this process)", "", f"{kind.__module__}:{kind.__qualname__}",
            "installed", CONTRACT_VERSION,
        )  # fmt: skip
        self._own = {**self._own, record: register(record, observer)}
        try:
            yield
        finally:
            self._own = {r: m for r, m in self._own.items() if r != record}

    @contextmanager
    def unseen(self) -> Iterator[None]:
        """Notify nobody of what this thread does in this block: a fit that only measures."""
        before, _here.unseen = getattr(_here, "unseen", False), True
        try:
            yield
        finally:
            _here.unseen = before

    def notify(self, hook: str, **arguments: Any) -> None:
        """Call one hook of every observer.

        What an observer itself causes, on its thread, is shown to none: it would never end.
        """
        if within_observer() or getattr(_here, "unseen", False):
            return
        run = getattr(arguments.get("event") or arguments.get("artifact"), "run_id", None)
        for observer in self._loaded():
            observer.tell(hook, run, arguments)
            self._take_faults(observer)
        for record, manager in self._own.items():
            try:
                getattr(manager.hook, hook)(**arguments)
            except KeyboardInterrupt:
                raise
            except BaseException as error:  # noqa: BLE001  an observer may raise anything
                self._report(record, error)

    def finish(self) -> bool:
        """Wait for observers that lag, as long as their ``at_exit``; return if all are done."""
        started = time.monotonic()
        installed = self._installed or ()
        done = [observer.finish(started + observer.limits.at_exit) for observer in installed]
        for observer in installed:
            self._take_faults(observer)
        return all(done)

    def refresh(self) -> None:
        """Forget what was found, loaded and reported, so that the next notification looks again."""
        with self._lock:
            installed, self._installed = self._installed or (), None
        for observer in installed:
            observer.end()
            self._take_faults(observer)
        self._reported = set()

    @property
    def at_exit(self) -> float:
        """How long, in seconds, the end of this process may wait for its observers."""
        return max((o.limits.at_exit for o in self._installed or ()), default=0.0)

    def _loaded(self) -> tuple[IsolatedObserver, ...]:
        if self._installed is not None:
            return self._installed
        with self._lock:
            if self._installed is not None:  # another thread was first
                return self._installed
            found = [
                IsolatedObserver(record)
                for record in self._discover()
                if record.kind == "observer" and record.status != "blocked"
            ]
            try:
                for observer in found:
                    observer.load()
            except BaseException:  # Ctrl-C: they will be looked for again
                for observer in found:
                    observer.end()
                raise
            self._installed = installed = tuple(found)
        if installed:
            atexit.unregister(self._exit)  # it is there already after a refresh
            atexit.register(self._exit)
        for observer in installed:
            self._take_faults(observer)
        return installed

    def _take_faults(self, observer: IsolatedObserver) -> None:
        for error in observer.faults():
            self._report(observer.record, error)

    def _report(self, record: PluginRecord, error: BaseException) -> None:
        if isinstance(error, PluginTooSlowError):
            self._on_failure(record, error)
        elif record not in self._reported:
            self._reported.add(record)
            self._on_failure(record, error)

    def _exit(self) -> None:
        self.finish()
        for observer in self._installed or ():
            observer.end(f"the process ended, and waited {observer.limits.at_exit:g} s for it")
            self._take_faults(observer)

    def _forked(self) -> None:
        self._lock = threading.Lock()
        for observer in self._installed or ():
            observer.begin_afresh()
