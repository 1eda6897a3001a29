"""A Hamilton node for each base of an ensemble: the driver is theirs as much as its own."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from functools import cache
from types import ModuleType
from typing import Any

from cvn_harness_core.artifact.trained import TrainedArtifact

TrainBase = Callable[[str], TrainedArtifact]


@cache
def base_nodes(names: tuple[str, ...]) -> ModuleType:
    """Return a module with a node ``baseNUMBER__NAME`` per base, and ``bases``, which gathers them.

    The name is there to be read; the number tells ``a-b`` from ``a_b``, which are one as a node's.
    """
    from hamilton.ad_hoc_utils import create_temporary_module

    readable = [re.sub(r"\W", "_", name) for name in names]
    nodes = {f"base{i}__{shown}": names[i - 1] for i, shown in enumerate(readable, start=1)}
    functions = [_base(node, name) for node, name in nodes.items()]
    module: ModuleType = create_temporary_module(*functions, _gather(nodes))
    return module


def _base(node: str, name: str) -> Callable[..., Any]:
    def train(train_base: TrainBase) -> TrainedArtifact:
        return train_base(name)

    return _as_node(train, node, {"train_base": Any}, TrainedArtifact)


def _gather(nodes: Mapping[str, str]) -> Callable[..., Any]:
    def bases(**found: TrainedArtifact) -> Mapping[str, TrainedArtifact]:
        return {name: found[node] for node, name in nodes.items()}

    kinds = dict.fromkeys(nodes, TrainedArtifact)
    return _as_node(bases, "bases", kinds, Mapping[str, TrainedArtifact])


def _as_node(
    function: Callable[..., Any], name: str, parameters: Mapping[str, Any], returned: Any
) -> Callable[..., Any]:
    """Give a function the name and the signature by which Hamilton knows a node."""
    function.__name__ = function.__qualname__ = name
    function.__annotations__ = {**parameters, "return": returned}
    kind = inspect.Parameter.KEYWORD_ONLY
    function.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [inspect.Parameter(n, kind, annotation=t) for n, t in parameters.items()],
        return_annotation=returned,
    )
    return function
