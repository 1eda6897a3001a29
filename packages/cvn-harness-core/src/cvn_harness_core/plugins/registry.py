"""The registries: ordinary mappings from a name to a specification, loaded when asked for."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Generic, TypeVar

from cvn_harness_core.errors import PluginContractError, PluginError, PluginNotInstalledError
from cvn_harness_core.plugins.discovery import discover
from cvn_harness_core.plugins.record import Kind, PluginRecord

if TYPE_CHECKING:
    from cvn_harness_core.contracts.ensemble import EnsembleSpec
    from cvn_harness_core.contracts.model import ModelSpec
    from cvn_harness_core.contracts.theta import ThetaRule

SpecT = TypeVar("SpecT")

_INSTALL = {
    "model": "pip install cvn-model-{name}",
    "ensemble": "pip install cvn-ensembles",
    "theta-rule": "pip install cvn-theta-{name}",
}


class PluginRegistry(Mapping[str, SpecT], Generic[SpecT]):
    """The plugins of one kind by name.

    Listing (``list(registry)``, ``in``, ``len``) imports nothing. ``registry[name]`` imports that
    one plugin, once. A name that cannot be used raises a ``PluginError`` that says why; one that
    nobody offers raises ``PluginNotInstalledError``, which is a ``KeyError``.

    Parameters
    ----------
    kind
        ``"model"``, ``"ensemble"`` or ``"theta-rule"``.
    hook
        The hook that returns the specification.
    discover
        Where records come from; by default the installed distributions.
    """

    def __init__(
        self,
        kind: Kind,
        hook: str,
        discover: Callable[[], tuple[PluginRecord, ...]] = discover,
    ) -> None:
        self._kind = kind
        self._hook = hook
        self._discover = discover
        self._records: tuple[PluginRecord, ...] | None = None
        self._specs: dict[str, SpecT] = {}

    def records(self) -> tuple[PluginRecord, ...]:
        """Return every plugin of this kind, the unusable ones with their reasons."""
        if self._records is None:
            self._records = tuple(r for r in self._discover() if r.kind == self._kind)
        return self._records

    def record(self, name: str) -> PluginRecord:
        """Return the record that ``self[name]`` loads; raise PluginNotInstalledError if none."""
        named = [r for r in self.records() if r.name == name]
        if not named:
            raise self._not_installed(name)
        return next((r for r in named if r.status == "available"), named[0])

    def refresh(self) -> None:
        """Forget what was found and loaded, so that the next use looks again.

        That is for plugins installed or removed while this process runs. A module that Python has
        imported stays as it is: a new version of it needs a new process.
        """
        self._records = None
        self._specs.clear()

    def __iter__(self) -> Iterator[str]:
        return iter(sorted({r.name for r in self.records() if r.status == "available"}))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __contains__(self, name: object) -> bool:
        return any(r.name == name and r.status == "available" for r in self.records())

    def __getitem__(self, name: str) -> SpecT:
        if name not in self._specs:
            record = self.record(name)
            try:
                self._specs[name] = self.load(record)
            except PluginError as error:
                from cvn_harness_core.events.log import plugin_rejected

                plugin_rejected(record, error)
                raise
        return self._specs[name]

    def __repr__(self) -> str:
        return f"<{self._kind} registry: {', '.join(self) or 'empty'}>"

    def load(self, record: PluginRecord) -> SpecT:
        """Import what a record names and return its specification, which is kept nowhere.

        Raises PluginError, and tells no observer.
        """
        from cvn_harness_core.plugins.loading import call, describe, load

        offers = call(record, self._hook, getattr(load(record).hook, self._hook))
        who = describe(record)
        if len(offers) != 1:
            message = (
                f"{who} has {len(offers)} implementations of {self._hook}; its module needs "
                f"exactly one function of that name marked @hookimpl."
            )
            raise PluginContractError("plugin_contract", message)
        spec: SpecT = offers[0]
        fault = _fault(self._kind, spec)
        if fault is not None:
            message = f"{who}: {self._hook} returned {fault}."
            raise PluginContractError("plugin_contract", message)
        name = getattr(spec, "name", None)
        if name != record.name:
            message = f"{who} calls itself {name!r}; use the entry point's name in both places."
            raise PluginContractError("plugin_contract", message)
        return spec

    def _not_installed(self, name: str) -> PluginNotInstalledError:
        near = difflib.get_close_matches(str(name), list(self), n=1)
        install = _INSTALL.get(self._kind, "").format(name=name)
        others = [f"the {r.kind} of {r.distribution}" for r in self._discover() if r.name == name]
        if others:
            hint = f"What is called so is {' and '.join(others)}. "
        else:
            hint = f"Did you mean {near[0]!r}? " if near else ""
        message = (
            f"no installed package offers the {self._kind} {name!r}. {hint}"
            f"Installed: {', '.join(self) or 'none'}."
        )
        if not others:
            message += f" To install it: {install}"
        return PluginNotInstalledError("plugin_not_installed", message)


def _fault(kind: Kind, spec: object) -> str | None:
    """Return what is wrong with what a hook returned, if anything is."""
    from cvn_harness_core.contracts.ensemble import EnsembleSpec
    from cvn_harness_core.contracts.model import ModelSpec
    from cvn_harness_core.contracts.theta import ThetaRule
    from cvn_harness_core.store.typed_text import is_record

    if kind == "theta-rule":
        rule = isinstance(spec, ThetaRule) and is_record(spec)
        what = "a frozen dataclass with a name and decide(evidence)"
        return None if rule else f"{spec!r}, not {what}"
    expected = ModelSpec if kind == "model" else EnsembleSpec
    if isinstance(spec, expected):
        return None
    return f"{type(spec).__name__}, not {expected.__name__}"


MODEL_REGISTRY: PluginRegistry[ModelSpec] = PluginRegistry("model", "cvn_model")
"""The installed models, by name."""

ENSEMBLE_REGISTRY: PluginRegistry[EnsembleSpec] = PluginRegistry("ensemble", "cvn_ensemble")
"""The installed ensembles, by name."""

THETA_REGISTRY: PluginRegistry[ThetaRule] = PluginRegistry("theta-rule", "cvn_theta_rule")
"""The installed theta rules, by name; the core's own are classes, and not among them."""
