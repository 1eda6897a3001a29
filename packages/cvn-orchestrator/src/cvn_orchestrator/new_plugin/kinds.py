"""The kinds of plugin that a package can be made for, and what differs between them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

CORE = "cvn-harness-core>=0.1,<1"


@dataclass(frozen=True)
class Kind:
    """A kind of plugin.

    Parameters
    ----------
    name
        As in ``cvn plugins`` and in the folder of its templates.
    prefix
        Of its distributions.
    group
        Of its entry points.
    does
        What a new one does, in words, after its name.
    dependencies
        What a new one needs.
    rivals
        The kinds with which it shares names.
    checked
        Whether ``cvn check`` has a contract for it.
    """

    name: str
    prefix: str
    group: str
    does: str
    dependencies: tuple[str, ...]
    rivals: frozenset[str]
    checked: bool = False


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        kind.name: kind
        for kind in (
            Kind(
                "model",
                "cvn-model-",
                "cvn_harness.models.v1",
                "gradient boosting of histograms by scikit-learn",
                (CORE, "numpy>=1.26", "scikit-learn>=1.6", "skops>=0.11", "threadpoolctl>=3.1"),
                frozenset({"model", "ensemble"}),
                checked=True,
            ),
            Kind(
                "ensemble",
                "cvn-ensemble-",
                "cvn_harness.ensembles.v1",
                "a mean of models, each weighed by how small its errors are",
                (CORE, "cvn-model-catboost>=0.1,<1", "cvn-model-lightgbm>=0.1,<1", "numpy>=1.26"),
                frozenset({"model", "ensemble"}),
                checked=True,
            ),
            Kind(
                "observer",
                "cvn-observer-",
                "cvn_harness.plugins.v1",
                "a line in a file for each event, bundle, cell and sweep",
                (CORE,),
                frozenset({"observer"}),
            ),
            Kind(
                "theta-rule",
                "cvn-theta-",
                "cvn_harness.theta.v1",
                "a threshold that buys a fixed share of rows, if that pays",
                (CORE,),
                frozenset({"theta-rule"}),
            ),
        )
    }
)
"""Every kind, by name."""
