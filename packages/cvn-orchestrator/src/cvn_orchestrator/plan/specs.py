"""The models and ensembles that a variant names, its bases included, found among the plugins."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cvn_harness_core import (
    ENSEMBLE_REGISTRY,
    MODEL_REGISTRY,
    EnsembleSpec,
    PluginError,
)
from cvn_orchestrator.plan.faults import Faults
from cvn_orchestrator.plan.parameters import Spec
from cvn_orchestrator.plan.positions import Key
from cvn_orchestrator.plan.sections import VariantSection


def specs_of(found: VariantSection, at: Key, faults: Faults) -> dict[str, Spec]:
    """Return the variant's own specification, then those of all bases; nothing after a fault."""
    if (found.model is None) == (found.ensemble is None):
        faults.add(at, 'name a model or an ensemble, one of the two, as model = "lightgbm"')
        return {}
    if found.ensemble is not None:
        return _with_bases(found.ensemble, found, at, faults)
    assert found.model is not None
    if found.bases is not None:
        faults.add((*at, "bases"), "bases belong to an ensemble, and this is a model")
    if found.model not in MODEL_REGISTRY and found.model in ENSEMBLE_REGISTRY:
        faults.add((*at, "model"), f"{found.model!r} is an ensemble; write ensemble = ...")
        return {}
    spec = _spec(found.model, (*at, "model"), MODEL_REGISTRY, faults)
    return {} if spec is None or found.bases is not None else {found.model: spec}


def _with_bases(name: str, found: VariantSection, at: Key, faults: Faults) -> dict[str, Spec]:
    if name not in ENSEMBLE_REGISTRY and name in MODEL_REGISTRY:
        faults.add((*at, "ensemble"), f"{name!r} is a model; write model = ...")
        return {}
    before = len(faults)
    own = _spec(name, (*at, "ensemble"), ENSEMBLE_REGISTRY, faults)
    if not isinstance(own, EnsembleSpec):
        return {}
    bases = bases_of(own, found)
    if not bases or len(set(bases)) < len(bases):
        faults.add((*at, "bases"), "name one base or more, each once")
    below = dict(_below(bases, (name,), (*at, "bases"), faults))
    return {} if len(faults) > before else {name: own, **below}


def bases_of(own: EnsembleSpec, found: VariantSection) -> tuple[str, ...]:
    """Return the bases that the plan names, else those that the ensemble declares."""
    return own.bases if found.bases is None else tuple(found.bases)


def _below(
    bases: tuple[str, ...], above: tuple[str, ...], at: Key, faults: Faults
) -> Iterator[tuple[str, Spec]]:
    for base in bases:
        if base in above:
            faults.add(at, f"ensembles contain one another: {' -> '.join((*above, base))}")
            continue
        registry = MODEL_REGISTRY if base in MODEL_REGISTRY else ENSEMBLE_REGISTRY
        if base not in registry:
            registry = MODEL_REGISTRY
        spec = _spec(base, at, registry, faults)
        if spec is not None:
            yield base, spec
        if isinstance(spec, EnsembleSpec):
            yield from _below(spec.bases, (*above, base), at, faults)


def _spec(name: str, at: Key, registry: Any, faults: Faults) -> Spec | None:
    try:
        spec: Spec = registry[name]
    except PluginError as error:
        faults.add(at, str(error))
        return None
    return spec
