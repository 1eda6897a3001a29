"""What is configured outside the command line: a database, a file, the environment."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping

from cvn_harness_core import (
    ENSEMBLE_REGISTRY,
    MODEL_REGISTRY,
    HPOParams,
    ParamConfig,
    Resolution,
    read_config,
    resolve_parameters,
    space_text,
    unclaimed_variables,
)


def config_of(arguments: argparse.Namespace, name: str) -> ParamConfig:
    """Return the configuration of one model or ensemble; raises as ``read_config``."""
    return read_config(name, toml=arguments.config, environ=os.environ, sql=arguments.config_sql)


def note_environment(settings: Mapping[str, HPOParams]) -> None:
    """Say on standard error what variables do, and which are of nobody that is installed.

    ``settings`` are what will be trained, by the names of models and ensembles. Raises as
    ``resolve_parameters``.
    """
    for name, params in settings.items():
        spec = ENSEMBLE_REGISTRY[name] if name not in MODEL_REGISTRY else MODEL_REGISTRY[name]
        found, resolved = read_config(name, environ=os.environ), resolve_parameters(spec, params)
        for param in (*found.values, *found.space):
            said = _said(param, found, params, resolved)
            print(f"cvn: note: {name}: {said}", file=sys.stderr)
    for variable in unclaimed_variables(os.environ):
        print(
            f"cvn: note: {variable} begins with the name of no installed plugin and is ignored",
            file=sys.stderr,
        )


def _said(param: str, found: ParamConfig, params: HPOParams, resolved: Resolution) -> str:
    """Return what the variables of a parameter do, or what stands in their way."""
    origin, tried = found.origins[param], resolved.space.get(param)
    if param in found.values and tried is None and resolved.values[param].source == "config":
        return f"{param} is {found.values[param]} by {origin}"
    if param in found.space and tried == found.space[param]:
        return f"{param} is searched over {space_text(tried)} by {origin}"
    if tried is not None:
        why = f"{param} is searched over {space_text(tried)}"
    elif param in resolved.values and resolved.values[param].source == "user":
        why = f"{param} is {resolved.values[param].value}"
    elif not params.n_trials:
        why = "nothing of it is searched"
    else:
        why = f"{param} has none beside the other parameters"
    return f"{origin} is without effect: {why}"
