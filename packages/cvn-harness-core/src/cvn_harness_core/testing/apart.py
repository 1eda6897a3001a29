"""The checks in a process apart: a plugin that ends its process fails the check under way.

As a module it is that process: ``python -m cvn_harness_core.testing.apart DESCRIPTOR``.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from multiprocessing.connection import Connection, Pipe
from typing import Any, Literal

from cvn_harness_core import errors
from cvn_harness_core.errors import HarnessError
from cvn_harness_core.plugins.registry import ENSEMBLE_REGISTRY, MODEL_REGISTRY
from cvn_harness_core.testing.report import CheckResult, Report

_MODULE = "cvn_harness_core.testing.apart"
Message = dict[str, Any]
"""``begun``: name and line of a check; ``told``: a result; ``done``: all; ``refused``: an error."""


def check_apart(
    kind: Literal["model", "ensemble"],
    name: str,
    *,
    only: Sequence[str] = (),
    told: Callable[[CheckResult], None],
    before: Callable[[], None] | None = None,
) -> Report:
    """Check an installed plugin as ``check_model`` and ``check_ensemble`` do, in another process.

    Without a verdict of that process there is a failed check in the report: the one under way.

    Parameters
    ----------
    told
        Called with each result as it is known, in this process.
    before
        Called in the new process before it is Python.
    """
    registry = MODEL_REGISTRY if kind == "model" else ENSEMBLE_REGISTRY
    record = registry.record(name)
    results: list[CheckResult] = []
    check, about = "registration", "The plugin is found and loaded"
    ours, theirs = Pipe()
    process = subprocess.Popen(  # noqa: S603
        [sys.executable, "-P", "-m", _MODULE, str(theirs.fileno())],
        pass_fds=(theirs.fileno(),),
        preexec_fn=before,  # noqa: PLW1509
    )
    theirs.close()
    try:
        for message in _messages(ours, [sys.path, kind, name, list(only)]):
            if "begun" in message:
                check, about = message["begun"]
            elif "told" in message:
                results.append(CheckResult(**message["told"]))
                told(results[-1])
            elif "refused" in message:
                raise getattr(errors, message["refused"])(message["code"], message["said"])
            else:
                results = [CheckResult(**result) for result in message["done"]]
                break
        else:
            results.append(_ended(check, about, process.wait()))
            told(results[-1])
    finally:
        process.kill()
        process.wait()
        ours.close()
    return Report(name, kind, record.distribution, record.version, tuple(results))


def _messages(connection: Connection, asked: list[Any]) -> Iterator[Message]:
    """Yield what the other process says, until it says no more."""
    try:
        connection.send_bytes(json.dumps(asked).encode())
        while True:
            yield json.loads(connection.recv_bytes())
    except (EOFError, OSError):
        return


def _ended(name: str, about: str, code: int) -> CheckResult:
    how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
    return CheckResult(
        name,
        about,
        "failed",
        0.0,
        expected="a verdict",
        seen=f"the process ended within this check ({how})",
        mend="let no code of the plugin end its process: raise an exception",
    )


def main() -> None:
    """Check what is asked for, and say how it goes."""
    from cvn_harness_core.testing.ensemble_subject import EnsembleUnderTest
    from cvn_harness_core.testing.model_subject import ModelUnderTest
    from cvn_harness_core.testing.running import checked

    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C is the other process's to tell
    descriptor = int(sys.argv[1])
    os.set_inheritable(descriptor, False)  # noqa: FBT003
    connection = Connection(descriptor)
    sys.path[:], kind, name, only = json.loads(connection.recv_bytes())

    def say(what: str, value: object, **more: str) -> None:
        connection.send_bytes(json.dumps({what: value, **more}).encode())

    try:
        report = checked(
            ModelUnderTest(name) if kind == "model" else EnsembleUnderTest(name, {}),
            only,
            lambda result: say("told", asdict(result)),
            lambda check: say("begun", [check.name, check.about]),
        )
    except HarnessError as error:
        say("refused", type(error).__name__, code=error.code, said=str(error))
        return
    say("done", [asdict(result) for result in report.results])


if __name__ == "__main__":
    main()
