"""Whose parameters these are: registered models and ensembles."""

from __future__ import annotations

from cvn_harness_core.harness.layers import Spec
from cvn_harness_core.plugins.registry import ENSEMBLE_REGISTRY, MODEL_REGISTRY


def spec_of(name: str) -> Spec:
    """Return the specification of a model or, where there is none of that name, an ensemble.

    Raises PluginError.
    """
    if name in ENSEMBLE_REGISTRY and name not in MODEL_REGISTRY:
        return ENSEMBLE_REGISTRY[name]
    return MODEL_REGISTRY[name]


def registered_names() -> list[str]:
    """Return every name that an installed plugin has, also of one that cannot be used."""
    records = (*MODEL_REGISTRY.records(), *ENSEMBLE_REGISTRY.records())
    return sorted({record.name for record in records})
