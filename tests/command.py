"""The `cvn` command in this process: its imports are paid for once, not by every test."""

from __future__ import annotations

import io
import os
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path
from subprocess import CompletedProcess

import structlog

from cvn_orchestrator.cli import main

TRAIN = (
    "--label=label",
    "--time=date",
    "--label-end=label_end",
    "--returns=net_return",
    "--exclude=symbol",
)
"""What `cvn train` must be told of the demo's table."""


def cvn(*arguments: str | Path, cwd: Path, **env: str) -> CompletedProcess[str]:
    """Run `cvn` as a shell would, in a folder, with variables added to the environment."""
    given = [str(argument) for argument in arguments]
    out, err = io.StringIO(), io.StringIO()
    before = dict(os.environ)
    for name in [
        n for n in os.environ if n in ("CVN_RESULTS", "CVN_STORE") or n.startswith("CVN_HPO_")
    ]:
        del os.environ[name]
    os.environ.update(env)
    try:
        with chdir(cwd), redirect_stdout(out), redirect_stderr(err):
            code = main(given)
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else 1
    finally:
        os.environ.clear()
        os.environ.update(before)
        structlog.reset_defaults()
    return CompletedProcess(given, code, out.getvalue(), err.getvalue())
