"""Which plugins can be used, by importing each in a process apart: it may crash, hang or exit.

As a module it is that process: ``python -m cvn_harness_core.plugins.examination DESCRIPTOR``.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection, Pipe

from cvn_harness_core.errors import PluginError
from cvn_harness_core.plugins.record import PluginRecord

_STARTS_WITHIN_S = 60.0
_MODULE = "cvn_harness_core.plugins.examination"
Answer = dict[str, str]
"""Empty for a sound plugin, else ``code``, ``message`` and what is ``missing``, or ``ended``;
``slow`` besides, where the time was up."""


def examine(records: Sequence[PluginRecord], *, seconds: float = 30.0) -> tuple[PluginRecord, ...]:
    """Return the records, those that are available judged by an import of each.

    A model's adapter, an ensemble's combiner and a theta rule are made, too: that is where a
    library comes in. Nothing is imported into this process.

    Parameters
    ----------
    seconds
        How long one plugin may take.
    """
    asked = [record for record in records if record.status == "available"]
    judged: list[PluginRecord] = []
    while len(judged) < len(asked):  # a process ends with the plugin that ends it
        rest = asked[len(judged) :]
        judged += [_judged(*pair) for pair in zip(rest, _answers(rest, seconds), strict=False)]
    found = dict(zip(asked, judged, strict=True))
    return tuple(found.get(record, record) for record in records)


def _answers(records: Sequence[PluginRecord], seconds: float) -> Iterator[Answer]:
    """Yield what becomes of one plugin after another, until one ends the process."""
    ours, theirs = Pipe()
    process = subprocess.Popen(  # noqa: S603
        [sys.executable, "-P", "-m", _MODULE, str(theirs.fileno())],
        pass_fds=(theirs.fileno(),),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    theirs.close()
    try:
        ours.send_bytes(json.dumps([sys.path, records]).encode())
        started = _answer(ours, process, _STARTS_WITHIN_S)
        if started:
            yield started
            return
        for _ in records:
            answer = _answer(ours, process, seconds)
            yield answer
            if "ended" in answer:
                return
    finally:
        process.kill()
        process.wait()
        ours.close()


def _answer(connection: Connection, process: subprocess.Popen[bytes], seconds: float) -> Answer:
    try:
        if connection.poll(seconds):
            answer: Answer = json.loads(connection.recv_bytes())
            return answer
    except (EOFError, OSError):
        code = process.wait()
        how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        return {"ended": f"importing it ended the process ({how})"}
    return {"ended": "", "slow": f"importing it took more than {seconds:g} s"}


def _judged(record: PluginRecord, answer: Answer) -> PluginRecord:
    if not answer:
        return record
    again = f"pip install --force-reinstall {record.distribution}"
    block = f"block it: CVN_PLUGINS_BLOCK={record.name}"
    if "missing" in answer:
        advice = f"{again}, which brings what it declares, or install {answer['missing']!r}"
        return record._replace(status="dependency_missing", error=answer["message"], advice=advice)
    if "slow" in answer:
        advice = (
            "have its author import libraries in the functions that use them and not with the "
            f"module, try again when the machine is idle, or {block}"
        )
        return record._replace(status="import_failed", error=answer["slow"], advice=advice)
    error = answer.get("ended") or answer["message"]
    if answer.get("code") == "plugin_contract":
        advice = f"pip install --upgrade {record.distribution}, tell its author, or {block}"
        return record._replace(status="contract", error=error, advice=advice)
    advice = f"{again}, tell its author, or {block}"
    return record._replace(status="import_failed", error=error, advice=advice)


def _try(record: PluginRecord) -> Answer:
    from cvn_harness_core.plugins import adapters
    from cvn_harness_core.plugins.isolation import limits_of
    from cvn_harness_core.plugins.loading import describe, load
    from cvn_harness_core.plugins.registry import (
        ENSEMBLE_REGISTRY,
        MODEL_REGISTRY,
        THETA_REGISTRY,
    )

    try:
        if record.kind == "model":
            adapters.adapter_from(MODEL_REGISTRY.load(record), record)
        elif record.kind == "ensemble":
            adapters.combiner_from(ENSEMBLE_REGISTRY.load(record), record)
        elif record.kind == "theta-rule":
            THETA_REGISTRY.load(record)
        else:
            limits_of(record, load(record))
    except PluginError as error:
        said = str(error).removeprefix(describe(record)).lstrip(": ")
        answer = {"code": error.code, "message": said}
        if error.code == "plugin_dependency_missing":
            missing = str(getattr(error.__cause__, "name", "")).partition(".")[0]
            message = f"it needs {missing!r}, which is not installed"
            answer |= {"missing": missing, "message": message}
        return answer
    return {}


def main() -> None:
    """Say of each record that is asked for what its import comes to."""
    descriptor = int(sys.argv[1])
    os.set_inheritable(descriptor, False)  # noqa: FBT003
    connection = Connection(descriptor)
    sys.path[:], records = json.loads(connection.recv_bytes())
    connection.send_bytes(b"{}")
    for fields in records:
        connection.send_bytes(json.dumps(_try(PluginRecord(*fields))).encode())


if __name__ == "__main__":
    main()
