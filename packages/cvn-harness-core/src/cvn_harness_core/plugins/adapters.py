"""The adapter behind a registered name: where a plugin's library is first imported."""

from __future__ import annotations

from typing import Literal

from cvn_harness_core.artifact.ensemble import EnsembleAdapter
from cvn_harness_core.contracts.ensemble import Combiner, EnsembleSpec
from cvn_harness_core.contracts.model import ModelAdapter, ModelSpec
from cvn_harness_core.errors import PluginContractError
from cvn_harness_core.plugins.loading import call, describe
from cvn_harness_core.plugins.record import PluginRecord
from cvn_harness_core.plugins.registry import ENSEMBLE_REGISTRY, MODEL_REGISTRY

Kind = Literal["model", "ensemble"]


def adapter_of(name: str, kind: Kind = "model") -> ModelAdapter:
    """Return the adapter of a registered model or ensemble.

    Raises
    ------
    PluginError
        If the plugin cannot be used, its library is not installed, or it offers no adapter.
    """
    if kind == "ensemble":
        return EnsembleAdapter(combiner_of(name))
    return adapter_from(MODEL_REGISTRY[name], MODEL_REGISTRY.record(name))


def combiner_of(name: str) -> Combiner:
    """Return the combiner of a registered ensemble; raise as ``adapter_of``."""
    return combiner_from(ENSEMBLE_REGISTRY[name], ENSEMBLE_REGISTRY.record(name))


def adapter_from(spec: ModelSpec, record: PluginRecord) -> ModelAdapter:
    """Return the adapter that a record's specification makes; raise as ``adapter_of``."""
    adapter = call(record, "making its adapter", spec.adapter)
    if not isinstance(adapter, ModelAdapter):
        message = f"{describe(record)}: its adapter is a {type(adapter).__name__}, no ModelAdapter."
        raise PluginContractError("plugin_contract", message)
    return adapter


def combiner_from(spec: EnsembleSpec, record: PluginRecord) -> Combiner:
    """Return the combiner that a record's specification makes; raise as ``adapter_of``."""
    combiner = call(record, "making its combiner", spec.combiner)
    if not isinstance(combiner, Combiner):
        message = f"{describe(record)}: its combiner is a {type(combiner).__name__}, no Combiner."
        raise PluginContractError("plugin_contract", message)
    return combiner


def file_name_of(name: str, kind: Kind) -> str:
    """Return the name of the native file in a bundle."""
    spec = MODEL_REGISTRY[name] if kind == "model" else ENSEMBLE_REGISTRY[name]
    return spec.file_name
