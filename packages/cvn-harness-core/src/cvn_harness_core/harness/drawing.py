"""The picture of a model's training path."""

from __future__ import annotations

from types import ModuleType

from cvn_harness_core.harness.driver import driver_for
from cvn_harness_core.plugins.registry import ENSEMBLE_REGISTRY, MODEL_REGISTRY

_INPUT = {"style": "rounded,dashed", "color": "#888888", "fontcolor": "#555555"}
_SHARED = {"style": "rounded,filled", "fillcolor": "#dbe9f6", "color": "#4a78a8"}
_OWN = {"style": "rounded,filled", "fillcolor": "#fde5c8", "color": "#b8711a"}


def dag_dot(model_name: str) -> str:
    """Return the DAG of a registered model in Graphviz's DOT language.

    Shared nodes are blue, the model's own orange, inputs dashed. Needs the Python package
    ``graphviz`` (``pip install "cvn-harness-core[dag]"``), not the program. Raises PluginError if
    the model cannot be used.
    """
    from graphviz import Digraph

    dags, own = _nodes_of(model_name)
    picture = Digraph(
        model_name,
        graph_attr={"rankdir": "LR", "ranksep": "0.35", "nodesep": "0.15"},
        node_attr={"shape": "box", "fontname": "Helvetica", "fontsize": "11"},
        edge_attr={"color": "#999999", "arrowsize": "0.6"},
    )
    for variable in driver_for(dags).list_available_variables():
        look = _INPUT if variable.is_external_input else _SHARED
        kind = getattr(variable.type, "__name__", str(variable.type).rpartition(".")[2])
        picture.node(
            variable.name,
            label=f"{variable.name}\n{kind}",
            **(_OWN if variable.name in own and not variable.is_external_input else look),
        )
        for needed in sorted(variable.required_dependencies):
            picture.edge(needed, variable.name)
    source: str = picture.source
    return source


def _nodes_of(name: str) -> tuple[tuple[ModuleType, ...], set[str]]:
    """Return the modules laid over the shared nodes, and the names of those nodes."""
    if name in ENSEMBLE_REGISTRY and name not in MODEL_REGISTRY:
        from cvn_harness_core.harness.base_nodes import base_nodes
        from cvn_harness_core.nodes import ensemble

        spec = ENSEMBLE_REGISTRY[name]
        own = () if spec.dag is None else (spec.dag,)
        dags: tuple[ModuleType, ...] = (ensemble, base_nodes(spec.bases), *own)
    else:
        dag = MODEL_REGISTRY[name].dag
        dags = () if dag is None else (dag,)
    return dags, {node for module in dags for node in vars(module)}
