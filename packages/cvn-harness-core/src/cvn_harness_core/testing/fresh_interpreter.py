"""A program in another process, where nothing is imported or trained yet."""

from __future__ import annotations

import os
import subprocess
import sys

from cvn_harness_core.testing.verdict import require

_APART = """
import functools, os, sys
print = functools.partial(print, file=os.fdopen(os.dup(1), "w"), flush=True)
os.dup2(2, 1)
exec(sys.argv.pop(1))
"""
"""Runs a program whose own ``print`` alone leads to standard output: plugins print, too."""


def run_python(program: str, *arguments: object) -> str:
    """Return what a program prints in a fresh interpreter that imports from where this one does.

    What the plugins that it uses print is not among it.
    """
    done = subprocess.run(  # noqa: S603  one of the kit's own programs
        [sys.executable, "-c", _APART, program, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        check=False,
    )
    require(
        done.returncode == 0,
        "a fresh interpreter to do it too",
        done.stderr,
        "mend what it raises there",
    )
    return done.stdout
