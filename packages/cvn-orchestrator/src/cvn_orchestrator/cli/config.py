"""What is configured outside the command line: a database, a file, the environment."""

from __future__ import annotations

import argparse
import os
import sys

from cvn_harness_core import ParamConfig, read_config, space_text, unclaimed_variables


def config_of(arguments: argparse.Namespace, name: str) -> ParamConfig:
    """Return the configuration of one model or ensemble; raises as ``read_config``."""
    return read_config(name, toml=arguments.config, environ=os.environ, sql=arguments.config_sql)


def note_environment(*names: str) -> None:
    """Say on standard error what variables set, and which are of nobody that is installed."""
    for name in names:
        found = read_config(name, environ=os.environ)
        said = {
            **{param: f"is {value}" for param, value in found.values.items()},
            **{param: f"is searched over {space_text(d)}" for param, d in found.space.items()},
        }
        for param, what in said.items():
            print(f"cvn: note: {name}: {param} {what} by {found.origins[param]}", file=sys.stderr)
    for variable in unclaimed_variables(os.environ):
        print(
            f"cvn: note: {variable} begins with the name of no installed plugin and is ignored",
            file=sys.stderr,
        )
