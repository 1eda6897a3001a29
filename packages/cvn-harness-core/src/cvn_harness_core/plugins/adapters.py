"""The adapter behind a registered name: where a model's library is first imported."""

from __future__ import annotations

from cvn_harness_core.contracts.model import ModelAdapter
from cvn_harness_core.errors import PluginContractError
from cvn_harness_core.plugins.loading import call, describe
from cvn_harness_core.plugins.registry import MODEL_REGISTRY


def adapter_of(name: str) -> ModelAdapter:
    """Return the adapter of a registered model.

    Raises
    ------
    PluginError
        If the plugin cannot be used, its library is not installed, or it offers no adapter.
    """
    spec, record = MODEL_REGISTRY[name], MODEL_REGISTRY.record(name)
    adapter = call(record, "making its adapter", spec.adapter)
    if not isinstance(adapter, ModelAdapter):
        message = f"{describe(record)}: its adapter is a {type(adapter).__name__}, no ModelAdapter."
        raise PluginContractError("plugin_contract", message)
    return adapter
