"""A program in another process, where nothing is imported or trained yet."""

from __future__ import annotations

import os
import subprocess
import sys

from cvn_harness_core.testing.verdict import require


def run_python(program: str, *arguments: object) -> str:
    """Return what a program prints in a fresh interpreter that imports from where this one does."""
    done = subprocess.run(  # noqa: S603  one of the kit's own programs
        [sys.executable, "-c", program, *map(str, arguments)],
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
