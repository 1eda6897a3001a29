"""Plugins that watch: each is called on its own, and one that raises never breaks a fit."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pluggy

from cvn_harness_core.errors import PluginError
from cvn_harness_core.plugins.discovery import CONTRACT_VERSION, PluginRecord, discover


class Observers:
    """The plugins of the group ``cvn_harness.plugins.v1``, loaded at the first notification.

    Parameters
    ----------
    on_failure
        Called once for each observer that cannot be loaded or that raises.
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
        self._managers: dict[PluginRecord, pluggy.PluginManager] | None = None
        self._own: dict[PluginRecord, pluggy.PluginManager] = {}
        self._reported: set[PluginRecord] = set()
        self._lock = threading.Lock()

    @contextmanager
    def including(self, name: str, observer: object) -> Iterator[None]:
        """Notify one more observer while this block runs: any object with ``hookimpl`` methods.

        It is as isolated as an installed one. Raises PluginContractError ``plugin_contract`` for
        hooks that do not fit their specification.
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

    def notify(self, hook: str, **arguments: Any) -> None:
        """Call one hook of every observer."""
        for record, manager in {**self._loaded(), **self._own}.items():
            try:
                getattr(manager.hook, hook)(**arguments)
            except KeyboardInterrupt:
                raise
            except BaseException as error:  # noqa: BLE001  an observer may raise anything
                self._report(record, error)

    def _loaded(self) -> dict[PluginRecord, pluggy.PluginManager]:
        failed: list[tuple[PluginRecord, PluginError]] = []
        with self._lock:
            if self._managers is None:
                self._managers = self._load(failed)
        for record, failure in failed:
            self._report(record, failure)
        return self._managers

    def _load(
        self, failed: list[tuple[PluginRecord, PluginError]]
    ) -> dict[PluginRecord, pluggy.PluginManager]:
        from cvn_harness_core.plugins.loading import load

        managers = {}
        for record in (r for r in self._discover() if r.kind == "observer"):
            try:
                managers[record] = load(record)
            except PluginError as error:
                failed.append((record, error))
        return managers

    def _report(self, record: PluginRecord, error: BaseException) -> None:
        if record not in self._reported:
            self._reported.add(record)
            self._on_failure(record, error)
